/** What the tests of the demo share: directories that go with the test, runs to the end, the golden comparison. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { type FlightsOutcome, goldenDeadLetters, goldenTable, resultTables, startFlights } from './flights.ts'

export const RUN_TIMEOUT_MS = 120_000

const directories: string[] = []
/** A directory for data, removed when the test file has ended. */
export function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-flights-'))
  directories.push(directory)
  return directory
}
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

/** Topics, files and dead letters hold what the golden files do, each row once. */
export function assertGolden(outcome: FlightsOutcome): void {
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

/** Runs to the end of the input and gives what was printed. */
export async function runOnce(directory: string, flags: readonly string[], config?: string): Promise<string> {
  const run = startFlights(directory, ['--once', ...flags], config)
  const timeout = AbortSignal.timeout(RUN_TIMEOUT_MS)
  timeout.addEventListener('abort', () => run.child.kill('SIGKILL'))
  const code = await run.ended
  assert.equal(code, 0, `the demo ended with ${code}:\n${run.output()}`)
  return run.output()
}
