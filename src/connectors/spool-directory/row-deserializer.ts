/** What deserializers of rows share: blocks of rows cut into batches, long rows, and damaged ends. */
import type { FailedEvent, SourceEvent } from '../../connector/index.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Deserializer, EventBatch, FileInput } from './deserializer.ts'
import { type FilePlace, type RowBlock, RowReader } from './row-reader.ts'
import type { RowShape } from './row-scanner.ts'

export type Events = (SourceEvent | FailedEvent)[]

export interface RowConverter {
  readonly shape: RowShape
  /** Called once, before all else. Returns where the first row is if it is not at the start. */
  start(): Promise<FilePlace | undefined>
  /** Adds the events of rows `from` to `to` of a block. */
  convert(block: RowBlock, from: number, to: number, into: Events): void
}

export class RowDeserializer implements Deserializer {
  private readonly input: FileInput
  private readonly converter: RowConverter
  private readonly reader: RowReader
  private block: RowBlock | undefined
  private row = 0
  private started = false
  private ended = false

  constructor(input: FileInput, converter: RowConverter) {
    this.input = input
    this.converter = converter
    this.reader = new RowReader(input.pieces, converter.shape)
  }

  async next(): Promise<EventBatch | undefined> {
    if (!this.started) await this.start()
    if (this.ended) return undefined
    if (this.block === undefined) {
      this.block = await this.reader.next()
      this.row = 0
    }
    if (this.block === undefined) {
      this.ended = true
      return this.damagedEnd()
    }
    return this.nextOfBlock(this.block)
  }

  private async start(): Promise<void> {
    this.started = true
    const first = await this.converter.start()
    const from = this.input.from ?? first
    if (from !== undefined) await this.reader.skipTo(from)
  }

  private nextOfBlock(block: RowBlock): EventBatch {
    const from = this.row
    const to = Math.min(from + this.input.batchSize, block.starts.length)
    const events: Events = []
    if (block.tooLong) events.push(this.longRow(block))
    else this.converter.convert(block, from, to, events)
    this.row = to
    if (to === block.starts.length) this.block = undefined
    return {
      events,
      place: { byte: block.startByte + block.nexts[to - 1]!, line: block.nextLines[to - 1]! },
    }
  }

  private longRow(block: RowBlock): FailedEvent {
    const { rowBytesMax } = this.converter.shape
    const error = new MillraceError('MR_LIMIT', `the row is longer than ${rowBytesMax} bytes`, {
      where: `${this.input.name}:${block.lines[0]}`,
      hint: 'Raise maxRowLength, or look for a quote that is not closed.',
    })
    return failedRow(this.input.name, block, 0, error)
  }

  /** The rest of a file that cannot be unpacked is one failed event. */
  private damagedEnd(): EventBatch | undefined {
    const { damage } = this.reader
    if (damage === undefined) return undefined
    const { error, line, byte, bytes } = damage
    const failed = new MillraceError(error.code, error.message, {
      where: `${this.input.name}:${line}`,
      hint: 'Give the directory an undamaged copy of the rest under a new name.',
      cause: error,
    })
    return { events: [{ failed, origin: { file: this.input.name, line, bytes } }], place: { byte, line } }
  }
}

/** Row `row` of a block as a failed event. */
export function failedRow(file: string, block: RowBlock, row: number, failed: MillraceError): FailedEvent {
  const bytes = block.bytes.subarray(block.starts[row], block.ends[row])
  return { failed, origin: { file, line: block.lines[row]!, bytes } }
}
