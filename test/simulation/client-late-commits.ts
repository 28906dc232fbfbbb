/**
 * `npm run sim -- client-late-commits --seeds 1000 [--from N]`: ends of transactions that arrive when the next one is
 * open, a commit and an abort with each version of transactions for every seed; says which were not refused.
 */
import { parseArgs } from 'node:util'
import { simulateLateCommit } from './client/late-commit.ts'

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: { seeds: { ...text, default: '250' }, from: { ...text, default: '0' } },
})
const from = Number(values.from)
const count = Number(values.seeds)
const print = (line: string): void => void process.stdout.write(`${line}\n`)

let runs = 0
let failures = 0
for (let seed = from; seed < from + count; seed++) {
  for (const version of [1, 2] as const) {
    for (const aborts of [false, true]) {
      runs++
      await simulateLateCommit({ seed, version, aborts }).catch((error: unknown) => {
        failures++
        print(`seed ${seed}, version ${version}, ${aborts ? 'abort' : 'commit'}: ${String(error)}`)
      })
    }
  }
}
print(`${runs} schedules, ${failures} transactions torn`)
if (failures > 0) process.exitCode = 1
