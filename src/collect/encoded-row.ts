/**
 * The records that one row of a source becomes, as bytes, before any of them is handed on.
 *
 * A row is taken as a whole or not at all: an event that cannot be encoded must not leave the others of its row
 * behind. One object is used for all rows.
 */
import type { SourceEvent } from '../connector/index.ts'
import { ByteWriter } from '../core/byte-writer.ts'
import { MillraceError, messageOf } from '../core/errors.ts'
import { type Headers, noHeaders, textHeader } from '../core/record.ts'
import { recordBytesMax } from '../protocol/record-batch/record-batch-builder.ts'
import type { Routes } from './selector.ts'

/** Stands for "the time is not known": of dead letters, and of events without one. */
export const NO_TIME = Number.NaN

export interface EncodedRecord {
  readonly timestampMs: number
  /** -1 for a null key. */
  readonly keyStart: number
  readonly keyEnd: number
  readonly valueStart: number
  readonly valueEnd: number
  readonly headers: Headers
  readonly routes: Routes
}

export class EncodedRow {
  readonly records: EncodedRecord[] = []
  private readonly bytesMax: number
  private readonly writer = new ByteWriter(4096)
  private lastHeaders: SourceEvent['headers'] | undefined
  private lastEncoded: Headers = noHeaders

  /** `bytesMax`: what a record may take in a batch. */
  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /** To which positions refer; valid until the row changes. */
  get bytes(): Buffer {
    return this.writer.buffer
  }

  clear(): void {
    this.records.length = 0
    this.writer.clear()
  }

  /** @throws MR_RECORD_INVALID, MR_RECORD_TOO_LARGE */
  addEvent(event: SourceEvent, routes: Routes): void {
    const timestampMs = timeOf(event)
    const key = event.key ?? null
    const keyStart = key === null ? -1 : this.writer.length
    if (key !== null) writeBytes(key, this.writer)
    const keyEnd = key === null ? -1 : this.writer.length
    const valueStart = this.writer.length
    writeBody(event, this.writer)
    const valueEnd = this.writer.length
    const headers = this.encodeHeaders(event.headers)
    const size = recordBytesMax(keyEnd - keyStart, valueEnd - valueStart, headers)
    if (size > this.bytesMax) {
      throw new MillraceError(
        'MR_RECORD_TOO_LARGE',
        `an event takes ${size} bytes, allowed are ${this.bytesMax}`,
        {
          hint: 'Raise recordBytesMax of the agent, and max.message.bytes of the topic with it.',
        },
      )
    }
    this.records.push({ timestampMs, keyStart, keyEnd, valueStart, valueEnd, headers, routes })
  }

  /** A record as it is; the value is cut to what fits. */
  addBytes(key: Uint8Array | null, value: Uint8Array, headers: Headers, routes: Routes): void {
    const keyStart = key === null ? -1 : this.writer.length
    if (key !== null) this.writer.raw(key)
    const keyEnd = key === null ? -1 : this.writer.length
    const valueStart = this.writer.length
    this.writer.raw(value)
    const valueEnd = this.writer.length
    this.records.push({ timestampMs: NO_TIME, keyStart, keyEnd, valueStart, valueEnd, headers, routes })
  }

  /** Headers are mostly shared between the events of a file. */
  private encodeHeaders(headers: SourceEvent['headers']): Headers {
    if (headers === this.lastHeaders) return this.lastEncoded
    const entries = Object.entries(headers)
    this.lastEncoded =
      entries.length === 0 ? noHeaders : entries.map(([key, value]) => textHeader(key, value))
    this.lastHeaders = headers
    return this.lastEncoded
  }
}

/** The event's own time; else that of the header that Flume's timestamp interceptor sets. */
function timeOf(event: SourceEvent): number {
  const { timestampMs } = event
  if (timestampMs !== undefined) {
    if (Number.isSafeInteger(timestampMs) && timestampMs >= 0) return timestampMs
    throw new MillraceError('MR_RECORD_INVALID', `a timestamp of ${timestampMs} is not a whole number of ms`)
  }
  const header = Object.hasOwn(event.headers, 'timestamp') ? event.headers['timestamp'] : undefined
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : NO_TIME
}

function writeBytes(value: string | Uint8Array, into: ByteWriter): void {
  if (typeof value === 'string') into.utf8(value)
  else into.raw(value)
}

function writeBody({ body }: SourceEvent, into: ByteWriter): void {
  if (typeof body === 'string' || body instanceof Uint8Array) {
    writeBytes(body, into)
    return
  }
  let text: string | undefined
  try {
    text = JSON.stringify(body)
  } catch (cause) {
    throw new MillraceError('MR_RECORD_INVALID', `the body has no JSON form: ${messageOf(cause)}`, { cause })
  }
  if (text === undefined) throw new MillraceError('MR_RECORD_INVALID', `a ${typeof body} has no JSON form`)
  into.utf8(text)
}
