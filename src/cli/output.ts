/**
 * What a command answers: rows of data on stdout, everything else on stderr.
 *
 * A table on a terminal, JSON Lines when stdout is something else, unless --output says otherwise. Field names are
 * snake_case and the same in every format; numbers are numbers.
 */
import { MillraceError } from '../core/errors.ts'
import type { Terminal, TerminalOutput } from '../platform/terminal.ts'
import { csvLine, jsonText, markdownLine, type OutputRow } from './row.ts'
import { formatTable } from './terminal/table.ts'

export type { Cell, OutputRow } from './row.ts'

export type OutputFormat = 'table' | 'json' | 'jsonl' | 'csv' | 'markdown' | 'help'
const formats: readonly OutputFormat[] = ['table', 'json', 'jsonl', 'csv', 'markdown', 'help']

export class Output {
  readonly format: OutputFormat
  readonly quiet: boolean
  private readonly terminal: Terminal

  constructor(
    terminal: Terminal,
    options: { readonly format: OutputFormat | undefined; readonly quiet: boolean },
  ) {
    this.terminal = terminal
    this.format = options.format ?? (terminal.out.isTerminal ? 'table' : 'jsonl')
    this.quiet = options.quiet
  }

  /** All rows of an answer. `columns` orders the fields; the first row decides when it is left out. */
  rows(rows: readonly OutputRow[], columns: readonly string[] = Object.keys(rows[0] ?? {})): void {
    const { out } = this.terminal
    switch (this.format) {
      case 'json':
        out.write(`${jsonText(rows, 2)}\n`)
        return
      case 'csv':
        out.write(
          [columns, ...rows.map((row) => columns.map((name) => row[name] ?? null))].map(csvLine).join(''),
        )
        return
      case 'markdown':
        out.write(markdownTable(rows, columns))
        return
      case 'table':
        out.write(formatTable(rows, columns, { width: out.columns, bold: styler(out, '1') }))
        return
      default:
        for (const row of rows) this.row(row)
    }
  }

  /** An answer that is one row by nature: an object in JSON. */
  one(row: OutputRow): void {
    if (this.format === 'json') this.raw(`${jsonText(row, 2)}\n`)
    else this.rows([row])
  }

  /** A row as a line of JSON, for answers that come bit by bit. */
  row(row: OutputRow): boolean {
    return this.raw(`${jsonText(row)}\n`)
  }

  /** Text on stdout as it is. False asks to wait for `drained`. */
  raw(text: string | Uint8Array): boolean {
    return this.terminal.out.write(text)
  }

  /** Resolves when stdout has taken everything; nothing more need be written once `closed` is true. */
  drained(): Promise<void> {
    return this.terminal.out.drained()
  }

  get closed(): boolean {
    return this.terminal.out.closed
  }

  /** A line for people, on stderr. */
  note(line: string): void {
    if (!this.quiet) this.terminal.err.write(`${line}\n`)
  }
}

/** @throws MR_USAGE */
export function outputFormat(text: string | undefined, json: boolean): OutputFormat | undefined {
  if (text === undefined) return json ? 'json' : undefined
  const format = formats.find((known) => known === text)
  if (format !== undefined) return format
  throw new MillraceError('MR_USAGE', `no output format "${text}"`, {
    hint: `Use one of ${formats.join(', ')}.`,
  })
}

/** Wraps text in an escape sequence where the stream shows colours. */
export function styler(stream: TerminalOutput, code: string): (text: string) => string {
  return stream.colorDepth === 0 ? (text) => text : (text) => `\x1b[${code}m${text}\x1b[0m`
}

function markdownTable(rows: readonly OutputRow[], columns: readonly string[]): string {
  const cells = rows.map((row) => columns.map((name) => row[name] ?? null))
  return [columns, columns.map(() => '---'), ...cells].map(markdownLine).join('')
}
