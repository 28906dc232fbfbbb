/** What a bounded run prints at its end: the result tables on stdout, and how fast it was on stderr. */
import type { Terminal } from '../platform/terminal.ts'
import type { FlowSnapshot, ResultCell, ResultColumn, ResultTable } from '../server/flow.ts'
import { formatTime } from './live-view.ts'
import { type Output, type OutputRow, styler } from './output.ts'
import { formatTable } from './terminal/table.ts'
import { formatCount } from './terminal/text.ts'

const ROWS_SHOWN = 10

export function printResults(
  output: Output,
  terminal: Terminal,
  snapshot: FlowSnapshot,
  seconds: number,
): void {
  for (const table of snapshot.results) {
    if (output.format === 'jsonl' || output.format === 'json') {
      const latest = rowsOf(table, (cell) => cell)
      output.row({ topic: table.topic, rows: table.rowCount, latest })
      continue
    }
    const { out } = terminal
    const bold = styler(out, '1')
    out.write(`\n${bold(table.title)}   ${formatCount(table.rowCount)} rows in ${table.topic}\n`)
    const columns = table.columns.map(({ name }) => name)
    const rows = rowsOf(table, (cell, type) =>
      type === 'time' && typeof cell === 'number' ? formatTime(cell) : cell,
    )
    out.write(formatTable(rows, columns, { width: out.columns, bold: styler(out, '2') }))
  }
  const read = pipelineRecords(snapshot)
  output.note(
    `\n  ${formatCount(read)} records processed in ${seconds.toFixed(2)} s: ${formatCount(read / seconds)} records/s`,
  )
}

/** What the pipelines took from topics of the user. */
function pipelineRecords(snapshot: FlowSnapshot): number {
  const sources = snapshot.nodes
    .filter(({ kind, group }) => kind === 'topic' && group === '')
    .map(({ id }) => id)
  const operators = new Set(snapshot.nodes.filter(({ kind }) => kind === 'operator').map(({ id }) => id))
  const read = new Map<string, number>()
  for (const { from, to, records } of snapshot.edges) {
    if (sources.includes(from) && operators.has(to)) read.set(from, Math.max(read.get(from) ?? 0, records))
  }
  return [...read.values()].reduce((total, records) => total + records, 0)
}

function rowsOf(
  table: ResultTable,
  show: (cell: ResultCell, type: ResultColumn['type']) => ResultCell,
): OutputRow[] {
  return table.rows
    .slice(0, ROWS_SHOWN)
    .map((row) =>
      Object.fromEntries(table.columns.map(({ name, type }, at) => [name, show(row[at] ?? null, type)])),
    )
}
