/**
 * Checks for what comes out of a topic: nothing lost, nothing twice, nothing out of order. Each looks at a record once.
 */
import { AssertionError } from 'node:assert/strict'

/** What differs between what should be there once and what is there. */
export interface OnceFindings {
  readonly lost: readonly string[]
  /** There more often than once. */
  readonly duplicated: readonly string[]
  /** There, though nobody expects it. */
  readonly unexpected: readonly string[]
}

export interface OnceOptions<T> {
  /** What tells one record from another; equal records have equal ids. */
  readonly id: (record: T) => string | number
  /** Of these it is not known whether they should be there: once or not at all are both right. */
  readonly uncertain?: Iterable<string | number>
}

/** Compares the ids that must be there, each once, with the records that are there. */
export function findOnce<T>(
  expected: Iterable<string | number>,
  records: Iterable<T>,
  { id, uncertain = [] }: OnceOptions<T>,
): OnceFindings {
  const counts = new Map<string, number>()
  for (const record of records) {
    const name = String(id(record))
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const must = new Set([...expected].map(String))
  const may = new Set([...uncertain].map(String))
  return {
    lost: [...must].filter((name) => !counts.has(name)),
    duplicated: [...counts].filter(([, count]) => count > 1).map(([name]) => name),
    unexpected: [...counts.keys()].filter((name) => !must.has(name) && !may.has(name)),
  }
}

/**
 * Every expected record is there, once, and no other.
 *
 * @throws AssertionError that names the first of what is lost, there twice, or not expected
 */
export function assertOnce<T>(
  expected: Iterable<string | number>,
  records: Iterable<T>,
  options: OnceOptions<T>,
): void {
  const found = findOnce(expected, records, options)
  const texts = Object.entries(found)
    .filter(([, ids]: [string, readonly string[]]) => ids.length > 0)
    .map(([what, ids]: [string, readonly string[]]) => `${ids.length} ${what}: ${some(ids)}`)
  if (texts.length > 0) throw new AssertionError({ message: `not exactly once; ${texts.join('; ')}` })
}

export interface OrderOptions<T> {
  /** Records that must keep their order among each other: a key, a partition, a producer. */
  readonly line: (record: T) => string | number
  /** Grows within a line; equal numbers are in order. What is not a number has no order. */
  readonly number: (record: T) => number
}

export interface OrderFinding<T> {
  readonly line: string
  /** The record with the highest number so far; undefined for the first of a line. */
  readonly before: T | undefined
  /** It has a lower number, or none. */
  readonly record: T
}

/** Records that come behind one of their line with a higher number, or whose number is none. */
export function findOutOfOrder<T>(
  records: Iterable<T>,
  { line, number }: OrderOptions<T>,
): readonly OrderFinding<T>[] {
  const highest = new Map<string, T>()
  const found: OrderFinding<T>[] = []
  for (const record of records) {
    const name = String(line(record))
    const before = highest.get(name)
    const at: unknown = number(record)
    // A number that a typo made NaN or undefined would be in any order.
    const none = typeof at !== 'number' || Number.isNaN(at)
    if (none || (before !== undefined && at < number(before))) found.push({ line: name, before, record })
    else highest.set(name, record)
  }
  return found
}

/**
 * The records of every line are in the order of their numbers.
 *
 * @throws AssertionError that names the first that are not
 */
export function assertOrder<T>(records: Iterable<T>, options: OrderOptions<T>): void {
  const found = findOutOfOrder(records, options)
  if (found.length === 0) return
  const { number } = options
  const texts = found.map(
    ({ line, before, record }) =>
      `"${line}": ${number(record)} behind ${before === undefined ? 'nothing' : number(before)}`,
  )
  throw new AssertionError({ message: `${found.length} out of order; ${some(texts)}` })
}

const SHOWN_MAX = 5

function some(texts: readonly string[]): string {
  const shown = texts.slice(0, SHOWN_MAX).join(', ')
  return texts.length > SHOWN_MAX ? `${shown}, …` : shown
}
