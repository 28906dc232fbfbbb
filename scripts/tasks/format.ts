import { showTool, tools } from '../repository.ts'

/** `npm run format [-- PATH…]`: puts everything into Biome's format, and mends what can be mended safely. */
process.exitCode = await showTool(tools.biome, ['check', '--write', ...process.argv.slice(2)])
