/**
 * The other ways to print records: rows in each output format, kcat's envelope, and lines for people.
 *
 * JSON is put together from texts instead of values: what a record holds as JSON is shown digit by digit.
 */

import type { TerminalOutput } from '../platform/terminal.ts'
import type { OutputFormat } from './output.ts'
import { styler } from './output.ts'
import type { RecordPrinter } from './record-format.ts'
import {
  base64Text,
  headersJson,
  jsonLine,
  jsonOfBytes,
  jsonTextOfBytes,
  type ShownRecord,
  timeText,
  utf8Text,
} from './record-text.ts'
import { type Cell, csvLine, harmlessJson, markdownLine } from './row.ts'
import { padText, printable, textWidth } from './terminal/text.ts'

/** Of `%h`, in the order of columns; `base64` names the fields that are base64 because they are no UTF-8. */
const columns = ['topic', 'partition', 'offset', 'timestamp', 'key', 'value', 'headers', 'base64'] as const

/** On a terminal no more is shown of a value or key. */
const SHOWN_CHARACTERS_MAX = 65_536
const KEY_WIDTH_MAX = 24

export interface PrinterOptions {
  readonly out: TerminalOutput
  /** Also the headers by which Millrace and its tracing know records. */
  readonly verbose: boolean
}

export function rowPrinter(format: OutputFormat, options: PrinterOptions): RecordPrinter {
  switch (format) {
    case 'table':
      return linePrinter(options)
    case 'csv':
      return tablePrinter(csvLine, csvLine(columns))
    case 'markdown':
      return tablePrinter(markdownLine, markdownLine(columns) + markdownLine(columns.map(() => '---')))
    default:
      return printRow
  }
}

/** A line of JSON. */
const printRow: RecordPrinter = (record, into) => {
  const { topic, partition, offset, timestampMs, key, value, headers } = record
  const base64: string[] = []
  const keyJson = key === null ? 'null' : (jsonTextOfBytes(key) ?? asBase64(key, 'key', base64))
  const valueJson = value === null ? 'null' : (jsonOfBytes(value) ?? asBase64(value, 'value', base64))
  const shown = headersJson(headers)
  base64.push(...shown.base64.map((name) => `headers.${name}`))
  const time = JSON.stringify(timeText(timestampMs) ?? null)
  const json =
    `{"topic":${JSON.stringify(topic)},"partition":${partition},"offset":${offset},"timestamp":${time},"key":${keyJson},` +
    `"value":${valueJson},"headers":${shown.json}${base64.length === 0 ? '' : `,"base64":${JSON.stringify(base64)}`}}`
  into.utf8(`${harmlessJson(json)}\n`)
}

/** kcat's `-J`, with the same fields; what is no UTF-8, which kcat writes as it is, is named in `base64`. */
export const printEnvelope: RecordPrinter = (record, into) => {
  const { topic, partition, offset, timestampMs, timestampType, broker, key, value, headers } = record
  const base64: string[] = []
  const text = (bytes: Uint8Array | null, field: string): string =>
    bytes === null ? 'null' : (jsonTextOfBytes(bytes) ?? asBase64(bytes, field, base64))
  const list = headers.flatMap((one) => [JSON.stringify(one.key), text(one.value, `headers.${one.key}`)])
  const type = timestampMs === -1 ? 'unknown' : timestampType === 'create' ? 'create' : 'logappend'
  const fields = [
    `"topic":${JSON.stringify(topic)}`,
    `"partition":${partition}`,
    `"offset":${offset}`,
    `"tstype":"${type}"`,
    `"ts":${timestampMs}`,
    `"broker":${broker}`,
    ...(list.length === 0 ? [] : [`"headers":[${list.join(',')}]`]),
    `"key":${text(key, 'key')}`,
    `"payload":${text(value, 'payload')}`,
  ]
  if (base64.length > 0) fields.push(`"base64":${JSON.stringify(base64)}`)
  into.utf8(`${harmlessJson(`{${fields.join(',')}}`)}\n`)
}

function asBase64(bytes: Uint8Array, field: string, names: string[]): string {
  names.push(field)
  return JSON.stringify(base64Text(bytes))
}

/** One line per record, with a line of headings before the first. */
function tablePrinter(line: (cells: readonly Cell[]) => string, heading: string): RecordPrinter {
  return (record, into) => {
    if (record.number === 1) into.utf8(heading)
    into.utf8(line(cellsOf(record)))
  }
}

function cellsOf({
  topic,
  partition,
  offset,
  timestampMs,
  key,
  value,
  headers,
}: ShownRecord): readonly Cell[] {
  const base64: string[] = []
  const text = (bytes: Uint8Array | null, field: string): Cell => {
    const shown = bytes === null ? null : utf8Text(bytes)
    if (shown !== undefined) return shown
    base64.push(field)
    return base64Text(bytes!)
  }
  const shownHeaders = headersJson(headers)
  const cells = [
    topic,
    partition,
    offset,
    timeText(timestampMs) ?? null,
    text(key, 'key'),
    text(value, 'value'),
  ]
  base64.push(...shownHeaders.base64.map((name) => `headers.${name}`))
  return [...cells, headers.length === 0 ? null : shownHeaders.json, base64.join(' ')]
}

const ownHeaders = /^(mr-|traceparent$|tracestate$)/

/** For people: place, time, key, value, headers; keys and places under each other as far as they are known. */
function linePrinter({ out, verbose }: PrinterOptions): RecordPrinter {
  const dim = styler(out, '2')
  const keyStyle = styler(out, '36')
  let placeWidth = 0
  let keyWidth = 0
  return ({ topic, partition, offset, timestampMs, key, value, headers }, into) => {
    const place = printable(`${topic}/${partition}@${offset}`)
    const keyText = key === null ? '' : shownText(key)
    placeWidth = Math.max(placeWidth, place.length)
    keyWidth = Math.max(keyWidth, Math.min(KEY_WIDTH_MAX, textWidth(keyText)))
    const parts = [dim(padText(place, placeWidth, false)), dim((timeText(timestampMs) ?? '').padEnd(24))]
    if (keyWidth > 0) parts.push(keyStyle(padText(keyText, keyWidth, false)))
    parts.push(value === null ? dim('(no value)') : shownText(value))
    for (const header of headers) {
      if (!verbose && ownHeaders.test(header.key)) continue
      const text = header.value === null ? '' : shownText(header.value)
      parts.push(dim(`${printable(header.key)}=${text}`))
    }
    into.utf8(`${parts.join('  ').trimEnd()}\n`)
  }
}

function shownText(bytes: Uint8Array): string {
  const text = utf8Text(bytes)
  const shown = text === undefined ? `base64:${base64Text(bytes)}` : printable(jsonLine(text) ?? text)
  if (shown.length <= SHOWN_CHARACTERS_MAX) return shown
  return `${shown.slice(0, SHOWN_CHARACTERS_MAX)}… (${bytes.length} bytes; --json shows all)`
}
