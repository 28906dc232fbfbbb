/**
 * `npm run sim -- log --seeds 10000 [--from N]`: the log under crashes, disk faults and clock jumps, a seed after the
 * other; ends with the first that shows an anomaly, or goes on with `--keep-going`. `--seed N` runs one and says what
 * happens.
 */
import { parseArgs } from 'node:util'
import { simulateSeeds } from './log/seeds.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
  },
})

const { seed } = values
const outcome = await simulateSeeds({
  from: Number(seed ?? values.from),
  count: seed === undefined ? Number(values.seeds) : 1,
  keepGoing: values['keep-going'],
  print: (line) => process.stdout.write(`${line}\n`),
  verbose: seed !== undefined,
})
if (outcome.failures.length > 0) process.exitCode = 1
