/** Flume's BlobDeserializer: the whole file is the body of one event, or of several if it is longer than one may be. */
import type { Deserializer, EventBatch, FileInput } from './deserializer.ts'

export function blobDeserializer(
  input: FileInput,
  options: { readonly maxBlobLength: number },
): Deserializer {
  return new BlobDeserializer(input, options.maxBlobLength)
}

class BlobDeserializer implements Deserializer {
  private readonly input: FileInput
  private readonly bytesMax: number
  private rest: Buffer = Buffer.alloc(0)
  private restByte = 0
  /** Counts events, from 1. */
  private line = 1
  private started = false
  private atEnd = false
  private ended = false

  constructor(input: FileInput, bytesMax: number) {
    this.input = input
    this.bytesMax = bytesMax
  }

  async next(): Promise<EventBatch | undefined> {
    if (!this.started) await this.start()
    if (this.ended) return undefined
    await this.fill(this.bytesMax)
    const bytes = this.rest.subarray(0, this.bytesMax)
    const { damage } = this.input.pieces
    this.ended = bytes.length < this.bytesMax
    if (bytes.length === 0 && damage === undefined) return undefined
    const { name, headers } = this.input
    const origin = { file: name, line: this.line, bytes }
    this.rest = this.rest.subarray(bytes.length)
    this.restByte += bytes.length
    this.line++
    // What was cut short by damage is not a blob.
    const cutShort = this.ended && damage !== undefined
    const event = cutShort ? { failed: damage, origin } : { headers, body: bytes, origin }
    return { events: [event], place: { byte: this.restByte, line: this.line } }
  }

  private async start(): Promise<void> {
    this.started = true
    const { from } = this.input
    if (from === undefined) return
    this.line = from.line
    while (this.restByte < from.byte) {
      await this.fill(Math.min(this.bytesMax, from.byte - this.restByte))
      const skipped = Math.min(this.rest.length, from.byte - this.restByte)
      if (skipped === 0) break
      this.rest = this.rest.subarray(skipped)
      this.restByte += skipped
    }
  }

  /** Reads on until there are `count` bytes. */
  private async fill(count: number): Promise<void> {
    const parts = [this.rest]
    let bytes = this.rest.length
    while (bytes < count && !this.atEnd) {
      const piece = await this.input.pieces.next()
      if (piece === undefined) this.atEnd = true
      else {
        parts.push(piece)
        bytes += piece.length
      }
    }
    if (parts.length > 1) this.rest = Buffer.concat(parts)
  }
}
