/**
 * The table of a live view, made to fit: as the terminal gets narrower first the bars go, then the counts, then the
 * names are cut, so that a row is never wider than the terminal and what matters most stays.
 */
import { sparkline } from './sparkline.ts'
import { cutText, formatCountWithin, padText, textWidth } from './text.ts'

export interface LiveRow {
  readonly name: string
  readonly recordsPerSecond: number
  /** The rates of the last moments, the latest last. */
  readonly history: readonly number[]
  readonly records: number
  /** '' where there is none. */
  readonly watermark: string
  /** Undefined where records are never late or bad. */
  readonly lateRecords?: number
  readonly badRecords?: number
}

export interface LiveTableStyle {
  readonly columns: number
  readonly dim: (text: string) => string
  readonly warn: (text: string) => string
}

const INDENT = '  '
const GAP = '  '
const NAME_WIDTH_MIN = 10
const NAME_WIDTH_MAX = 40
const SPARK_WIDTH_MIN = 4
export const SPARK_WIDTH_MAX = 16
const RATE_WIDTH = 9
const RECORDS_WIDTH = 9
const WATERMARK_WIDTH = 16
const TROUBLE_WIDTH = 4

interface Widths {
  readonly name: number
  /** 0 leaves a column out. */
  readonly spark: number
  readonly records: number
}

/** A head and a line for each row, none wider than `columns`. */
export function liveTable(rows: readonly LiveRow[], style: LiveTableStyle): string[] {
  const { dim, warn } = style
  const widths = widthsFor(rows, style.columns)
  const column = (width: number, text: string): string[] => (width === 0 ? [] : [padText(text, width, true)])
  const head = [
    padText('', widths.name, false),
    padText('records/s', RATE_WIDTH, true),
    ...(widths.spark === 0 ? [] : [padText('', widths.spark, false)]),
    ...column(widths.records, 'records'),
    padText('watermark', WATERMARK_WIDTH, false),
    padText('late', TROUBLE_WIDTH, true),
    padText('bad', TROUBLE_WIDTH, true),
  ]
  const trouble = (records: number | undefined): string => {
    const text = padText(
      records === undefined ? '' : formatCountWithin(records, TROUBLE_WIDTH),
      TROUBLE_WIDTH,
      true,
    )
    return (records ?? 0) > 0 ? warn(text) : text
  }
  const lines = rows.map((row) =>
    [
      padText(cutText(row.name, widths.name), widths.name, false),
      padText(formatCountWithin(row.recordsPerSecond, RATE_WIDTH), RATE_WIDTH, true),
      ...(widths.spark === 0
        ? []
        : [padText(sparkline(row.history.slice(-widths.spark)), widths.spark, false)]),
      ...column(widths.records, formatCountWithin(row.records, RECORDS_WIDTH)),
      padText(row.watermark, WATERMARK_WIDTH, false),
      trouble(row.lateRecords),
      trouble(row.badRecords),
    ].join(GAP),
  )
  return [dim(INDENT + head.join(GAP)), ...lines.map((line) => (INDENT + line).trimEnd())]
}

function widthsFor(rows: readonly LiveRow[], columns: number): Widths {
  const wanted = Math.max(NAME_WIDTH_MIN, ...rows.map(({ name }) => textWidth(name)))
  const name = Math.min(wanted, NAME_WIDTH_MAX)
  const gap = GAP.length
  const fixed = INDENT.length + RATE_WIDTH + gap + WATERMARK_WIDTH + 2 * (gap + TROUBLE_WIDTH) + gap
  const left = columns - fixed - name
  const sparkRoom = left - (RECORDS_WIDTH + gap) - gap
  if (sparkRoom >= SPARK_WIDTH_MIN)
    return { name, records: RECORDS_WIDTH, spark: Math.min(sparkRoom, SPARK_WIDTH_MAX) }
  if (left >= RECORDS_WIDTH + gap) return { name, records: RECORDS_WIDTH, spark: 0 }
  return { name: Math.max(NAME_WIDTH_MIN, Math.min(name, columns - fixed)), records: 0, spark: 0 }
}
