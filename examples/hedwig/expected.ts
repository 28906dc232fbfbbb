/** What must come out, with arrays and loops, for the tests to compare with: it knows all clicks at once. */
import { CLICKS_PER_MINUTE, LOOK_BACK_MS, PAUSE_MS, type Session } from './pipeline.ts'
import type { Click } from './schema.ts'

const MINUTE_MS = 60_000

export interface Expected {
  /** Oldest first. */
  readonly sessions: readonly Session[]
  readonly frauds: readonly Session[]
  /** Clicks from before the look-back, in the order in which they were received. */
  readonly late: readonly Click[]
}

export function expectedOf(clicks: readonly Click[]): Expected {
  const isLate = ({ atMs, receivedMs }: Click): boolean => receivedMs - atMs > LOOK_BACK_MS
  const recent = clicks
    .filter((click) => !isLate(click))
    .map((click) => ({
      ...click,
      atMs: Math.min(click.atMs, click.receivedMs),
      page: click.page.split('?')[0]!,
    }))
  const all: Session[] = []
  for (const own of Map.groupBy(recent, ({ visitor }) => visitor).values()) {
    const inTime = own.toSorted((a, b) => a.atMs - b.atMs || (a.page < b.page ? -1 : 1))
    let part: Click[] = []
    for (const [at, click] of inTime.entries()) {
      part.push(click)
      const next = inTime[at + 1]
      if (next !== undefined && next.atMs - click.atMs <= PAUSE_MS) continue
      all.push(sessionOf(part))
      part = []
    }
  }
  all.sort(byStart)
  const isFraud = (session: Session): boolean => session.busiestMinuteClicks > CLICKS_PER_MINUTE
  return {
    sessions: all.filter((session) => !isFraud(session)),
    frauds: all.filter(isFraud),
    late: clicks.filter(isLate),
  }
}

/** The order of sessions in what is expected. */
export function byStart(a: Session, b: Session): number {
  return a.startMs - b.startMs || (a.visitor < b.visitor ? -1 : a.visitor > b.visitor ? 1 : 0)
}

/** Of the clicks of one session, oldest first. */
function sessionOf(clicks: readonly Click[]): Session {
  const first = clicks[0]!
  const minutes = [...Map.groupBy(clicks, ({ atMs }) => Math.floor(atMs / MINUTE_MS)).values()]
  return {
    visitor: first.visitor,
    startMs: first.atMs,
    endMs: clicks.at(-1)!.atMs,
    clicks: clicks.length,
    pages: new Set(clicks.map(({ page }) => page)).size,
    bookings: clicks.filter(({ booked }) => booked).length,
    landingPage: first.page,
    busiestMinuteClicks: Math.max(...minutes.map((minute) => minute.length)),
  }
}
