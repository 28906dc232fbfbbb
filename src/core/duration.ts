/**
 * Durations and sizes as people write them.
 *
 * A duration is a number of milliseconds, or a text of one or more `<number><unit>` parts:
 * `250ms`, `30s`, `1h30m`, `5 minutes`, `1 day`. A size is a number of bytes or `64KiB`, `512 MB`, `1GB`
 * (KB, MB, GB are powers of 1000; KiB, MiB, GiB of 1024).
 */
import { nearestName } from './did-you-mean.ts'
import { MillraceError } from './errors.ts'

const unitMs = {
  ms: 1,
  millisecond: 1,
  milliseconds: 1,
  s: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
} as const

type DurationUnit = keyof typeof unitMs

/** Milliseconds, or a text such as `30s`, `1h30m`, `5 minutes`. A wrong literal does not compile. */
export type Duration = number | `${number}${DurationUnit}` | `${number} ${DurationUnit}` | CompoundDuration
type LongUnit = Extract<DurationUnit, `${'second' | 'minute' | 'hour' | 'day'}${'' | 's'}`>
/** Two parts from large to small, such as `1h30m` or `1 minute 30 seconds`. */
export type CompoundDuration =
  | `${number}d${number}h`
  | `${number}h${number}m`
  | `${number}m${number}s`
  | `${number} ${LongUnit} ${number} ${LongUnit}`

/** What a misspelt unit may have meant. */
const plural = Object.keys(unitMs).filter((unit) => unit.length > 2 && unit.endsWith('s'))
const singular = plural.map((unit) => unit.slice(0, -1))

const part = /\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*/gy

/**
 * Milliseconds of a duration. Legal: 0 or more, at most 2^53 - 1.
 *
 * @param what names the setting in the error
 * @throws MR_DURATION_INVALID
 */
export function durationMs(duration: Duration | string, what?: string): number {
  const refuse = (): never => {
    const fault = `not a duration: ${typeof duration === 'string' ? `"${duration}"` : String(duration)}`
    throw new MillraceError('MR_DURATION_INVALID', what === undefined ? fault : `${what} is ${fault}`, {
      hint: hintFor(duration),
    })
  }
  if (typeof duration === 'number') {
    return Number.isFinite(duration) && duration >= 0 ? duration : refuse()
  }
  // What the compiler does not let through comes from JavaScript, or from a configuration that nobody has checked.
  if (typeof duration !== 'string') return refuse()
  let totalMs = 0
  let end = 0
  part.lastIndex = 0
  for (let match = part.exec(duration); match !== null; match = part.exec(duration)) {
    const unit = unitMs[match[2] as DurationUnit]
    if (unit === undefined || !Object.hasOwn(unitMs, match[2] as string)) refuse()
    totalMs += Number(match[1]) * unit
    end = part.lastIndex
  }
  if (end === 0 || end !== duration.length || !Number.isSafeInteger(Math.round(totalMs))) refuse()
  return Math.round(totalMs)
}

function hintFor(duration: unknown): string {
  const legal = 'Write a number of milliseconds, or a text such as 250ms, 30s, 5m, 2h, 1d or "5 minutes".'
  const [, count = '', space = '', unit = ''] =
    /^\s*(\d+(?:\.\d+)?)(\s?)([a-z]{3,})$/i.exec(String(duration)) ?? []
  const nearest = unit === '' ? undefined : nearestName(unit, Number(count) === 1 ? singular : plural)
  return nearest === undefined ? legal : `Did you mean "${count}${space}${nearest}"?`
}

/** `1530` → `1.5 s`: a duration for people, with at most three digits. */
export function formatDuration(ms: number): string {
  const magnitude = Math.abs(ms)
  const round = (value: number): string =>
    value >= 9.95 || Number.isInteger(value) ? String(Math.round(value)) : value.toPrecision(2)
  if (magnitude < 1000) return `${round(ms)} ms`
  if (magnitude < 60_000) return `${round(ms / 1000)} s`
  if (magnitude < 3_600_000) return `${round(ms / 60_000)} m`
  if (magnitude < 86_400_000) return `${round(ms / 3_600_000)} h`
  return `${round(ms / 86_400_000)} d`
}
