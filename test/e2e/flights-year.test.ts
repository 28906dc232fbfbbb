/** The whole year of 2013 through the demo's pipeline, against what DuckDB made of it (examples/flights/RESULTS.md). */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { summarize } from '../../examples/flights/check/check.ts'
import { readOutcome, resultTables } from './flights.ts'
import { newDirectory, runOnce } from './flights-checks.ts'

const example = fileURLToPath(new URL('../../examples/flights/', import.meta.url))
const dataSet = fileURLToPath(new URL('../../../shared/data/nycflights13', import.meta.url))
const skip = existsSync(dataSet)
  ? false
  : 'the whole year is not beside the repository: ../shared/data/nycflights13'

/** The demo's configuration over another directory of input, as a file beside the demo's own modules. */
function writeConfig(year: string): string {
  const text = readFileSync(join(example, 'millrace.config.ts'), 'utf8')
  const input = JSON.stringify(pathToFileURL(`${year}/`).href)
  const changed = text
    .replace('collectFlights()', `collectFlights(new URL(${input}))`)
    .replaceAll("from './", "from '../../examples/flights/")
  assert.notEqual(changed, text)
  const folder = fileURLToPath(new URL('../../.cache/e2e/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `year-${process.pid}.config.ts`)
  writeFileSync(file, changed)
  return file
}

/** Rows and SHA-256 of each table, as RESULTS.md states them. */
function statedTables(): Map<string, { rows: number; sha256: string }> {
  const rows = readFileSync(join(example, 'RESULTS.md'), 'utf8').matchAll(
    /^\| ([a-z-]+) *\| *(\d+) *\| *([0-9a-f]{64}) *\|$/gm,
  )
  return new Map(
    [...rows].map(([, name, count, sha256]) => [name!, { rows: Number(count), sha256: sha256! }]),
  )
}

describe('the whole year of flights', { skip }, () => {
  it('gives the tables that DuckDB computes from the files', async () => {
    const year = newDirectory()
    execFileSync(process.execPath, [join(example, 'prepare.mjs'), '--from', dataSet, '--year', year])
    const config = writeConfig(year)
    const data = newDirectory()
    try {
      await runOnce(data, ['--partitions', '2'], config)
    } finally {
      rmSync(config)
    }
    const outcome = await readOutcome(data)
    const stated = statedTables()
    for (const table of resultTables) {
      assert.deepEqual(summarize(outcome.tables[table] ?? []), stated.get(table), table)
      assert.deepEqual(outcome.files[table], outcome.tables[table], `files of ${table}`)
    }
  })
})
