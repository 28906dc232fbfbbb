/**
 * Finds rows in bytes: lines, or rows of CSV whose quoted fields may hold line ends (RFC 4180 §2).
 *
 * 1. A row ends at a line feed; a carriage return before it belongs to the line end. Empty rows are left out.
 * 2. Lines are counted by their line feeds, from 1, also within quotes: a row has the line on which it starts.
 * 3. Rows without a quote, nearly all, are found by two native searches. The others are walked field by field,
 *    as csv-parse does: a quote opens only at the start of a field, and `""` within quotes is one quote.
 * 4. Behind a closing quote that is followed by anything else, the row ends at the next line feed; csv-parse will
 *    refuse it.
 * 5. A quote that is not closed within the longest row, or before the end of the file, spoils only its own line:
 *    that line is a row, and the next line starts another.
 *
 * The result does not depend on how the bytes were cut into pieces.
 */

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const NOT_FOUND = -1

export interface RowShape {
  /** Bytes; both undefined for plain lines. */
  readonly quote?: number
  readonly delimiter?: number
  /** The longest row in bytes. */
  readonly rowBytesMax: number
  /** What becomes of a longer one: it is cut into several, or is one row that is marked. */
  readonly longRows: 'split' | 'mark'
}

/** Rows found in one buffer, as positions. */
export interface FoundRows {
  readonly starts: number[]
  /** Without the line end. */
  readonly ends: number[]
  /** Where the next row may start. */
  readonly nexts: number[]
  readonly lines: number[]
  /** The line at `nexts`. */
  readonly nextLines: number[]
  /** Where the first row starts that is not known whole, and its line. */
  consumed: number
  nextLine: number
  /** The unfinished row is longer than a row may be and not split: what follows up to its line feed is skipped. */
  tooLong: boolean
}

export function scanRows(
  bytes: Buffer,
  shape: RowShape,
  place: { readonly line: number; readonly atEnd: boolean },
): FoundRows {
  const found: FoundRows = {
    starts: [],
    ends: [],
    nexts: [],
    lines: [],
    nextLines: [],
    consumed: 0,
    nextLine: place.line,
    tooLong: false,
  }
  const search = new RowSearch(bytes, shape, place.atEnd)
  while (found.consumed < bytes.length) {
    const start = found.consumed
    const end = search.endOfRow(start)
    if (end === NOT_FOUND) {
      if (bytes.length - start <= shape.rowBytesMax) break
      if (shape.longRows === 'mark') {
        found.tooLong = true
        break
      }
      addSplitRow(found, bytes, shape)
      continue
    }
    const lineEnd = withoutReturn(bytes, start, end)
    if (shape.longRows === 'split' && lineEnd - start > shape.rowBytesMax) {
      addSplitRow(found, bytes, shape)
      continue
    }
    const next = Math.min(end + 1, bytes.length)
    const line = found.nextLine
    found.consumed = next
    found.nextLine += search.linesInRow
    if (lineEnd > start) addRow(found, { start, end: lineEnd, line })
  }
  return found
}

/** Adds a row behind which the search has got. */
function addRow(found: FoundRows, row: { start: number; end: number; line: number }): void {
  found.starts.push(row.start)
  found.ends.push(row.end)
  found.lines.push(row.line)
  found.nexts.push(found.consumed)
  found.nextLines.push(found.nextLine)
}

/** A first part of a line that is too long; the rest is on the same line. */
function addSplitRow(found: FoundRows, bytes: Buffer, shape: RowShape): void {
  const start = found.consumed
  let end = start + shape.rowBytesMax
  // Not within a character of UTF-8, whose later bytes are 10xxxxxx.
  for (let back = 0; back < 3 && end > start + 1 && (bytes[end]! & 0xc0) === 0x80; back++) end--
  found.consumed = end
  addRow(found, { start, end, line: found.nextLine })
}

function withoutReturn(bytes: Buffer, start: number, end: number): number {
  const lineFeed = bytes[end] === LINE_FEED
  return lineFeed && end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end
}

class RowSearch {
  /** Line feeds up to the end of the row that was found last. */
  linesInRow = 0
  private readonly bytes: Buffer
  private readonly shape: RowShape
  private readonly atEnd: boolean
  private nextQuote = NOT_FOUND

  constructor(bytes: Buffer, shape: RowShape, atEnd: boolean) {
    this.bytes = bytes
    this.shape = shape
    this.atEnd = atEnd
  }

  /** Where the row ends that starts at `start`: at its line feed, or at the end of all bytes; or NOT_FOUND. */
  endOfRow(start: number): number {
    this.linesInRow = 1
    const lineFeed = this.bytes.indexOf(LINE_FEED, start)
    const end = lineFeed >= 0 ? lineFeed : this.bytes.length
    if (this.quoteFrom(start) < end) {
      const quotedEnd = this.endOfQuotedRow(start)
      if (quotedEnd !== NOT_FOUND && quotedEnd - start <= this.shape.rowBytesMax) return quotedEnd
      const tooLong = this.bytes.length - start > this.shape.rowBytesMax
      if (!tooLong && !this.atEnd) return NOT_FOUND
      this.linesInRow = 1
    }
    if (lineFeed >= 0) return this.fits(start, lineFeed) ? lineFeed : NOT_FOUND
    return this.atEnd && this.fits(start, end) ? end : NOT_FOUND
  }

  private fits(start: number, end: number): boolean {
    return this.shape.longRows === 'split' || end - start <= this.shape.rowBytesMax
  }

  private quoteFrom(start: number): number {
    const { quote } = this.shape
    if (quote === undefined) return Number.POSITIVE_INFINITY
    if (this.nextQuote < start) {
      const at = this.bytes.indexOf(quote, start)
      this.nextQuote = at < 0 ? Number.POSITIVE_INFINITY : at
    }
    return this.nextQuote
  }

  private endOfQuotedRow(start: number): number {
    const { bytes } = this
    const { quote, delimiter } = this.shape
    let at = start
    for (;;) {
      if (bytes[at] === quote) {
        at = this.endOfQuotedField(at)
        if (at === NOT_FOUND) return NOT_FOUND
        if (at === bytes.length) return this.atEnd ? at : NOT_FOUND
        if (bytes[at] !== delimiter) return this.endOfLine(at)
      } else {
        while (at < bytes.length && bytes[at] !== delimiter && bytes[at] !== LINE_FEED) at++
        if (at === bytes.length) return this.atEnd ? at : NOT_FOUND
        if (bytes[at] === LINE_FEED) return at
      }
      at++
    }
  }

  /** Where what follows the closing quote starts. */
  private endOfQuotedField(start: number): number {
    const { bytes } = this
    const quote = this.shape.quote!
    for (let at = start + 1; ; ) {
      const close = bytes.indexOf(quote, at)
      if (close < 0 || (close + 1 === bytes.length && !this.atEnd)) return NOT_FOUND
      this.countLines(at, close)
      if (bytes[close + 1] !== quote) return close + 1
      at = close + 2
    }
  }

  private endOfLine(from: number): number {
    const end = this.bytes.indexOf(LINE_FEED, from)
    return end < 0 ? (this.atEnd ? this.bytes.length : NOT_FOUND) : end
  }

  private countLines(start: number, end: number): void {
    for (let at = this.bytes.indexOf(LINE_FEED, start); at >= 0 && at < end; ) {
      this.linesInRow++
      at = this.bytes.indexOf(LINE_FEED, at + 1)
    }
  }
}
