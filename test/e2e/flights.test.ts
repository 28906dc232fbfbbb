/**
 * The demo as a user runs it, a process of its own, against the golden files: at 1 and 4 partitions, 1 and 2 worker
 * threads, and killed at random moments.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type FlightsOutcome,
  goldenDeadLetters,
  goldenTable,
  readOutcome,
  resultTables,
  startFlights,
} from './flights.ts'

const KILLS = 20
const RUN_TIMEOUT_MS = 120_000

const directories: string[] = []
function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-flights-'))
  directories.push(directory)
  return directory
}
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

function checkGolden(outcome: FlightsOutcome): void {
  assert.equal(outcome.lateRecords, 0, 'no record is late')
  assert.equal(outcome.badRecords, 0, 'no record of a channel is bad')
  assert.deepEqual(outcome.deadLetters, goldenDeadLetters())
  for (const table of resultTables) {
    const expected = goldenTable(table)
    assert.equal(outcome.tables[table]?.length, expected.length, `rows of ${table}`)
    assert.deepEqual(outcome.tables[table], expected, table)
    assert.deepEqual(outcome.files[table], expected, `files of ${table}`)
  }
}

async function runOnce(directory: string, flags: readonly string[]): Promise<string> {
  const run = startFlights(directory, ['--once', ...flags])
  const timeout = AbortSignal.timeout(RUN_TIMEOUT_MS)
  timeout.addEventListener('abort', () => run.child.kill('SIGKILL'))
  const code = await run.ended
  assert.equal(code, 0, `the demo ended with ${code}:\n${run.output()}`)
  return run.output()
}

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
      checkGolden(await readOutcome(directory))
    })
  }

  it('finds nothing more to do when it is run again', async () => {
    const directory = newDirectory()
    await runOnce(directory, [])
    await runOnce(directory, [])
    checkGolden(await readOutcome(directory))
  })
})

describe('the demo "flights", killed', () => {
  it(`gives the golden tables after ${KILLS} kills at random moments, each followed by a start`, async (context) => {
    const seed = Number(process.env['MILLRACE_SEED'] ?? Date.now() % 1_000_000)
    context.diagnostic(`MILLRACE_SEED=${seed}`)
    let state = seed
    const chance = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state / 2 ** 32
    }
    const directory = newDirectory()
    for (let kill = 0; kill < KILLS; kill++) {
      const once = chance() < 0.5
      const run = startFlights(directory, once ? ['--once'] : ['--speed', '200000'])
      await Promise.race([delay(300 + chance() * 2200), run.ended])
      run.child.kill('SIGKILL')
      const how = await run.ended
      assert.ok(how === 'SIGKILL' || how === 0, `run ${kill} ended with ${how}:\n${run.output()}`)
    }
    await runOnce(directory, [])
    checkGolden(await readOutcome(directory))
  })
})
