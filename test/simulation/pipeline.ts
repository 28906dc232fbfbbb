/**
 * `npm run sim -- pipeline --seeds 600 [--from N] [--keep-going]`: a pipeline with its broker, crashed and started
 * again, a seed after the other; ends with the first that fails unless it is to keep going. `--seed N` runs one and
 * says what happens.
 */
import { pipelineSimulation } from './pipeline/run.ts'
import { runCommand } from './seeds/command.ts'

await runCommand(pipelineSimulation)
