import { showTool, tools } from '../repository.ts'

/** `npm run lint [-- PATH…]`: Biome's rules and format; warnings count. */
process.exitCode = await showTool(tools.biome, ['check', '--error-on-warnings', ...process.argv.slice(2)])
