/**
 * The demo as a user runs it, a process of its own, against the golden files: at 1 and 4 partitions, 1 and 2 worker
 * threads, and once more on what is there.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readOutcome } from './flights.ts'
import { assertGolden, newDirectory, runOnce } from './flights-checks.ts'

describe('the demo "flights", run to the end of its input', () => {
  for (const [partitions, threads] of [
    [1, 1],
    [4, 1],
    [4, 2],
    [1, 2],
  ] as const) {
    it(`gives the golden tables with ${partitions} partition(s) and ${threads} thread(s)`, async () => {
      const directory = newDirectory()
      const output = await runOnce(directory, ['--partitions', `${partitions}`, '--threads', `${threads}`])
      assert.match(output, /records\/s/)
      assertGolden(await readOutcome(directory))
    })
  }

  it('finds nothing more to do when it is run again', async () => {
    const directory = newDirectory()
    await runOnce(directory, [])
    await runOnce(directory, [])
    assertGolden(await readOutcome(directory))
  })
})
