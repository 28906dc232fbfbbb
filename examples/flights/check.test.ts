/**
 * DuckDB's answers against the golden files, and events.ts against DuckDB: for the committed January always, for
 * the whole year when the data set lies beside the repository. `UPDATE_GOLDEN=1` writes the golden files anew.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { parse } from 'csv-parse/sync'
import { isMillraceError } from 'millrace'
import {
  canonicalLines,
  type FlightsCheck,
  openFlightsCheck,
  type ResultRow,
  summarize,
  type TableName,
  type TableSummary,
  tableNames,
  topicNames,
} from './check/check.ts'
import type { Row } from './columns.ts'
import {
  eventOfPlane,
  eventOfWeather,
  eventsOfFlight,
  type FlightEvent,
  type PlaneEvent,
  registerMs,
  type WeatherEvent,
} from './events.ts'
import { schemas } from './schemas.ts'
import { type Zones, zonesOfAirports } from './zones.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const january = join(here, 'data')
const golden = join(here, 'golden/january')
const updating = process.env['UPDATE_GOLDEN'] === '1'
const dataSet = join(here, '../../../shared/data/nycflights13')
const withoutDataSet = existsSync(dataSet) ? false : `the whole year is not at ${dataSet}`

type DemoEvent = FlightEvent | WeatherEvent | PlaneEvent
interface Collected {
  readonly events: readonly DemoEvent[]
  readonly deadLetters: readonly ResultRow[]
}

/** The rows of a packed CSV file; the row at `index` is line `index + 2`. */
function rowsOf(path: string): Row[] {
  const cast = (value: string, context: { header: boolean }) =>
    value === 'NA' && !context.header ? null : value
  return parse(gunzipSync(readFileSync(path)), { columns: true, cast, relax_column_count_less: true })
}

/** All that events.ts makes of a directory, in the order of the files. */
function collect(directory: string): Collected {
  const zones: Zones = zonesOfAirports(rowsOf(join(directory, 'airports.csv.gz')))
  const events: DemoEvent[] = []
  const deadLetters: ResultRow[] = []
  for (const file of readdirSync(join(directory, 'spool')).sort()) {
    rowsOf(join(directory, 'spool', file)).forEach((row, index) => {
      try {
        if (file.startsWith('flights')) events.push(...eventsOfFlight(row, zones))
        else events.push(file.startsWith('weather') ? eventOfWeather(row, zones) : eventOfPlane(row))
      } catch (error) {
        if (!isMillraceError(error)) throw error
        const column = String(error.context['column'])
        deadLetters.push({ file, line: index + 2, code: error.code, column })
      }
    })
  }
  return { events, deadLetters }
}

/** One line per departed flight in the order of the files: id, departure, arrival. */
function flightTimes({ events }: Collected): string {
  const arrivedMsById = new Map(
    events.flatMap((event) => (event.topic === 'arrived' ? [[event.value.flightId, event.timestampMs]] : [])),
  )
  return events
    .filter((event) => event.topic === 'departed')
    .map(({ value }) => `${value.flightId},${value.departedMs},${arrivedMsById.get(value.flightId) ?? ''}\n`)
    .join('')
}

const flightTimesSql = `SELECT sha256(string_agg(line, '' ORDER BY position)) AS sha256 FROM (
  SELECT d.position, concat(d."flightId", ',', d."departedMs", ',', a."arrivedMs", chr(10)) AS line
  FROM departed d LEFT JOIN arrived a USING ("flightId"))`

const timeColumns = {
  departed: 'departedMs',
  arrived: 'arrivedMs',
  cancelled: 'scheduledMs',
  weather: 'observedMs',
}

/** Number of events, first and last time of each topic, by DuckDB. */
function extentsSql(): string {
  const parts = Object.entries(timeColumns).map(
    ([topic, column]) => `SELECT '${topic}' AS topic, count(*) AS events, min("${column}") AS "firstMs",
      max("${column}") AS "lastMs" FROM ${topic}`,
  )
  return [...parts, `SELECT 'planes', count(*), ${registerMs}, ${registerMs} FROM planes`].join(' UNION ALL ')
}

function extents({ events }: Collected): ResultRow[] {
  return topicNames.map((topic) => {
    const times = events.filter((event) => event.topic === topic).map((event) => event.timestampMs)
    const firstMs = times.reduce((a, b) => Math.min(a, b))
    const lastMs = times.reduce((a, b) => Math.max(a, b))
    return { topic, events: times.length, firstMs, lastMs }
  })
}

async function assertSameExtents(check: FlightsCheck, collected: Collected): Promise<void> {
  assert.deepEqual(canonicalLines(extents(collected)), canonicalLines(await check.query(extentsSql())))
  assert.deepEqual(canonicalLines(collected.deadLetters), await check.table('dead-letters'))
  const sha256 = createHash('sha256').update(flightTimes(collected)).digest('hex')
  assert.deepEqual(await check.query(flightTimesSql), [{ sha256 }])
}

const sha256Pattern = /^[0-9a-f]{64}$/

/** The cells of all table rows of a Markdown file. */
function statedCells(path: string): string[][] {
  const lines = readFileSync(path, 'utf8').split('\n')
  const rows = lines.filter((line) => line.startsWith('|'))
  return rows.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

describe('the committed data', () => {
  let check: FlightsCheck
  before(async () => {
    check = await openFlightsCheck(january)
  })
  after(() => check.close())

  it('is what its README states', () => {
    const files = statedCells(join(january, 'README.md')).filter((cells) => sha256Pattern.test(cells.at(-1)!))
    assert.equal(files.length, 7)
    for (const [file, rows, planted, sha256] of files) {
      const bytes = gunzipSync(readFileSync(join(january, file!)))
      const lineCount = bytes.toString('utf8').split('\n').length - 1
      assert.deepEqual(
        [createHash('sha256').update(bytes).digest('hex'), lineCount],
        [sha256, Number(rows) + Number(planted) + 1],
        file,
      )
    }
  })

  it('gives the golden files when DuckDB computes the tables', async () => {
    const summary: Partial<Record<TableName, TableSummary>> = {}
    mkdirSync(golden, { recursive: true })
    for (const name of tableNames) {
      const lines = await check.table(name)
      summary[name] = summarize(lines)
      const path = join(golden, `${name}.jsonl`)
      if (updating) writeFileSync(path, lines.map((line) => `${line}\n`).join(''))
      const expected = readFileSync(path, 'utf8').split('\n').slice(0, -1)
      const differing = lines.findIndex((line, index) => line !== expected[index])
      assert.equal(lines[differing], expected[differing], `${name}: line ${differing + 1} differs`)
      assert.equal(lines.length, expected.length, `${name}: number of rows`)
    }
    const summaryPath = join(golden, 'summary.json')
    if (updating) writeFileSync(summaryPath, `${JSON.stringify(summary, null, 2)}\n`)
    assert.deepEqual(summary, JSON.parse(readFileSync(summaryPath, 'utf8')))
  })

  it('has the dead letters that its README names', async () => {
    const stated = statedCells(join(january, 'README.md')).filter(
      (cells) => /^\d+$/.test(cells[1]!) && !sha256Pattern.test(cells.at(-1)!),
    )
    assert.equal(stated.length, 8)
    const rows = stated.map(([file, line, column]) => ({
      file,
      line: Number(line),
      code: 'MR_RECORD_INVALID',
      column,
    }))
    assert.deepEqual(await check.table('dead-letters'), canonicalLines(rows as ResultRow[]))
  })

  it('gives the same events in TypeScript and in DuckDB, value by value', async () => {
    const collected = collect(january)
    await assertSameExtents(check, collected)
    for (const topic of topicNames) {
      const values = collected.events.filter((event) => event.topic === topic).map((event) => event.value)
      assert.deepEqual(values, await check.events(topic), topic)
      for (const value of values) assert.deepEqual(schemas[topic].parse(value), value)
    }
  })
})

describe('the whole year', { skip: withoutDataSet }, () => {
  let year = ''
  let check: FlightsCheck
  before(async () => {
    year = mkdtempSync(join(tmpdir(), 'millrace-flights-'))
    execFileSync(process.execPath, [join(here, 'prepare.mjs'), '--from', dataSet, '--year', year])
    check = await openFlightsCheck(year)
  })
  after(() => {
    check.close()
    rmSync(year, { recursive: true, force: true })
  })

  it('holds the committed January, byte for byte once unpacked', () => {
    const files = readdirSync(join(january, 'spool')).map((name) => `spool/${name}`)
    for (const file of ['airports.csv.gz', 'airlines.csv.gz', ...files]) {
      const [committed, made] = [january, year].map((folder) => gunzipSync(readFileSync(join(folder, file))))
      assert.ok(committed!.equals(made!), file)
    }
  })

  it('gives the same events in TypeScript and in DuckDB', async () => {
    const collected = collect(year)
    await assertSameExtents(check, collected)
    const counts = extents(collected).map((extent) => extent['events'])
    assert.deepEqual(counts, [328_521, 328_063, 8_255, 26_115, 3_322])
  })

  it('has no two flights of one id', async () => {
    const counts = await check.query(
      'SELECT count(*) AS rows, count(DISTINCT "flightId") AS ids FROM valid_flight',
    )
    assert.deepEqual(counts, [{ rows: 336_776, ids: 336_776 }])
  })

  it('gives the tables that RESULTS.md states', async () => {
    const stated = statedCells(join(here, 'RESULTS.md')).filter((cells) => sha256Pattern.test(cells.at(-1)!))
    const computed: string[][] = []
    for (const name of tableNames) {
      const { rows, sha256 } = summarize(await check.table(name))
      computed.push([name, String(rows), sha256])
    }
    assert.deepEqual(stated, computed)
  })
})
