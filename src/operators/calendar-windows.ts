/**
 * Windows by a calendar: days, weeks, months and years as a time zone has them, 23 or 25 hours where its clock
 * changes. Zones come from Intl, so from the tz data of the Node that runs.
 *
 * 1. A day is a number of days since 1970-01-01; civil dates and day numbers follow Hinnant, "chrono-Compatible
 *    Low-Level Date Algorithms".
 * 2. A day begins at the first moment at which the zone's clock shows it or a later one: at 00:00, at 01:00 where
 *    the clock jumps over midnight, the first time where midnight comes twice. So windows follow each other without
 *    a gap or an overlap, whatever the clock does.
 * 3. A day that a zone left out (Pacific/Apia, 30 December 2011) is a window without any time.
 */
import { MillraceError } from '../core/errors.ts'
import type { WindowAssigner } from './window-assigner.ts'

export type CalendarUnit = 'day' | 'week' | 'month' | 'year'
export const weekDays = [
  'thursday',
  'friday',
  'saturday',
  'sunday',
  'monday',
  'tuesday',
  'wednesday',
] as const
export type WeekDay = (typeof weekDays)[number]

const DAY_MS = 86_400_000
/** More than any zone has ever been away from UTC. */
const OFFSET_MAX_MS = 16 * 3_600_000
const PROBE_MS = 4 * 3_600_000
const KEPT_MAX = 512

/** Which days begin a unit. */
interface Units {
  /** The first day of the unit that holds `day`. */
  first(day: number): number
  /** The first day of the unit after the one that begins at `first`. */
  next(first: number): number
}

/** @throws MR_PLAN_INVALID for a zone that Intl does not know */
export function calendarWindows(unit: CalendarUnit, zone: string, weekStart: WeekDay): WindowAssigner {
  const clock = zoneClock(zone)
  const units = unitsOf(unit, weekDays.indexOf(weekStart))
  /** Windows found before, oldest first. */
  const kept: { readonly startMs: number; readonly endMs: number }[] = []
  let last = { startMs: 0, endMs: 0 }

  const find = (timestampMs: number): { readonly startMs: number; readonly endMs: number } => {
    let first = units.first(Math.floor(clock(timestampMs) / DAY_MS))
    let startMs = dayStart(clock, first)
    for (;;) {
      first = units.next(first)
      const endMs = dayStart(clock, first)
      if (timestampMs < endMs) return { startMs, endMs }
      startMs = endMs
    }
  }
  return {
    kind: `calendar-${unit}`,
    assign(timestampMs, into) {
      if (timestampMs < last.startMs || timestampMs >= last.endMs) {
        const held = kept.find(({ startMs, endMs }) => startMs <= timestampMs && timestampMs < endMs)
        last = held ?? find(timestampMs)
        if (held === undefined) {
          if (kept.length >= KEPT_MAX) kept.shift()
          kept.push(last)
        }
      }
      into.starts[0] = last.startMs
      into.ends[0] = last.endMs
      return 1
    },
  }
}

/** What the zone's clock shows at a time, as if it were UTC. */
type Clock = (timeMs: number) => number

function zoneClock(zone: string): Clock {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch (cause) {
    throw new MillraceError('MR_PLAN_INVALID', `no time zone is called "${zone}"`, {
      hint: 'Write a name of the IANA list, such as Europe/Lisbon, America/New_York or UTC.',
      cause,
    })
  }
  return (timeMs) => {
    const shown: Record<string, string> = {}
    for (const { type, value } of format.formatToParts(timeMs)) shown[type] = value
    const part = (name: string): number => Number(shown[name])
    const year = shown['era']?.startsWith('B') ? 1 - part('year') : part('year')
    const seconds = (part('hour') * 60 + part('minute')) * 60 + part('second')
    const millis = ((timeMs % 1000) + 1000) % 1000
    return dayNumber(year, part('month'), part('day')) * DAY_MS + seconds * 1000 + millis
  }
}

/** The first moment at which the clock shows `day` or a later one. */
function dayStart(clock: Clock, day: number): number {
  const midnight = day * DAY_MS
  const offsets = new Set<number>()
  for (let probe = midnight - OFFSET_MAX_MS; probe <= midnight + OFFSET_MAX_MS; probe += PROBE_MS)
    offsets.add(clock(probe) - probe)
  const exact = [...offsets].map((offset) => midnight - offset).filter((timeMs) => clock(timeMs) === midnight)
  if (exact.length > 0) return Math.min(...exact)
  // The clock jumps over midnight: look for the jump.
  let before = midnight - Math.max(...offsets)
  let after = midnight - Math.min(...offsets)
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (clock(middle) < midnight) before = middle
    else after = middle
  }
  return after
}

function unitsOf(unit: CalendarUnit, weekStart: number): Units {
  switch (unit) {
    case 'day':
      return { first: (day) => day, next: (first) => first + 1 }
    case 'week':
      return { first: (day) => day - ((((day - weekStart) % 7) + 7) % 7), next: (first) => first + 7 }
    case 'month':
      return {
        first: (day) => day - civilDate(day).day + 1,
        next(first) {
          const { year, month } = civilDate(first)
          return month === 12 ? dayNumber(year + 1, 1, 1) : dayNumber(year, month + 1, 1)
        },
      }
    case 'year':
      return {
        first: (day) => dayNumber(civilDate(day).year, 1, 1),
        next: (first) => dayNumber(civilDate(first).year + 1, 1, 1),
      }
  }
}

const DAYS_PER_ERA = 146_097
/** From 0000-03-01, with which an era of 400 years begins, to 1970-01-01. */
const DAYS_TO_1970 = 719_468

/** Days from 1970-01-01 to a date of the Gregorian calendar. */
export function dayNumber(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * DAYS_PER_ERA + dayOfEra - DAYS_TO_1970
}

/** The date of a day number. */
export function civilDate(day: number): {
  readonly year: number
  readonly month: number
  readonly day: number
} {
  const shifted = day + DAYS_TO_1970
  const era = Math.floor(shifted / DAYS_PER_ERA)
  const dayOfEra = shifted - era * DAYS_PER_ERA
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096)
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365)
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  }
}
