/**
 * A record as a line of JSON Lines.
 *
 * - `record`: `{"key":…,"timestamp":"2013-01-01T10:17:00.000Z","value":…}`; `value`: the value alone.
 * - Keys and values that are JSON stand as they are, digit by digit; all others stand as text.
 */
import '../../core/buffer-methods.ts'
import type { ByteWriter } from '../../core/byte-writer.ts'
import type { StoredRecord } from '../../core/record.ts'

export type LineFormat = 'record' | 'value'

export function writeLine(format: LineFormat, record: StoredRecord, into: ByteWriter): void {
  if (format === 'value') into.utf8(jsonOf(record.value))
  else {
    into.utf8(`{"key":${jsonOf(record.key)},"timestamp":"${new Date(record.timestampMs).toISOString()}"`)
    into.utf8(`,"value":${jsonOf(record.value)}}`)
  }
  into.utf8('\n')
}

function jsonOf(bytes: Uint8Array | null): string {
  if (bytes === null) return 'null'
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).utf8Slice(0, bytes.length)
  if (!isJson(text)) return JSON.stringify(text)
  // Line ends in JSON are only ever space between its parts.
  return /[\r\n]/.test(text) ? text.replaceAll(/[\r\n]+/g, ' ') : text
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
