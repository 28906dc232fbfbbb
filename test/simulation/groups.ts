/**
 * `npm run sim -- groups --seeds 10000 [--from N]`: groups and transactions under crashes, disk faults and clock jumps,
 * a seed after the other; ends with the first that shows an anomaly, or goes on with `--keep-going`. `--seed N` runs
 * one and says what happens.
 */
import { parseArgs } from 'node:util'
import { simulateSeeds } from './groups/seeds.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
  },
})

const { seed } = values
const startMs = performance.now()
const outcome = await simulateSeeds({
  from: Number(seed ?? values.from),
  count: seed === undefined ? Number(values.seeds) : 1,
  keepGoing: values['keep-going'],
  print: (line) => process.stdout.write(`${line}\n`),
  verbose: seed !== undefined,
})
const elapsedSec = (performance.now() - startMs) / 1000
process.stdout.write(`${(outcome.runs / elapsedSec).toFixed(1)} seeds/s\n`)
if (outcome.failures.length > 0) process.exitCode = 1
