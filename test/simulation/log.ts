/**
 * `npm run sim -- log --seeds 10000 [--from N] [--keep-going]`: the log under crashes, disk faults and clock jumps, a
 * seed after the other; ends with the first that shows an anomaly unless it is to keep going. `--seed N` runs one and
 * says what happens.
 */
import { logSimulation } from './log/simulation.ts'
import { runCommand } from './seeds/command.ts'

await runCommand(logSimulation)
