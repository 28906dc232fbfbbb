/**
 * The language of `-o`: where in a partition to begin, and where to stop.
 *
 * ```
 * position   start   end   47 (that offset)   +2 (behind the start)   -3 (before the end)
 *            @2026-11-22T10:00Z   @1716400000000   @-5m (ago): the first record that is not older
 * range      FROM:TO with TO left out of what is read; 10:   :20   :end   @-1h:@-30m   @-5m:end
 * ```
 * A time without a zone is UTC, as times are printed. A time may hold colons, so behind one the colon of a range is
 * the one before `@` or `end`. The positions are rpk's, extended.
 */
import { durationMs } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'

export type OffsetPoint =
  | { readonly at: 'start'; readonly plus: number }
  | { readonly at: 'end'; readonly minus: number }
  | { readonly at: 'offset'; readonly offset: number }
  | { readonly at: 'time'; readonly timestampMs: number }

export interface OffsetRange {
  readonly from: OffsetPoint
  /** The first position that is not read any more; without it there is no such limit. */
  readonly to?: OffsetPoint
}

/** What is known of a partition when a position is worked out. */
export interface PartitionBounds {
  readonly startOffset: number
  /** Behind the last record that can be read. */
  readonly endOffset: number
  /** The first offset at or after a time, or -1 when all records are older. */
  readonly offsetAt: (timestampMs: number) => number
}

const start: OffsetPoint = { at: 'start', plus: 0 }

/** @throws MR_USAGE when the text is not in the language */
export function parseOffsets(text: string, nowMs: number): OffsetRange {
  const range = text.startsWith('@')
    ? /^(?<from>@.*?)(?::(?<to>@.*|end))?$/.exec(text)
    : /^(?<from>[^:]*)(?::(?<to>.*))?$/.exec(text)
  const { from = '', to } = range?.groups ?? {}
  if (to === undefined) return { from: parsePoint(from, text, nowMs) }
  if (from === '' && to === '') throw refused(text)
  return {
    from: from === '' ? start : parsePoint(from, text, nowMs),
    ...(to === '' ? {} : { to: parsePoint(to, text, nowMs) }),
  }
}

/** A position alone, for what has no end. @throws MR_USAGE when the text is none, or a range */
export function parsePosition(text: string, nowMs: number): OffsetPoint {
  const { from, to } = parseOffsets(text, nowMs)
  if (to === undefined && !text.endsWith(':')) return from
  throw new MillraceError('MR_USAGE', `"${text}" is a range, and one position is asked for`, {
    hint: 'Write start, end, 47, +2, -3, @2026-11-22T10:00Z, @-5m or @1716400000000.',
  })
}

/** The offset of a point in a partition, moved into what the partition holds. */
export function resolveOffset(point: OffsetPoint, bounds: PartitionBounds): number {
  const { startOffset, endOffset } = bounds
  const offset = exactOffset(point, bounds)
  return Math.min(Math.max(offset, startOffset), endOffset)
}

function exactOffset(point: OffsetPoint, { startOffset, endOffset, offsetAt }: PartitionBounds): number {
  switch (point.at) {
    case 'start':
      return startOffset + point.plus
    case 'end':
      return endOffset - point.minus
    case 'offset':
      return point.offset
    case 'time': {
      const found = offsetAt(point.timestampMs)
      return found < 0 ? endOffset : found
    }
  }
}

function parsePoint(text: string, whole: string, nowMs: number): OffsetPoint {
  if (text === 'start') return start
  if (text === 'end') return { at: 'end', minus: 0 }
  if (text.startsWith('@')) return { at: 'time', timestampMs: parseTime(text.slice(1), whole, nowMs) }
  const [, sign, digits] = /^([+-]?)(\d+)$/.exec(text) ?? []
  const count = Number(digits)
  if (!Number.isSafeInteger(count)) throw refused(whole)
  if (sign === '+') return { at: 'start', plus: count }
  return sign === '-' ? { at: 'end', minus: count } : { at: 'offset', offset: count }
}

const isoTime = /^\d{4}-\d\d-\d\d(?<clock>[T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?(?<zone>Z|[+-]\d\d:?\d\d)?$/i

function parseTime(text: string, whole: string, nowMs: number): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  if (text.startsWith('-')) return Math.max(0, Math.floor(nowMs - durationMs(text.slice(1))))
  const groups = isoTime.exec(text)?.groups
  if (groups === undefined) throw refused(whole)
  const { clock = 'T00:00', zone = 'Z' } = groups
  const timestampMs = Date.parse(`${text.slice(0, 10)}${clock.replace(' ', 'T')}${zone.toUpperCase()}`)
  if (Number.isNaN(timestampMs)) throw refused(whole)
  return timestampMs
}

function refused(text: string): MillraceError {
  return new MillraceError('MR_USAGE', `"${text}" is not a position in a topic`, {
    hint: 'Write start, end, 47, +2, -3, 10:20, :end, @2026-11-22T10:00Z, @-5m or @1716400000000.',
  })
}
