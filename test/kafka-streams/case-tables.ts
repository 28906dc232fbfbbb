/**
 * Reads and writes the tables of docs/reference/semantics.md: a row is one input record, and the results that follow.
 *
 * | time | a | t | `join` | `leftJoin` |     the time, a column per input topic, a column per operator
 * | 3 | A | | | A+null |                      a cell: `value`, `key: value`, with `@time` where it is another
 */
import type { CausedRecord, InputRecord } from './witness.ts'

/** The key of records that name none. */
const KEY = 'k'
const NO_KEY = 'no key'

export interface CaseTable {
  readonly title: string
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
  /** The line of the page on which the first row is, from 0 on. */
  readonly line: number
}

/** The tables whose first column is `time`, each with the headings that it is under. */
export function readTables(page: string): CaseTable[] {
  const lines = page.split('\n')
  const headings: string[] = []
  const tables: CaseTable[] = []
  for (const [at, line] of lines.entries()) {
    const heading = /^(##+) (.*)$/.exec(line)
    if (heading !== null) headings.splice(heading[1]!.length - 2, Number.POSITIVE_INFINITY, heading[2]!)
    if (!line.startsWith('| time |')) continue
    let end = at + 2
    while (lines[end]?.startsWith('|')) end++
    const rows = lines.slice(at + 2, end).map(cellsOf)
    tables.push({ title: headings.join(': '), header: cellsOf(line), rows, line: at + 2 })
  }
  return tables
}

/** The page with other cells in one of its tables. */
export function writeRows(page: string, table: CaseTable, rows: readonly (readonly string[])[]): string {
  const lines = page.split('\n')
  for (const [at, cells] of rows.entries())
    lines[table.line + at] = `| ${cells.join(' | ')} |`.replaceAll('  ', ' ')
  return lines.join('\n')
}

/** The input records of a table: of each row the one topic in which there is something. */
export function inputsOf({ title, header, rows }: CaseTable): InputRecord[] {
  const topics = header.map((name, at) => [name, at] as const).filter(([name]) => /^[a-z]$/.test(name))
  return rows.map((row): InputRecord => {
    const filled = topics.filter(([, at]) => row[at] !== '')
    const [topic, at] = filled[0] ?? ['', 0]
    if (filled.length !== 1 || !/^\d+$/.test(row[0]!))
      throw new Error(`"${title}": a row has a time and one record, not ${row.join(' | ')}`)
    const [, key, value] = /^(?:(.+): )?(.+)$/.exec(row[at]!)!
    return [topic, key === NO_KEY ? null : (key ?? KEY), value === 'null' ? null : value!, Number(row[0])]
  })
}

/** A cell for each input: the results that came after it, oldest first. */
export function resultCells(inputs: readonly InputRecord[], results: readonly CausedRecord[]): string[] {
  return inputs.map(([, , , timeMs], at) =>
    results
      .filter(([, , , cause]) => cause === at)
      .map(([key, value, timestampMs]) => {
        const named = key === KEY ? '' : `${key ?? NO_KEY}: `
        return `${named}${value}${timestampMs === timeMs ? '' : `@${timestampMs}`}`
      })
      .join(', '),
  )
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, line.lastIndexOf('|'))
    .split('|')
    .map((cell) => cell.trim())
}
