/**
 * Clicks made up from a seed: people who look around and sometimes book, crawlers that are far too fast, devices that
 * were offline for a while or for hours, and now and then something that is no click at all.
 */
import type { Click } from './schema.ts'

export interface GenerateOptions {
  /** Any whole number: the same gives the same clicks. */
  readonly seed: number
  readonly visitors: number
}

/** A click that cannot be read: it lacks its time. */
export type BrokenClick = Omit<Click, 'atMs'>

export const START_MS = Date.UTC(2024, 4, 6)
const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000
const DAY_MS = 24 * HOUR_MS
const SERVERS = ['web-1', 'web-2', 'web-3']
const PLACES = ['boston', 'lisbon', 'oslo', 'kyoto', 'lima', 'perth']

/** Numbers from 0 (included) to 1 (excluded): the generator mulberry32. */
function numbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A day of clicks in the order in which the servers received them. */
export function generateClicks({ seed, visitors }: GenerateOptions): (Click | BrokenClick)[] {
  const next = numbers(seed)
  const within = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1))
  const one = (of: readonly string[]): string => of[within(0, of.length - 1)] as string
  const clicks: Click[] = []

  for (let number = 1; number <= visitors; number++) {
    const visitor = `visitor-${number}`
    const crawls = next() < 0.05
    for (let visit = within(1, 3); visit > 0; visit--) {
      let atMs = START_MS + within(0, DAY_MS)
      // How long the device keeps its clicks to itself: mostly not at all.
      const chance = next()
      const offlineMs = chance < 0.85 ? 0 : chance < 0.97 ? within(0, 40 * MINUTE_MS) : within(2, 5) * HOUR_MS
      const server = one(SERVERS)
      for (let left = crawls ? within(40, 80) : within(1, 20); left > 0; left--) {
        const page = `/${one(PLACES)}${next() < 0.3 ? '?from=mail' : ''}`
        const receivedMs = atMs + offlineMs + within(20, 900)
        clicks.push({ visitor, page, booked: !crawls && next() < 0.04, atMs, receivedMs, server })
        atMs += crawls ? within(300, 1500) : within(2000, 6 * MINUTE_MS)
      }
    }
  }
  clicks.sort((a, b) => a.receivedMs - b.receivedMs)
  return clicks.map((click) => {
    if (next() >= 0.002) return click
    const { atMs: _, ...broken } = click
    return broken
  })
}
