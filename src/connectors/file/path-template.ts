/**
 * Where a record goes: a path with Flume's escapes, below the directory of the sink whatever a record holds.
 *
 * - `%{name}`: the header `name` of the record, or `topic` or `partition`; `%t`: the timestamp in ms; `%Y %m %d %H %M
 *   %S`: parts of it, in UTC; `%%`: a percent sign.
 * - What comes from a record is a name or a part of one, never more: bytes other than `A-Z a-z 0-9 _ - .` and a dot
 *   at its start become `%XX`, and nothing at all becomes `%_`. Different values give different names.
 * - A long value is cut and ends with `~` and its CRC-32C.
 */
import { crc32c } from '../../core/crc32c.ts'
import { MillraceError } from '../../core/errors.ts'
import { invariant } from '../../core/invariant.ts'
import type { StoredRecord } from '../../core/record.ts'

/** The longest name that file systems take, in bytes. */
const NAME_BYTES_MAX = 255
const VALUE_LENGTH_MAX = 120
const TIME_MAX_MS = 8.64e15
const NOTHING = '%_'

type Part =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'time'; readonly letter: string }

const unitMs: Readonly<Record<string, number>> = {
  t: 1,
  S: 1000,
  M: 60_000,
  H: 3_600_000,
  d: 86_400_000,
  m: 86_400_000,
  Y: 86_400_000,
}

export class PathTemplate {
  private readonly parts: readonly Part[]
  /** Timestamps of one such unit give the same path. */
  private readonly unitMs: number
  private readonly usesHeaders: boolean
  private lastTopic = ''
  private lastPartition = -1
  private lastUnit = Number.NaN
  private lastPath = ''

  /** @throws MR_OPTION_INVALID */
  constructor(template: string) {
    this.parts = parse(template)
    const units = this.parts.flatMap((part) => (part.kind === 'time' ? [unitMs[part.letter]!] : []))
    this.unitMs = Math.min(...units, Number.POSITIVE_INFINITY)
    this.usesHeaders = this.parts.some(
      (part) => part.kind === 'header' && part.name !== 'topic' && part.name !== 'partition',
    )
  }

  /** The path of a record, relative to the directory. @throws MR_RECORD_INVALID when it can have none */
  pathOf(record: StoredRecord): string {
    if (!(Math.abs(record.timestampMs) <= TIME_MAX_MS)) {
      throw new MillraceError('MR_RECORD_INVALID', `a timestamp of ${record.timestampMs} ms is not a date`)
    }
    const unit = Math.floor(record.timestampMs / this.unitMs)
    const known =
      !this.usesHeaders &&
      unit === this.lastUnit &&
      record.topic === this.lastTopic &&
      record.partition === this.lastPartition
    if (known) return this.lastPath
    const path = this.expand(record)
    this.lastTopic = record.topic
    this.lastPartition = record.partition
    this.lastUnit = unit
    this.lastPath = path
    return path
  }

  private expand(record: StoredRecord): string {
    const path = this.parts.map((part) => expandPart(part, record)).join('')
    for (const name of path.split('/')) {
      invariant(name !== '' && name !== '.' && name !== '..', 'a path stays below its directory')
      if (Buffer.byteLength(name) > NAME_BYTES_MAX) {
        throw new MillraceError(
          'MR_RECORD_INVALID',
          `a file name would be longer than ${NAME_BYTES_MAX} bytes`,
        )
      }
    }
    return path
  }
}

function parse(template: string): readonly Part[] {
  const parts: Part[] = []
  const token = /%(?:\{([^{}]*)\}|(.?))|[^%]+/gsu
  for (const [whole, header, letter] of template.matchAll(token)) {
    if (header !== undefined) parts.push({ kind: 'header', name: checkHeader(template, header) })
    else if (letter === '%') parts.push({ kind: 'literal', text: '%' })
    else if (letter === undefined) parts.push({ kind: 'literal', text: whole })
    else if (Object.hasOwn(unitMs, letter)) parts.push({ kind: 'time', letter })
    else throw invalidTemplate(template, `it has the unknown escape "%${letter}"`)
  }
  checkNames(template, parts)
  return parts
}

function checkHeader(template: string, name: string): string {
  if (name === '') throw invalidTemplate(template, 'it has a header without a name')
  return name
}

/** Every name of the path must be a name by its literal parts alone, as an escape is never empty. */
function checkNames(template: string, parts: readonly Part[]): void {
  // A letter stands for what is not known yet.
  const shape = parts.map((part) => (part.kind === 'literal' ? part.text : 'x')).join('')
  if (shape.includes('\0') || shape.includes('\\')) throw invalidTemplate(template, 'it has "\\" or NUL')
  for (const name of shape.split('/')) {
    if (name === '')
      throw invalidTemplate(template, 'it starts or ends with "/", or has two of them in a row')
    if (name.startsWith('.')) throw invalidTemplate(template, 'a name in it starts with "."')
  }
}

function invalidTemplate(template: string, why: string): MillraceError {
  return new MillraceError(
    'MR_OPTION_INVALID',
    `sink "file": "${template}" is not a path for records: ${why}`,
    {
      context: { option: 'path' },
      hint: 'Write names with %{header}, %{topic}, %{partition}, %t, %Y, %m, %d, %H, %M, %S, as in "%{topic}/%Y-%m-%d/%H.jsonl".',
    },
  )
}

function expandPart(part: Part, record: StoredRecord): string {
  if (part.kind === 'literal') return part.text
  if (part.kind === 'time') return expandTime(part.letter, record.timestampMs)
  if (part.name === 'topic') return encodeName(Buffer.from(record.topic))
  if (part.name === 'partition') return String(record.partition)
  const header = record.headers.findLast(({ key }) => key === part.name)
  return encodeName(header?.value ?? Buffer.alloc(0))
}

function expandTime(letter: string, timestampMs: number): string {
  if (letter === 't') return String(timestampMs)
  const date = new Date(timestampMs)
  const digits = (value: number, count: number): string => String(value).padStart(count, '0')
  if (letter === 'Y') return digits(date.getUTCFullYear(), 4)
  if (letter === 'm') return digits(date.getUTCMonth() + 1, 2)
  if (letter === 'd') return digits(date.getUTCDate(), 2)
  if (letter === 'H') return digits(date.getUTCHours(), 2)
  return digits(letter === 'M' ? date.getUTCMinutes() : date.getUTCSeconds(), 2)
}

const plainCharacter = /[A-Za-z0-9_.-]/

/** A name of any bytes: legal on every file system, never `.` or `..` and never empty. */
export function encodeName(bytes: Uint8Array): string {
  if (bytes.length === 0) return NOTHING
  let name = ''
  for (const [index, byte] of bytes.entries()) {
    if (name.length > VALUE_LENGTH_MAX) {
      return `${name.slice(0, VALUE_LENGTH_MAX)}~${crc32c(bytes).toString(16).padStart(8, '0')}`
    }
    const character = String.fromCharCode(byte)
    const plain = plainCharacter.test(character) && !(index === 0 && character === '.')
    name += plain ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return name
}
