/**
 * Headers of a record: count varint, then for each one key length varint, key (UTF-8), value length varint, value.
 *
 * Header names repeat from record to record, so their UTF-8 bytes are kept.
 */
import '../../core/buffer-methods.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Header, Headers } from '../../core/record.ts'
import { varintSize, writeVarint } from './varint.ts'

/** Names beyond this many are encoded each time. */
const NAMES_KEPT_MAX = 256
const namesKept = new Map<string, Buffer>()

function nameBytes(name: string): Buffer {
  const kept = namesKept.get(name)
  if (kept !== undefined) return kept
  const made = Buffer.from(name, 'utf8')
  if (namesKept.size < NAMES_KEPT_MAX && name.length <= 64) namesKept.set(name, made)
  return made
}

/** Bytes of the headers with their count. */
export function headersSize(headers: Headers): number {
  let size = varintSize(headers.length)
  for (let i = 0; i < headers.length; i++) {
    const header = headers[i] as Header
    const nameLength = nameBytes(header.key).length
    size += varintSize(nameLength) + nameLength
    size += header.value === null ? 1 : varintSize(header.value.length) + header.value.length
  }
  return size
}

/** Writes the headers with their count and returns where the next value goes. */
export function writeHeaders(headers: Headers, into: Uint8Array, start: number): number {
  let at = writeVarint(into, start, headers.length)
  for (let i = 0; i < headers.length; i++) {
    const header = headers[i] as Header
    const name = nameBytes(header.key)
    at = writeVarint(into, at, name.length)
    into.set(name, at)
    at += name.length
    if (header.value === null) {
      at = writeVarint(into, at, -1)
      continue
    }
    at = writeVarint(into, at, header.value.length)
    into.set(header.value, at)
    at += header.value.length
  }
  return at
}

function fault(at: number): MillraceError {
  return new MillraceError('MR_BYTES_INVALID', `the headers of a record are not sound at byte ${at}`)
}

/** Reads varints of hostile bytes one after the other. */
class Cursor {
  at: number
  private readonly bytes: Buffer
  private readonly end: number

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes
    this.at = start
    this.end = end
  }

  varint(): number {
    let raw = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.at >= this.end) throw fault(this.at)
      const byte = this.bytes[this.at++]!
      raw |= (byte & 0x7f) << shift
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1)
    }
    throw fault(this.at)
  }

  /** The length of a field that follows, `smallest` at least and no longer than what is left. */
  length(smallest: number): number {
    const length = this.varint()
    if (length < smallest || length > this.end - this.at) throw fault(this.at)
    return length
  }

  /** How many headers follow. Each takes two bytes at least, so a hostile count cannot make a list large. */
  count(): number {
    const count = this.varint()
    if (count < 0 || count * 2 > this.end - this.at) throw fault(this.at)
    return count
  }

  /** Moves on behind a field with its length before it. */
  skip(smallest: number): void {
    const length = this.length(smallest)
    if (length > 0) this.at += length
  }

  finish(): void {
    if (this.at !== this.end) throw fault(this.at)
  }
}

/**
 * Reads the headers in bytes `start` to `end`; values are views of the batch.
 *
 * @throws MR_BYTES_INVALID
 */
export function readHeaders(bytes: Buffer, start: number, end: number): Headers {
  const cursor = new Cursor(bytes, start, end)
  const headers: Header[] = []
  for (let left = cursor.count(); left > 0; left--) {
    const nameLength = cursor.length(0)
    const key = bytes.utf8Slice(cursor.at, cursor.at + nameLength)
    cursor.at += nameLength
    const valueLength = cursor.length(-1)
    const value = valueLength < 0 ? null : bytes.subarray(cursor.at, cursor.at + valueLength)
    cursor.at += Math.max(valueLength, 0)
    headers.push({ key, value })
  }
  cursor.finish()
  return headers
}

/** Checks the headers in bytes `start` to `end` without making anything of them. @throws MR_BYTES_INVALID */
export function checkHeaders(bytes: Buffer, start: number, end: number): void {
  // Nearly all records have no headers.
  if (bytes[start] === 0 && start + 1 === end) return
  const cursor = new Cursor(bytes, start, end)
  for (let left = cursor.count(); left > 0; left--) {
    cursor.skip(0)
    cursor.skip(-1)
  }
  cursor.finish()
}
