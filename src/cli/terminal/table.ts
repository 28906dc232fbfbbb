/** Tables of text: columns as wide as needed, cut to the terminal, numbers to the right. */
import { type Cell, cellText, type OutputRow } from '../row.ts'
import { cutText, padText, printable, textWidth } from './text.ts'

const COLUMN_GAP = '  '
const COLUMN_WIDTH_MIN = 4

export interface TableOptions {
  readonly width: number
  readonly bold: (text: string) => string
}

/** The rows as lines, each ended by a line feed; a line of headings first. */
export function formatTable(
  rows: readonly OutputRow[],
  columns: readonly string[],
  options: TableOptions,
): string {
  const cells = rows.map((row) => columns.map((name) => shown(row[name] ?? null)))
  const right = columns.map((name) => rows.every((row) => isNumber(row[name] ?? null)) && rows.length > 0)
  const widths = columns.map((name, at) =>
    Math.max(textWidth(name), ...cells.map((row) => textWidth(row[at]!))),
  )
  narrow(widths, options.width)
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, at) => padText(cutText(text, widths[at]!), widths[at]!, right[at] === true))
      .join(COLUMN_GAP)
      .trimEnd()
  return [options.bold(line(columns)), ...cells.map(line)].map((text) => `${text}\n`).join('')
}

/** Takes from the widest columns until the line fits. */
function narrow(widths: number[], lineWidth: number): void {
  let over =
    widths.reduce((sum, width) => sum + width, 0) + COLUMN_GAP.length * (widths.length - 1) - lineWidth
  while (over > 0) {
    const widest = widths.indexOf(Math.max(...widths))
    if ((widths[widest] ?? 0) <= COLUMN_WIDTH_MIN) return
    widths[widest] = widths[widest]! - 1
    over--
  }
}

function isNumber(cell: Cell): boolean {
  return cell === null || typeof cell === 'number'
}

function shown(cell: Cell): string {
  return printable(cellText(cell))
}
