/**
 * Computes the demo's result tables with DuckDB, from the CSV files alone: an answer that shares no code with
 * Millrace. RESULTS.md defines the tables; each has its query in the file of its name.
 *
 * A table is handed over as its canonical lines: one JSON object (RFC 8785: keys sorted, no spaces) per row, the
 * lines sorted by their UTF-16 code units, which for the ASCII texts of this data is their order as bytes.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'

export const tableNames = [
  'delays-by-hour',
  'departures-enriched',
  'made-up-in-air',
  'plane-rotations',
  'late-streaks',
  'dead-letters',
] as const
export type TableName = (typeof tableNames)[number]

export const topicNames = ['departed', 'arrived', 'cancelled', 'weather', 'planes'] as const
export type TopicName = (typeof topicNames)[number]

export type Scalar = string | number | boolean | null
export type ResultRow = Readonly<Record<string, Scalar | readonly Scalar[]>>

/** What is compared between two ways to the same table. */
export interface TableSummary {
  readonly rows: number
  /** Of the canonical lines, each ended by a line feed. */
  readonly sha256: string
}

export interface FlightsCheck {
  /** The canonical lines of a result table. */
  table(name: TableName): Promise<readonly string[]>
  /** The events of a topic, in the order of the files, without key and timestamp. */
  events(topic: TopicName): Promise<readonly ResultRow[]>
  /** The rows of any query over the tables that the `load-*.sql` files make. */
  query(sql: string): Promise<readonly ResultRow[]>
  close(): void
}

const loads = ['load-lines', 'load-values', 'load-flights', 'load-references']

/**
 * Reads the files of `directory`, which is laid out as prepare.mjs does it, into a DuckDB in memory.
 * A month takes half a second, the year about five.
 */
export async function openFlightsCheck(directory: string): Promise<FlightsCheck> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(`SET VARIABLE data = '${directory.replaceAll("'", "''")}'`)
  for (const load of loads) await runAll(connection, sqlOf(load))
  return {
    async table(name) {
      return canonicalLines(await rowsOf(connection, sqlOf(name)))
    },
    async events(topic) {
      return rowsOf(connection, `SELECT * EXCLUDE (position) FROM ${topic} ORDER BY position`)
    },
    async query(sql) {
      return rowsOf(connection, sql)
    },
    close() {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

/** The lines that two equal tables share, whatever the order of their rows and keys. */
export function canonicalLines(rows: Iterable<ResultRow>): string[] {
  return Array.from(rows, canonicalJson).sort()
}

export function summarize(lines: readonly string[]): TableSummary {
  const hash = createHash('sha256')
  for (const line of lines) hash.update(`${line}\n`)
  return { rows: lines.length, sha256: hash.digest('hex') }
}

function canonicalJson(row: ResultRow): string {
  return JSON.stringify(Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))))
}

function sqlOf(name: string): string {
  return readFileSync(new URL(`./${name}.sql`, import.meta.url), 'utf8')
}

async function runAll(connection: DuckDBConnection, sql: string): Promise<void> {
  const statements = await connection.extractStatements(sql)
  for (let index = 0; index < statements.count; index++) {
    const statement = await statements.prepare(index)
    await statement.run()
    statement.destroySync()
  }
}

async function rowsOf(connection: DuckDBConnection, sql: string): Promise<ResultRow[]> {
  const reader = await connection.runAndReadAll(sql)
  return reader.getRowObjectsJS().map((row) => {
    return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainValue(value)]))
  })
}

/** DuckDB's whole numbers are bigint; all of this data fit a number. */
function plainValue(value: unknown): Scalar | readonly Scalar[] {
  if (Array.isArray(value)) return value.map((item) => plainValue(item) as Scalar)
  if (typeof value === 'bigint') {
    assert.ok(Number.isSafeInteger(Number(value)), 'a whole number of the results is within 2^53')
    return Number(value)
  }
  const scalar = value === null || ['string', 'number', 'boolean'].includes(typeof value)
  assert.ok(scalar, `a column of the results is JSON, not ${typeof value}`)
  return value as Scalar
}
