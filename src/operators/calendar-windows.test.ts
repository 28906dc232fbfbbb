/** Calendar windows against the dates that Intl shows, minute by minute. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type CalendarUnit,
  calendarWindows,
  civilDate,
  dayNumber,
  type WeekDay,
  weekDays,
} from './calendar-windows.ts'
import type { AssignedWindows } from './window-assigner.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const at = (text: string): number => Date.parse(text)

/** Moments at which something odd happens to a day. */
const oddities: readonly (readonly [string, string])[] = [
  ['Europe/Lisbon', '2024-03-31T01:00Z'],
  ['Europe/Lisbon', '2024-10-27T01:00Z'],
  ['America/New_York', '2025-03-09T07:00Z'],
  ['America/New_York', '2025-11-02T06:00Z'],
  // Midnight does not come.
  ['America/Sao_Paulo', '2018-11-04T03:00Z'],
  ['Asia/Beirut', '2022-03-26T22:00Z'],
  ['Africa/Cairo', '2024-04-25T22:00Z'],
  // Midnight comes twice.
  ['America/Sao_Paulo', '2018-02-18T02:00Z'],
  ['America/Havana', '2023-11-05T05:00Z'],
  // The clock goes back one minute past midnight, so that the day before comes again.
  ['America/St_Johns', '2010-11-07T02:31Z'],
  ['America/St_Johns', '2010-03-14T03:31Z'],
  // A whole day is left out, and one comes twice.
  ['Pacific/Apia', '2011-12-30T10:00Z'],
  ['Pacific/Kwajalein', '1993-08-21T12:00Z'],
  // Half an hour.
  ['Australia/Lord_Howe', '2024-10-05T15:30Z'],
  ['Asia/Kathmandu', '1985-12-31T18:30Z'],
  ['UTC', '2024-02-29T00:00Z'],
]

function windowOf(unit: CalendarUnit, zone: string, timeMs: number, weekStart: WeekDay = 'monday') {
  const into: AssignedWindows = { starts: [], ends: [] }
  assert.equal(calendarWindows(unit, zone, weekStart).assign(timeMs, into), 1)
  return { startMs: into.starts[0]!, endMs: into.ends[0]! }
}

const dates = new Map<string, Intl.DateTimeFormat>()
/** `2024-03-31`: what the zone's calendar shows. */
function shown(zone: string, timeMs: number): string {
  let format = dates.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' })
    dates.set(zone, format)
  }
  return format.format(timeMs)
}

/** A day by walking the minutes: it begins when its date is first shown, and ends when a later one is. */
function naiveDay(zone: string, timeMs: number) {
  const first = Math.floor(timeMs / MINUTE) * MINUTE - 50 * HOUR
  let latest = ''
  let startMs = first
  let minute = first
  for (; ; minute += MINUTE) {
    const date = shown(zone, minute)
    if (date <= latest) continue
    if (minute > timeMs) break
    latest = date
    startMs = minute
  }
  return { startMs, endMs: minute }
}

describe('days of a calendar', () => {
  it('begin and end where the minutes show it, around every change of a clock', () => {
    for (const [zone, moment] of oddities) {
      for (const hours of [-26, -3, -1, 0, 1, 2, 23, 30]) {
        const timeMs = at(moment) + hours * HOUR + 7
        assert.deepEqual(
          windowOf('day', zone, timeMs),
          naiveDay(zone, timeMs),
          `${zone} ${moment} ${hours} h`,
        )
      }
    }
  })

  it('and at any time of any of these zones', () => {
    const moment = fc.integer({ min: at('1980-01-01T00:00Z'), max: at('2035-01-01T00:00Z') })
    fc.assert(
      fc.property(fc.constantFrom(...oddities.map(([zone]) => zone)), moment, (zone, timeMs) => {
        assert.deepEqual(windowOf('day', zone, timeMs), naiveDay(zone, timeMs))
      }),
      { numRuns: 40 },
    )
  })

  it('have 23, 24, 24.5 and 25 hours', () => {
    const hours = (zone: string, moment: string): number => {
      const { startMs, endMs } = windowOf('day', zone, at(moment))
      return (endMs - startMs) / HOUR
    }
    assert.equal(hours('Europe/Lisbon', '2024-03-31T12:00Z'), 23)
    assert.equal(hours('Europe/Lisbon', '2024-10-27T12:00Z'), 25)
    assert.equal(hours('Europe/Lisbon', '2024-07-01T12:00Z'), 24)
    assert.equal(hours('Australia/Lord_Howe', '2024-04-06T16:00Z'), 24.5)
  })

  it('leave no time out and share none, whatever the order in which times come', () => {
    for (const [zone, moment] of oddities) {
      const day = calendarWindows('day', zone, 'monday')
      const into: AssignedWindows = { starts: [], ends: [] }
      let timeMs = at(moment) - 5 * DAY
      day.assign(timeMs, into)
      for (let step = 0; step < 10; step++) {
        const endMs = into.ends[0]!
        day.assign(timeMs - DAY, into)
        day.assign(endMs, into)
        assert.equal(into.starts[0], endMs, zone)
        timeMs = endMs
      }
    }
  })
})

describe('weeks, months and years of a calendar', () => {
  const units: Record<Exclude<CalendarUnit, 'day'>, (date: string) => string> = {
    week: (date) => {
      const [year, month, day] = date.split('-').map(Number)
      return String(Math.floor((dayNumber(year!, month!, day!) + 3) / 7))
    },
    month: (date) => date.slice(0, 7),
    year: (date) => date.slice(0, 4),
  }
  for (const [unit, label] of Object.entries(units)) {
    it(`a ${unit} is whole days that show the same ${unit}, and the days around it show others`, () => {
      for (const [zone, moment] of oddities) {
        const { startMs, endMs } = windowOf(unit as CalendarUnit, zone, at(moment))
        const days = calendarWindows('day', zone, 'monday')
        const into: AssignedWindows = { starts: [], ends: [] }
        // The date of a day that begins inside a jump is told by its noon.
        const labelOf = (timeMs: number): string => {
          days.assign(timeMs, into)
          return label(shown(zone, Math.floor((into.starts[0]! + into.ends[0]!) / 2)))
        }
        const own = labelOf(startMs)
        assert.equal(into.starts[0], startMs, `${zone} begins with a day`)
        for (let timeMs = startMs; timeMs < endMs; timeMs = into.ends[0]!)
          assert.equal(labelOf(timeMs), own, `${zone} ${moment}`)
        assert.equal(into.ends[0], endMs, `${zone} ends with a day`)
        assert.notEqual(labelOf(startMs - 1), own)
        assert.notEqual(labelOf(endMs), own)
      }
    })
  }

  it('a week begins with the day that is asked for', () => {
    for (const [index, weekStart] of weekDays.entries()) {
      const { startMs, endMs } = windowOf('week', 'UTC', at('2026-11-23T10:00Z'), weekStart)
      assert.equal((((startMs / DAY) % 7) + 7) % 7, index)
      assert.equal(endMs - startMs, 7 * DAY)
    }
  })
})

describe('day numbers', () => {
  it('count every day of four centuries once, with the leap years of Gregory', () => {
    let day = dayNumber(1799, 12, 31)
    for (let year = 1800; year < 2200; year++) {
      const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
      const lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
      for (const [index, length] of lengths.entries()) {
        for (let date = 1; date <= length; date++) {
          assert.equal(dayNumber(year, index + 1, date), ++day)
          assert.deepEqual(civilDate(day), { year, month: index + 1, day: date })
        }
      }
    }
    assert.equal(dayNumber(1970, 1, 1), 0)
  })

  it('know no zone that Intl does not know', () => {
    assert.throws(() => calendarWindows('day', 'Europe/Atlantis', 'monday'), /no time zone is called/)
  })
})
