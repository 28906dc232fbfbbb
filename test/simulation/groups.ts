/**
 * `npm run sim -- groups --seeds 10000 [--from N] [--keep-going]`: groups and transactions under crashes, disk faults
 * and clock jumps, a seed after the other; ends with the first that shows an anomaly unless it is to keep going.
 * `--seed N` runs one and says what happens.
 */
import { groupsSimulation } from './groups/simulation.ts'
import { runCommand } from './seeds/command.ts'

await runCommand(groupsSimulation)
