/** Dates by a pattern of digits, as Joda-Time and java.time write it: `yyyy-MM-dd HH:mm:ss.SSS`, read as UTC. */
import { MillraceError } from '../../core/errors.ts'

const fields = {
  y: 'year',
  M: 'month',
  d: 'day',
  H: 'hour',
  m: 'minute',
  s: 'second',
  S: 'fraction',
} as const
type Field = (typeof fields)[keyof typeof fields]

const token = /'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+/g

/**
 * The function that reads dates of a pattern as ms since the epoch. It throws MR_RECORD_INVALID.
 *
 * @throws MR_OPTION_INVALID when the pattern has other letters than `y M d H m s S`
 */
export function parseDatePattern(pattern: string): (text: string) => number {
  const order: Field[] = []
  let source = ''
  for (const [whole, quoted, letter] of pattern.matchAll(token)) {
    if (letter === undefined) {
      source += escapeText(quoted === undefined ? whole : quoted.replaceAll("''", "'") || "'")
      continue
    }
    if (!Object.hasOwn(fields, letter)) {
      throw new MillraceError(
        'MR_OPTION_INVALID',
        `"${letter}" in the date pattern "${pattern}" is not known`,
        {
          hint: 'Use y, M, d, H, m, s, S, and quote other letters.',
        },
      )
    }
    order.push(fields[letter as keyof typeof fields])
    source += whole.length === 1 ? '(\\d+)' : `(\\d{${whole.length}})`
  }
  const expression = new RegExp(`^${source}$`)
  return (text) => {
    const match = expression.exec(text)
    const value = match === null ? Number.NaN : instantOf(order, match.slice(1))
    if (Number.isNaN(value)) {
      throw new MillraceError(
        'MR_RECORD_INVALID',
        `"${text.slice(0, 100)}" is not a date of the form ${pattern}`,
      )
    }
    return value
  }
}

function escapeText(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

function instantOf(order: readonly Field[], digits: readonly string[]): number {
  const read = (field: Field, otherwise: number): number => {
    const index = order.indexOf(field)
    return index < 0 ? otherwise : Number(digits[index])
  }
  const fraction = digits[order.indexOf('fraction')] ?? '0'
  const parts = [
    read('year', 1970),
    read('month', 1),
    read('day', 1),
    read('hour', 0),
    read('minute', 0),
  ] as const
  const [year, month, day, hour, minute] = parts
  const second = read('second', 0)
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  const legal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60
  return legal ? date.getTime() + Math.floor(Number(`0.${fraction}`) * 1000) : Number.NaN
}
