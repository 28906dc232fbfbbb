/**
 * CSV (RFC 4180) by csv-parse: an event per row, its body an object with a text per column, null for null texts.
 *
 * 1. The scanner has found the rows, with their lines; csv-parse takes many rows in one call.
 * 2. When it refuses them, or the bytes are not text, the rows are halved until the bad one stands alone. It is a
 *    failed event, and so is a row with another number of columns than the header.
 * 3. With a header that cannot be used, as it names a column twice, all rows are failed events.
 */
import { parse } from 'csv-parse/sync'
import { isMillraceError, MillraceError, messageOf } from '../../core/errors.ts'
import type { FileInput } from './deserializer.ts'
import { FilePieces } from './file-pieces.ts'
import { type Events, failedRow, type RowConverter, RowDeserializer } from './row-deserializer.ts'
import { type FilePlace, type RowBlock, RowReader } from './row-reader.ts'
import type { RowShape } from './row-scanner.ts'

export interface CsvOptions {
  /** The first row names the columns. */
  readonly header: boolean
  /** The names, when there is no header. */
  readonly columns: readonly string[]
  readonly nulls: readonly string[]
  readonly delimiter: string
  readonly quote: string
  readonly maxRowLength: number
}

/** A row by the names of its columns. */
export type CsvRow = Readonly<Record<string, string | null>>

export function csvDeserializer(input: FileInput, options: CsvOptions) {
  return new RowDeserializer(input, new CsvConverter(input, options))
}

class CsvConverter implements RowConverter {
  readonly shape: RowShape
  private readonly input: FileInput
  private readonly options: CsvOptions
  private readonly nulls: ReadonlySet<string>
  private names: readonly string[]
  private headerFault: string | undefined
  private plainNames = true

  constructor(input: FileInput, options: CsvOptions) {
    this.input = input
    this.options = options
    this.nulls = new Set(options.nulls)
    this.names = options.columns
    this.shape = {
      quote: options.quote.charCodeAt(0),
      delimiter: options.delimiter.charCodeAt(0),
      rowBytesMax: options.maxRowLength,
      longRows: 'mark',
    }
  }

  async start(): Promise<FilePlace | undefined> {
    const place = this.options.header ? await this.readHeader() : undefined
    this.headerFault ??= faultOfNames(this.names)
    // The name of the prototype is only an ordinary name in an object without one.
    this.plainNames = !this.names.includes('__proto__')
    return place
  }

  convert(block: RowBlock, from: number, to: number, into: Events): void {
    if (from === to) return
    const rows = this.parse(block, from, to)
    if (rows instanceof MillraceError) {
      const middle = (from + to) >>> 1
      if (to - from === 1) into.push(failedRow(this.input.name, block, from, this.locate(rows, block, from)))
      else {
        this.convert(block, from, middle, into)
        this.convert(block, middle, to, into)
      }
      return
    }
    for (let row = from; row < to; row++) this.addEvent(block, row, rows[row - from]!, into)
  }

  private async readHeader(): Promise<FilePlace | undefined> {
    const pieces = new FilePieces(this.input.disk, this.input.path)
    try {
      const block = await new RowReader(pieces, this.shape).next()
      if (block === undefined) return undefined
      const rows = block.tooLong ? new MillraceError('MR_LIMIT', 'it is too long') : this.parse(block, 0, 1)
      if (rows instanceof MillraceError) this.headerFault = rows.message
      else this.names = rows[0]!
      return { byte: block.startByte + block.nexts[0]!, line: block.nextLines[0]! }
    } finally {
      pieces.close()
    }
  }

  /** The fields of rows, or why one of them cannot be read. */
  private parse(block: RowBlock, from: number, to: number): readonly (readonly string[])[] | MillraceError {
    const { delimiter, quote } = this.options
    const bytes = block.bytes.subarray(block.starts[from], block.ends[to - 1])
    let rows: string[][]
    try {
      rows = parse(this.input.decoder.toUtf8(bytes), {
        delimiter,
        quote,
        escape: quote,
        record_delimiter: ['\n', '\r\n'],
        relax_column_count: true,
        skip_empty_lines: true,
        max_record_size: 0,
      })
    } catch (error) {
      return isMillraceError(error) ? error : new MillraceError('MR_RECORD_INVALID', reasonOf(error))
    }
    if (rows.length === to - from) return rows
    // Nothing may be left of a row when bytes that are not text are ignored.
    return new MillraceError('MR_RECORD_INVALID', `the bytes of a row gave ${rows.length} rows`)
  }

  private addEvent(block: RowBlock, row: number, fields: readonly string[], into: Events): void {
    const { name, headers } = this.input
    const { names } = this
    const error = this.faultOf(fields)
    if (error !== undefined) {
      into.push(failedRow(name, block, row, this.locate(error, block, row)))
      return
    }
    const body: Record<string, string | null> = this.plainNames ? {} : Object.create(null)
    for (let column = 0; column < names.length; column++) {
      const field = fields[column]!
      body[names[column]!] = this.nulls.has(field) ? null : field
    }
    const bytes = block.bytes.subarray(block.starts[row], block.ends[row])
    into.push({ headers, body, origin: { file: name, line: block.lines[row]!, bytes } })
  }

  private faultOf(fields: readonly string[]): MillraceError | undefined {
    const { names, headerFault } = this
    if (headerFault !== undefined) {
      return new MillraceError('MR_RECORD_INVALID', `the header cannot be used: ${headerFault}`)
    }
    if (fields.length === names.length) return undefined
    const message = `the row has ${fields.length} columns, expected ${names.length}`
    const column = names[fields.length] ?? null
    return new MillraceError('MR_RECORD_INVALID', message, { context: { column, value: null } })
  }

  private locate(error: MillraceError, block: RowBlock, row: number): MillraceError {
    const where = `${this.input.name}:${block.lines[row]}`
    return new MillraceError(error.code, error.message, { context: error.context, where })
  }
}

function faultOfNames(names: readonly string[]): string | undefined {
  if (names.includes('')) return 'a column has no name'
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  return twice === undefined ? undefined : `it names column "${twice}" twice`
}

/** What csv-parse says, in our words where the fault is known. */
function reasonOf(error: unknown): string {
  const code = (error as { readonly code?: string }).code
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'a quote is not closed'
  if (code === 'INVALID_OPENING_QUOTE') return 'a quote stands within a field that does not start with one'
  if (code === 'CSV_INVALID_CLOSING_QUOTE')
    return 'a closing quote is followed by neither delimiter nor line end'
  return messageOf(error)
}
