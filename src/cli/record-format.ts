/**
 * The language of `-f`: what is printed of each record.
 *
 * ```
 * %t topic   %p partition   %o offset   %k key   %v value   %h headers (name=value,…)   %d time   %i number   %%
 * %v{json}   any field as JSON       %v{hex} %v{base64}   bytes of %k %v %h       %d{ms}   milliseconds since 1970
 * \n \t \r \0 \\ \x1f
 * ```
 * Nothing is added: without `\n` all records stand on one line, and bytes come as they are. On a terminal, keys,
 * values and headers are made harmless. The letters are rpk's and kcat's.
 */
import type { ByteWriter } from '../core/byte-writer.ts'
import { MillraceError } from '../core/errors.ts'
import type { Headers } from '../core/record.ts'
import {
  asBuffer,
  base64Text,
  headersJson,
  jsonOfBytes,
  type ShownRecord,
  timeText,
  utf8Text,
} from './record-text.ts'
import { harmlessJson, jsonText } from './row.ts'
import { printable } from './terminal/text.ts'

/** Appends what is shown of a record. */
export type RecordPrinter = (record: ShownRecord, into: ByteWriter) => void

export interface RecordFormatOptions {
  /** Control characters in keys, values and headers are written out, as a terminal needs it. */
  readonly harmless: boolean
}

type BytesForm = 'plain' | 'json' | 'hex' | 'base64'
type BytesPart = (bytes: Uint8Array, into: ByteWriter) => void

/** @throws MR_USAGE with the place that is wrong */
export function recordFormat(format: string, options: RecordFormatOptions): RecordPrinter {
  const parts: RecordPrinter[] = []
  let literal = ''
  const endLiteral = (): void => {
    const text = literal
    if (text !== '') parts.push((_, into) => void into.utf8(text))
    literal = ''
  }
  const token = /%(?<field>[\s\S]?)(?:\{(?<form>[^}]*)\})?|\\(?<code>x[0-9a-fA-F]{2}|[\s\S]?)|[^%\\]+/gy
  for (const match of format.matchAll(token)) {
    const { field, form, code } = match.groups ?? {}
    if (code !== undefined) literal += escaped(code, format, match.index)
    else if (field === undefined) literal += match[0]
    else if (field === '%') literal += match[0].slice(1)
    else {
      endLiteral()
      parts.push(fieldPrinter(field, form, options) ?? refuse(match[0], format, match.index))
    }
  }
  endLiteral()
  return (record, into) => {
    for (const print of parts) print(record, into)
  }
}

function fieldPrinter(
  field: string,
  form: string | undefined,
  options: RecordFormatOptions,
): RecordPrinter | undefined {
  if (field === 'k' || field === 'v') {
    const print = bytesPart(form, options)
    if (print === undefined) return undefined
    return (record, into) => {
      const bytes = field === 'k' ? record.key : record.value
      if (bytes !== null) print(bytes, into)
      else if (form === 'json') into.utf8('null')
    }
  }
  if (field === 'h') return headersPrinter(form, options)
  const read = scalars[field]
  if (field === 'd' && form === 'ms') return ({ timestampMs }, into) => void into.utf8(String(timestampMs))
  if (read === undefined || (form !== undefined && form !== 'json')) return undefined
  return (record, into) =>
    void into.utf8(form === 'json' ? jsonText(read(record)) : String(read(record) ?? ''))
}

const scalars: Readonly<Record<string, (record: ShownRecord) => string | number | null>> = {
  t: ({ topic }) => topic,
  p: ({ partition }) => partition,
  o: ({ offset }) => offset,
  d: ({ timestampMs }) => timeText(timestampMs) ?? null,
  i: ({ number }) => number,
}

function headersPrinter(form: string | undefined, options: RecordFormatOptions): RecordPrinter | undefined {
  if (form === 'json') return ({ headers }, into) => void into.utf8(harmlessJson(headersJson(headers).json))
  const print = bytesPart(form, options)
  return print === undefined ? undefined : ({ headers }, into) => printHeaders(headers, into, print, options)
}

function printHeaders(
  headers: Headers,
  into: ByteWriter,
  print: BytesPart,
  { harmless }: RecordFormatOptions,
): void {
  headers.forEach(({ key, value }, index) => {
    if (index > 0) into.utf8(',')
    into.utf8(`${harmless ? printable(key) : key}=`)
    if (value !== null) print(value, into)
  })
}

function bytesPart(form: string | undefined, { harmless }: RecordFormatOptions): BytesPart | undefined {
  switch ((form ?? 'plain') as BytesForm) {
    case 'plain':
      return harmless ? printHarmless : (bytes, into) => into.raw(bytes)
    case 'json':
      return (bytes, into) =>
        void into.utf8(harmlessJson(jsonOfBytes(bytes) ?? JSON.stringify(base64Text(bytes))))
    case 'hex':
      return (bytes, into) => void into.utf8(asBuffer(bytes).toString('hex'))
    case 'base64':
      return (bytes, into) => void into.utf8(base64Text(bytes))
    default:
      return undefined
  }
}

function printHarmless(bytes: Uint8Array, into: ByteWriter): void {
  into.utf8(printable(utf8Text(bytes) ?? `base64:${base64Text(bytes)}`))
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0', '\\': '\\' }

function escaped(code: string, format: string, at: number): string {
  if (code.length === 3) return String.fromCharCode(Number.parseInt(code.slice(1), 16))
  return escapes[code] ?? refuse(`\\${code}`, format, at)
}

function refuse(what: string, format: string, at: number): never {
  throw new MillraceError('MR_USAGE', `"${what}" at character ${at + 1} of the format means nothing`, {
    where: `-f '${format}'`,
    hint: 'Use %t %p %o %k %v %h %d %i %%, with {json}, {hex} or {base64} behind, and \\n \\t \\r \\0 \\\\ \\x1f.',
  })
}
