/** Bytes of records as text and as JSON, without losing any. */
import { isUtf8 } from 'node:buffer'
import '../core/buffer-methods.ts'
import type { Headers } from '../core/record.ts'

/** What is printed of a record. Keys and values are views of its batch. */
export interface ShownRecord {
  topic: string
  partition: number
  offset: number
  timestampMs: number
  timestampType: 'create' | 'append'
  /** The id of the partition's leader; -1 when it is not known. */
  broker: number
  /** Counts the records that this command prints, from 1 on. */
  number: number
  key: Buffer | null
  value: Buffer | null
  headers: Headers
}

const TIMESTAMP_MAX = 8.64e15

/** The bytes as UTF-8 text; undefined when they are something else. */
export function utf8Text(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes) ? asBuffer(bytes).utf8Slice(0, bytes.length) : undefined
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/**
 * The same JSON on one line; undefined when the text is no JSON. Everything but white space stays as it was written,
 * so that numbers beyond 2^53 keep their digits and repeated names stay.
 */
export function jsonLine(text: string): string | undefined {
  // Most texts that are no JSON are seen by their first character, without the cost of an exception.
  if (!/^[\s{["\-0-9tfn]/.test(text)) return undefined
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  // Inside its texts JSON has no such characters, and never needs space between two tokens.
  const line = /[\n\r\t]/.test(text) ? text.replaceAll(/[\n\r\t]+ */g, '') : text
  return line.trim()
}

/** Bytes as JSON: as they are if they are JSON, else a text; undefined when they are no UTF-8. */
export function jsonOfBytes(bytes: Uint8Array): string | undefined {
  const text = utf8Text(bytes)
  return text === undefined ? undefined : (jsonLine(text) ?? JSON.stringify(text))
}

/** Bytes as a JSON text; undefined when they are no UTF-8. */
export function jsonTextOfBytes(bytes: Uint8Array): string | undefined {
  const text = utf8Text(bytes)
  return text === undefined ? undefined : JSON.stringify(text)
}

export function base64Text(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('base64')
}

/**
 * ISO 8601 in UTC. A time that the calendar does not reach is written as in the language of `-o`: `@` and
 * milliseconds. Undefined when the record has none.
 */
export function timeText(timestampMs: number): string | undefined {
  if (timestampMs === -1) return undefined
  return Math.abs(timestampMs) > TIMESTAMP_MAX ? `@${timestampMs}` : new Date(timestampMs).toISOString()
}

export interface HeadersAsJson {
  readonly json: string
  /** Names of headers that are base64 because they are no UTF-8. */
  readonly base64: readonly string[]
}

/** Headers as a JSON object of texts. A name that comes several times has the list of its values. */
export function headersJson(headers: Headers): HeadersAsJson {
  const base64: string[] = []
  const byName = new Map<string, (string | null)[]>()
  for (const { key, value } of headers) {
    const text = value === null ? null : utf8Text(value)
    if (text === undefined && !base64.includes(key)) base64.push(key)
    const shown = text === undefined ? base64Text(value!) : text
    const known = byName.get(key)
    if (known === undefined) byName.set(key, [shown])
    else known.push(shown)
  }
  const fields = Object.fromEntries(
    [...byName].map(([name, values]) => [name, values.length === 1 ? values[0]! : values]),
  )
  return { json: JSON.stringify(fields), base64 }
}
