import { runNamed } from '../named.ts'

/** `npm run sim -- NAME [options]`: a seeded simulation of test/simulation/, as a failed test prints it. */
await runNamed('test/simulation', 'sim')
