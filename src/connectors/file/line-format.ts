/**
 * A record as a line of JSON Lines.
 *
 * - `record`: `{"key":…,"timestamp":"2013-01-01T10:17:00.000Z","value":…}`; `value`: the value alone.
 * - Keys and values that are JSON stand as they are, digit by digit; all others stand as text.
 */
import '../../core/buffer-methods.ts'
import type { ByteWriter } from '../../core/byte-writer.ts'
import type { StoredRecord } from '../../core/record.ts'
import { jsonFormOf } from './json-check.ts'

export type LineFormat = 'record' | 'value'

export function writeLine(format: LineFormat, record: StoredRecord, into: ByteWriter): void {
  if (format === 'value') writeJson(record.value, into)
  else {
    into.utf8('{"key":')
    writeJson(record.key, into)
    into.utf8(`,"timestamp":"${new Date(record.timestampMs).toISOString()}","value":`)
    writeJson(record.value, into)
    into.utf8('}')
  }
  into.utf8('\n')
}

function writeJson(bytes: Uint8Array | null, into: ByteWriter): void {
  if (bytes === null) {
    into.utf8('null')
    return
  }
  const form = jsonFormOf(bytes)
  if (form === 'line') into.raw(bytes)
  else if (form === 'not-json') into.utf8(JSON.stringify(textOf(bytes)))
  // Line ends in JSON are only ever space between its parts.
  else into.utf8(textOf(bytes).replaceAll(/[\r\n]+/g, ' '))
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).utf8Slice(0, bytes.length)
}
