/**
 * Reads the columns of a CSV row strictly: what is not exactly a value of the column's kind is refused with
 * MR_RECORD_INVALID, whose context holds `column` and `value`.
 */
import { MillraceError } from 'millrace'

/** One row of a file: texts by column, null for `NA`; a row that was cut lacks its last columns. */
export type Row = Readonly<Record<string, string | null>>

const dayMs = 86_400_000
const integerDigitsMax = 9
const decimalPattern = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/

/** The error for a column whose value is not what was `expected`. */
export function invalidColumn(row: Row, column: string, expected: string): MillraceError {
  const value = row[column]
  const found = value === undefined ? 'is missing' : `is ${value === null ? 'NA' : JSON.stringify(value)}`
  return new MillraceError('MR_RECORD_INVALID', `column "${column}" ${found}, expected ${expected}`, {
    context: { column, value: value ?? null },
  })
}

/** A text, or null for `NA`. */
export function textOrNull(row: Row, column: string): string | null {
  const value = row[column]
  if (value === undefined || value === '') throw invalidColumn(row, column, 'a value')
  return value
}

export function text(row: Row, column: string): string {
  const value = textOrNull(row, column)
  if (value === null) throw invalidColumn(row, column, 'a text')
  return value
}

/** A whole number of at most nine digits. Read by hand, as this runs twelve times for a flight. */
export function integerOrNull(row: Row, column: string): number | null {
  const value = textOrNull(row, column)
  if (value === null) return null
  const start = value.charCodeAt(0) === 0x2d ? 1 : 0
  const digitCount = value.length - start
  if (digitCount === 0 || digitCount > integerDigitsMax) throw invalidColumn(row, column, 'a whole number')
  let number = 0
  for (let at = start; at < value.length; at++) {
    const digit = value.charCodeAt(at) - 0x30
    if (digit < 0 || digit > 9) throw invalidColumn(row, column, 'a whole number')
    number = number * 10 + digit
  }
  return start === 1 ? 0 - number : number
}

export function integer(row: Row, column: string): number {
  const value = integerOrNull(row, column)
  if (value === null) throw invalidColumn(row, column, 'a whole number')
  return value
}

/** A number as R prints it: `1012.3`, `1e3`. */
export function decimalOrNull(row: Row, column: string): number | null {
  const value = textOrNull(row, column)
  if (value === null) return null
  if (!decimalPattern.test(value)) throw invalidColumn(row, column, 'a number')
  return Number(value)
}

/** A clock time such as 517 or 2400, in minutes after midnight. */
export function clockOrNull(row: Row, column: string): number | null {
  const clock = integerOrNull(row, column)
  if (clock === null) return null
  if (clock < 0 || clock > 2400 || clock % 100 > 59) throw invalidColumn(row, column, 'a clock time')
  return Math.floor(clock / 100) * 60 + (clock % 100)
}

export function clock(row: Row, column: string): number {
  const minutes = clockOrNull(row, column)
  if (minutes === null) throw invalidColumn(row, column, 'a clock time')
  return minutes
}

/** The first midnight of the day in `year`, `month` and `day`, as if it were in UTC. */
export function midnightOf(row: Row): number {
  const year = integer(row, 'year')
  if (year < 1970 || year > 9999) throw invalidColumn(row, 'year', 'a year from 1970 on')
  const month = integer(row, 'month')
  if (month < 1 || month > 12) throw invalidColumn(row, 'month', 'a month')
  const firstMs = Date.UTC(year, month - 1, 1)
  const midnightMs = firstMs + (integer(row, 'day') - 1) * dayMs
  if (midnightMs < firstMs || midnightMs >= Date.UTC(year, month, 1)) {
    throw invalidColumn(row, 'day', `a day of ${year}-${month}`)
  }
  return midnightMs
}

const utcHourPattern = /^\d{4}-\d\d-\d\dT\d\d:00:00Z$/

/** A full hour of UTC such as `2013-01-01T10:00:00Z`, in milliseconds since the epoch. */
export function utcHour(row: Row, column: string): number {
  const value = text(row, column)
  const hourMs = utcHourPattern.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(hourMs)) throw invalidColumn(row, column, 'a full hour of UTC')
  return hourMs
}
