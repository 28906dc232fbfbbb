import { runNamed } from '../named.ts'

/** `npm run bench -- NAME [options]`: one script per claim, in bench/. */
await runNamed('bench', 'bench')
