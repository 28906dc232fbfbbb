/** Rows of data as text: cells, and lines of JSON, CSV and Markdown. */
import { printable } from './terminal/text.ts'

export type Cell = string | number | boolean | null | readonly Cell[] | { readonly [name: string]: Cell }
export type OutputRow = Readonly<Record<string, Cell>>

/** What acts on a terminal and JSON does not escape by itself: `acting` of text.ts without line feeds. */
const acting = /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

/** JSON that cannot act on a terminal: it means the same, with more written as `\u…`. */
export function jsonText(value: unknown, indent?: number): string {
  return harmlessJson(JSON.stringify(value, null, indent))
}

export function harmlessJson(json: string): string {
  return acting.test(json) ? json.split('\n').map(printable).join('\n') : json
}

export function csvLine(cells: readonly Cell[]): string {
  const quoted = cells.map((cell) => {
    const text = cellText(cell)
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  })
  return `${quoted.join(',')}\n`
}

export function markdownLine(cells: readonly Cell[]): string {
  const escaped = cells.map((cell) => printable(cellText(cell)).replaceAll('|', '\\|'))
  return `| ${escaped.join(' | ')} |\n`
}

/** A row as a line of the format, for rows that come bit by bit; the headings come before the first. */
export function rowLines(
  format: 'csv' | 'markdown' | 'jsonl',
  columns: readonly string[],
): (row: OutputRow) => string {
  if (format === 'jsonl') return (row) => `${jsonText(row)}\n`
  const line = format === 'csv' ? csvLine : markdownLine
  let heading = line(columns) + (format === 'csv' ? '' : line(columns.map(() => '---')))
  return (row) => {
    const text = heading + line(columns.map((name) => row[name] ?? null))
    heading = ''
    return text
  }
}

/** A cell as text: null is empty, lists and objects are JSON. */
export function cellText(cell: Cell): string {
  if (cell === null) return ''
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell)
}
