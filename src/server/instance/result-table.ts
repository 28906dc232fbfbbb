/**
 * The latest rows of a result topic: the last value per key, kept in memory for the page and the terminal.
 *
 * Bounded: past ROWS_MAX keys the rows that changed longest ago are dropped, and only counted.
 */
import type { ResultCell, ResultColumn, ResultTable } from '../flow.ts'
import type { ResultConfig } from './config.ts'

const ROWS_MAX = 100_000
const ROWS_SHOWN = 50

type Row = Readonly<Record<string, unknown>>

export class ResultRows {
  readonly topic: string
  readonly title: string
  private readonly config: ResultConfig
  /** By key, the one that changed last at the end. */
  private readonly rows = new Map<string, Row>()
  private dropped = 0
  private columns: readonly ResultColumn[] | undefined

  constructor(config: ResultConfig) {
    this.config = config
    this.topic = config.topic
    this.title = config.title ?? config.topic
  }

  get rowCount(): number {
    return this.rows.size + this.dropped
  }

  /** Takes a record of the topic; a null value deletes its key. Values that are no JSON objects are shown as they are. */
  put(key: string, value: string | null): void {
    this.rows.delete(key)
    if (value === null) return
    const row = parseRow(value)
    this.columns ??= columnsOf(row, this.config)
    this.rows.set(key, row)
    if (this.rows.size > ROWS_MAX) {
      const [oldest] = this.rows.keys()
      if (oldest !== undefined) this.rows.delete(oldest)
      this.dropped++
    }
  }

  /** The rows that changed last, first. */
  table(): ResultTable {
    const columns =
      this.columns ?? (this.config.columns ?? []).map((name) => ({ name, type: 'text' as const }))
    const last = [...this.rows.values()].slice(-ROWS_SHOWN).toReversed()
    const rows = last.map((row) => columns.map(({ name }) => cellOf(row[name])))
    return { topic: this.topic, title: this.title, columns, rows, rowCount: this.rowCount }
  }
}

function parseRow(value: string): Row {
  try {
    const parsed: unknown = JSON.parse(value)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Row
    return { value: parsed }
  } catch {
    return { value }
  }
}

function columnsOf(first: Row, config: ResultConfig): ResultColumn[] {
  return (config.columns ?? Object.keys(first)).map((name) => {
    if (name.endsWith('Ms')) return { name, type: 'time' }
    return { name, type: typeof first[name] === 'number' ? 'number' : 'text' }
  })
}

function cellOf(value: unknown): ResultCell {
  if (value === undefined || value === null) return null
  if (typeof value === 'number' || typeof value === 'string') return value
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
