/**
 * The tables of docs/reference/semantics.md, row by row, here and in Kafka Streams.
 *
 * UPDATE_GOLDEN=1 writes into the page what comes out; read the difference before it is kept.
 */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { it } from 'node:test'
import { root } from '../../scripts/repository.ts'
import { testDriver } from '../../src/testing/test-driver.ts'
import { type CaseTable, inputsOf, readTables, resultCells, writeRows } from './case-tables.ts'
import { pipelineOf, topologies } from './topologies.ts'
import type { CausedRecord, InputRecord, StartedWitness } from './witness.ts'

const file = path.join(root, 'docs/reference/semantics.md')
const updated = process.env['UPDATE_GOLDEN'] === '1'
const theirs = ' in Kafka Streams'

/** The topology of each column of results. */
const columns: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'Two streams: In one window': {
    join: 'stream-stream-wide',
    leftJoin: 'stream-stream-wide-left',
    outerJoin: 'stream-stream-wide-outer',
  },
  'Two streams: Out of order and late': {
    join: 'stream-stream-grace',
    leftJoin: 'stream-stream-left',
    outerJoin: 'stream-stream-outer',
  },
  'Two streams: Given out alone': {
    join: 'stream-stream-grace',
    leftJoin: 'stream-stream-left',
    outerJoin: 'stream-stream-outer',
  },
  'Two streams: Without a key': {
    join: 'stream-stream-grace',
    leftJoin: 'stream-stream-left',
    outerJoin: 'stream-stream-outer',
  },
  'A stream and a table: In order': { join: 'stream-table', leftJoin: 'stream-table-left' },
  'A stream and a table: Out of order': {
    leftJoin: 'stream-table-left',
    'leftJoin, history': 'stream-versioned-left',
  },
  'A stream and a table: A global table': { join: 'stream-global', leftJoin: 'stream-global-left' },
  'Two tables: By their key': {
    join: 'table-table',
    leftJoin: 'table-table-left',
    outerJoin: 'table-table-outer',
  },
  'Two tables: Out of order': {
    outerJoin: 'table-table-outer',
    'outerJoin, history': 'table-table-versioned',
  },
  'Two tables: By a key that the value names': { joinOn: 'foreign-key', leftJoinOn: 'foreign-key-left' },
  'One table: Filtered and changed': { filter: 'table-filter', mapValues: 'table-map-values' },
  'One table: Held back': { suppress: 'suppress' },
  'Aggregates: Filtered and grouped again': { filter: 'count-filter', groupBy: 'reduce-regroup' },
  "A stream and a table: A stream of a table's changes": { leftJoin: 'table-stream-table-left' },
  'Aggregates: Of a stream': { count: 'count', reduce: 'reduce', aggregate: 'aggregate' },
  'Aggregates: Of several streams': { cogroup: 'cogroup' },
  'Aggregates: Of a table': {
    count: 'table-group-count',
    reduce: 'table-group-reduce',
    aggregate: 'table-group-aggregate',
  },
  'Windows: Tumbling': {
    "emit: 'update'": 'tumbling',
    "emit: 'close'": 'tumbling-close',
    suppress: 'tumbling-suppressed',
  },
  'Windows: Hopping': { "emit: 'update'": 'hopping' },
  'Windows: Sliding': { "emit: 'update'": 'sliding' },
  'Windows: Sessions': { "emit: 'update'": 'session', "emit: 'close'": 'session-close' },
}

const tables = readTables(fs.readFileSync(file, 'utf8'))

/** What follows each row here, and which records were late. */
function ours(name: string, inputs: readonly InputRecord[]): string[] {
  const topology = topologies.find((one) => one.name === name)
  assert.ok(topology, `there is a topology ${name}`)
  const driver = testDriver(pipelineOf(topology))
  const results: CausedRecord[] = []
  const late: boolean[] = []
  for (const [cause, [topic, key, value, timestampMs]] of inputs.entries()) {
    driver.topic(topic).append(value, { key, timestampMs })
    for (const result of driver.topic('out').read<string | null, string | null>())
      results.push([result.key, result.value, result.timestampMs, cause, 0, null])
    late.push(driver.topic('compared-late').read().length > 0)
  }
  return resultCells(inputs, results).map((cell, at) =>
    late[at] ? [cell, 'late'].filter((part) => part !== '').join(', ') : cell,
  )
}

const withoutLate = (cell: string): string => cell.replace(/(, |^)late$/, '')

/** Holds what was found against the columns that are named; a column that the table does not have is passed over. */
function check({ title }: CaseTable, found: ReadonlyMap<string, readonly string[]>): void {
  const page = fs.readFileSync(file, 'utf8')
  const table = readTables(page).find((one) => one.title === title)
  assert.ok(table)
  const rows = table.rows.map((row, at) =>
    row.map((cell, column) => found.get(table.header[column]!)?.[at] ?? cell),
  )
  if (updated) fs.writeFileSync(file, writeRows(page, table, rows))
  else assert.deepEqual(rows, table.rows)
}

export function compareTables({ witness, skip }: StartedWitness): void {
  it('are those that are compared', () => {
    assert.deepEqual(tables.map(({ title }) => title).sort(), Object.keys(columns).sort())
  })
  for (const table of tables) {
    const inputs = inputsOf(table)
    const operators = Object.entries(columns[table.title] ?? {})
    it(`hold here: ${table.title}`, () => {
      check(table, new Map(operators.map(([operator, name]) => [headerOf(operator), ours(name, inputs)])))
    })
    it(`hold in Kafka Streams: ${table.title}`, { skip }, async () => {
      const found = new Map<string, readonly string[]>()
      for (const [operator, name] of operators) {
        const cells = resultCells(inputs, (await witness?.run(name, inputs)) ?? [])
        const own = `${headerOf(operator)}${theirs}`
        if (table.header.includes(own)) found.set(own, cells)
        else assert.deepEqual(ours(name, inputs).map(withoutLate), cells, `${name} gives the same`)
      }
      check(table, found)
    })
  }
}

function headerOf(operator: string): string {
  const [name, ...more] = operator.split(', ')
  return [`\`${name}\``, ...more].join(', ')
}
