/**
 * The end of a transaction that arrives when the next one is open: client/late-commit.ts says how it comes to that.
 * `npm run sim -- client-late-commits --seeds 1000` runs more.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulateLateCommit } from './client/late-commit.ts'

const SCHEDULES = Number(process.env['MILLRACE_SIM_SEEDS'] ?? 15)

for (const version of [1, 2] as const) {
  for (const aborts of [false, true]) {
    const what = `${aborts ? 'an abort' : 'a commit'} that arrives late ends no later transaction (version ${version})`
    test(what, async () => {
      const failed: string[] = []
      for (let seed = 0; seed < SCHEDULES; seed++) {
        await simulateLateCommit({ seed, version, aborts }).catch((error: unknown) => {
          failed.push(`schedule ${seed}: ${String(error)}`)
        })
      }
      assert.deepEqual(failed, [])
    })
  }
}
