/** Flume's LINE: an event per line, its body the text without the line end. */
import '../../core/buffer-methods.ts'
import { isMillraceError, MillraceError } from '../../core/errors.ts'
import type { FileInput } from './deserializer.ts'
import { type Events, failedRow, type RowConverter, RowDeserializer } from './row-deserializer.ts'
import type { RowBlock } from './row-reader.ts'
import type { RowShape } from './row-scanner.ts'

export function lineDeserializer(input: FileInput, options: { readonly maxLineLength: number }) {
  return new RowDeserializer(input, new LineConverter(input, options.maxLineLength))
}

class LineConverter implements RowConverter {
  readonly shape: RowShape
  private readonly input: FileInput

  constructor(input: FileInput, maxLineLength: number) {
    this.input = input
    this.shape = { rowBytesMax: maxLineLength, longRows: 'split' }
  }

  async start(): Promise<undefined> {}

  convert(block: RowBlock, from: number, to: number, into: Events): void {
    for (let row = from; row < to; row++) this.convertRow(block, row, into)
  }

  private convertRow(block: RowBlock, row: number, into: Events): void {
    const { name, decoder, headers } = this.input
    const bytes = block.bytes.subarray(block.starts[row], block.ends[row])
    try {
      const utf8 = decoder.toUtf8(bytes)
      const body = utf8.utf8Slice(0, utf8.length)
      into.push({ headers, body, origin: { file: name, line: block.lines[row]!, bytes } })
    } catch (error) {
      if (!isMillraceError(error, 'MR_RECORD_INVALID')) throw error
      const where = `${name}:${block.lines[row]}`
      into.push(failedRow(name, block, row, new MillraceError(error.code, error.message, { where })))
    }
  }
}
