/**
 * Sessions of visitors, without those of crawlers: the pipeline that TripAdvisor calls Hedwig.
 *
 * ```
 * clicks ─► lookback router ─┬─► session collector ─┐
 *              │             └─► fraud collector ───┴─► uploader ─┬─► sessions
 *              └─► late-clicks                                    └─► fraud-sessions
 * ```
 */
import { aggregator, count, distinctCount, pipeline, type Stream, session, sum } from 'millrace'
import { type Click, click } from './schema.ts'

/** A click that reached its server later than this has no part in a session any more. */
export const LOOK_BACK_MS = 3_600_000
/** A visitor who does nothing for longer than this comes back for another session. */
export const PAUSE_MS = 30 * 60_000
/** Nobody clicks more often within a minute of the clock. */
export const CLICKS_PER_MINUTE = 20

const MINUTE_MS = 60_000

/** What is delivered of each session. */
export interface Session {
  readonly visitor: string
  readonly startMs: number
  /** Of the last click. */
  readonly endMs: number
  readonly clicks: number
  readonly pages: number
  readonly bookings: number
  readonly landingPage: string | null
  readonly busiestMinuteClicks: number
}

/** A click in the future is a clock that is wrong: it must not make all others late. */
const timeOf = ({ atMs, receivedMs }: Click): number => Math.min(atMs, receivedMs)

interface Landing {
  readonly atMs: number
  readonly page: string
}

const earlier = (a: Landing | null, b: Landing | null): Landing | null => {
  if (a === null || b === null) return a ?? b
  return b.atMs < a.atMs || (b.atMs === a.atMs && b.page < a.page) ? b : a
}

/** The page of the first click by its time, whenever it came. */
const landingPage = aggregator<Click, Landing | null, string | null>({
  init: () => null,
  add: (landing, { atMs, page }) => earlier(landing, { atMs, page }),
  merge: earlier,
  result: (landing) => landing?.page ?? null,
})

/** The most clicks within one minute of the clock. */
const busiestMinute = aggregator<Click, Record<string, number>, number>({
  init: () => ({}),
  add(minutes, { atMs }) {
    const minute = Math.floor(atMs / MINUTE_MS)
    return { ...minutes, [minute]: (minutes[minute] ?? 0) + 1 }
  },
  merge(minutes, later) {
    const merged = { ...minutes }
    for (const [minute, clicks] of Object.entries(later)) merged[minute] = (merged[minute] ?? 0) + clicks
    return merged
  },
  result: (minutes) => Math.max(0, ...Object.values(minutes)),
})

/**
 * Cleanses the clicks and moves them to where all of their visitor's are; those from before the look-back go elsewhere.
 * What is no click is in `hedwig-dead-letters`.
 */
function lookbackRouter(clicks: Stream<string, Click>): Stream<string, Click> {
  const { recent, late } = clicks.branch(
    { recent: ({ atMs, receivedMs }) => receivedMs - atMs <= LOOK_BACK_MS },
    { default: 'late', name: 'lookback-router' },
  )
  late.to('late-clicks')
  return recent
    .mapValues((one) => ({ ...one, atMs: timeOf(one), page: one.page.replace(/\?.*$/, '') }), {
      name: 'cleansed',
    })
    .selectKey(({ visitor }) => visitor, { name: 'by-visitor' })
    .repartition({ name: 'routed' })
}

const sessionOf = (clicks: Stream<string, Click>) => clicks.groupByKey().window(session(PAUSE_MS))

const sessionCollector = (clicks: Stream<string, Click>) =>
  sessionOf(clicks).aggregate(
    {
      clicks: count(),
      pages: distinctCount(({ page }) => page),
      bookings: sum(({ booked }) => (booked ? 1 : 0)),
      landingPage,
    },
    { name: 'session-collector' },
  )

const fraudCollector = (clicks: Stream<string, Click>) =>
  sessionOf(clicks).aggregate({ busiestMinuteClicks: busiestMinute }, { name: 'fraud-collector' })

export function hedwig() {
  const app = pipeline('hedwig')
  const clicks = app.stream('clicks', click, {
    eventTime: timeOf,
    lateness: LOOK_BACK_MS,
  })
  const routed = lookbackRouter(clicks)

  // Both collectors say of a session what they know when it is over: under one key, at one time.
  const sessions = sessionCollector(routed)
    .toStream()
    .join(fraudCollector(routed).toStream(), (facts, fraud) => ({ ...facts, ...fraud }), {
      name: 'uploader',
      within: 0,
    })
    .map(
      (facts, { key: visitor, windowStartMs: startMs, windowEndMs: endMs }) => {
        const value: Session = { visitor, startMs, endMs, ...facts }
        return { key: `${visitor}|${startMs}`, value }
      },
      { name: 'session-by-id' },
    )
  const { fraud, honest } = sessions.branch(
    { fraud: ({ busiestMinuteClicks }) => busiestMinuteClicks > CLICKS_PER_MINUTE },
    { default: 'honest', name: 'fraud-or-not' },
  )
  fraud.to('fraud-sessions')
  honest.to('sessions')
  return app
}
