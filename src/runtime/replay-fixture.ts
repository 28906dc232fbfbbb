/**
 * A pipeline whose windows, sessions and joins lie behind a repartition, events for it, and a naive model of what it must
 * give: over all events at once, without partitions, order or time that moves.
 */
import fc from 'fast-check'
import { json } from '../core/serde.ts'
import { type Pipeline, pipeline } from '../dsl/pipeline.ts'
import { session, tumbling } from '../dsl/window.ts'
import { collect, count } from '../operators/aggregator.ts'

export interface ReplayEvent {
  readonly key: string
  readonly group: string
  readonly atMs: number
}

export interface ReplayEvents {
  readonly events: readonly ReplayEvent[]
  readonly others: readonly ReplayEvent[]
}

export const resultTopics = ['per-group', 'sessions', 'pairs'] as const
export const lateTopic = 'counts-late'

const WINDOW_MS = 10_000
const GAP_MS = 5000
const WITHIN_MS = 2000

export function replayPipeline(): Pipeline {
  const app = pipeline('counts')
  const events = app.stream('events', json<ReplayEvent>(), { eventTime: (event) => event.atMs })
  const others = app.stream('others', json<ReplayEvent>(), { eventTime: (event) => event.atMs })
  events
    .groupBy((event) => event.group)
    .window(tumbling(WINDOW_MS))
    .aggregate({ n: count(), keys: collect((event) => event.key) }, { name: 'by-group' })
    .to('per-group')
  events.groupByKey().window(session(GAP_MS)).aggregate({ n: count() }, { name: 'sessions' }).to('sessions')
  events
    .selectKey((event) => event.group)
    .join(
      others.selectKey((other) => other.group),
      (event, other) => `${event.key}+${other.key}`,
      { within: WITHIN_MS },
    )
    .to('pairs')
  return app
}

/** Events in the order of their times, of six keys and three groups. */
export const replayEvents = (most: number, least = 0): fc.Arbitrary<ReplayEvent[]> =>
  fc
    .array(
      fc.record({
        key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
        group: fc.constantFrom('x', 'y', 'z'),
        stepMs: fc.nat(3000),
      }),
      { minLength: least, maxLength: most },
    )
    .map((steps) => {
      let atMs = 1_000_000
      return steps.map(({ key, group, stepMs }) => {
        atMs += stepMs
        return { key, group, atMs }
      })
    })

type Results = Record<(typeof resultTopics)[number], string[]>

/** What the topics must hold, as `key value @time`, in no order. */
export function expectedResults({ events, others }: ReplayEvents): Results {
  const windows = new Map<string, string[]>()
  const sessions = new Map<string, number[][]>()
  const pairs: string[] = []
  for (const { key, group, atMs } of events) {
    const windowStartMs = Math.floor(atMs / WINDOW_MS) * WINDOW_MS
    const window = JSON.stringify({ key: group, windowStartMs, windowEndMs: windowStartMs + WINDOW_MS })
    windows.set(window, [...(windows.get(window) ?? []), key])
    const own = sessions.get(key) ?? []
    const last = own.at(-1)
    if (last !== undefined && atMs - last.at(-1)! <= GAP_MS) last.push(atMs)
    else own.push([atMs])
    sessions.set(key, own)
    for (const other of others) {
      if (other.group !== group || Math.abs(other.atMs - atMs) > WITHIN_MS) continue
      pairs.push(`${group} ${JSON.stringify(`${key}+${other.key}`)} @${Math.max(atMs, other.atMs)}`)
    }
  }
  return {
    'per-group': [...windows].map(([window, keys]) => {
      const endMs = (JSON.parse(window) as { windowEndMs: number }).windowEndMs
      return `${window} ${JSON.stringify({ n: keys.length, keys: keys.toSorted() })} @${endMs - 1}`
    }),
    sessions: [...sessions].flatMap(([key, own]) =>
      own.map((times) => {
        const [windowStartMs, windowEndMs] = [times[0]!, times.at(-1)!]
        const window = JSON.stringify({ key, windowStartMs, windowEndMs })
        return `${window} ${JSON.stringify({ n: times.length })} @${windowEndMs}`
      }),
    ),
    pairs,
  }
}

/**
 * Results in an order of their own. Keys that were collected from several partitions at the same time come in any order:
 * they are sorted.
 */
export function comparable(texts: readonly string[]): string[] {
  return texts
    .map((text) =>
      text.replace(
        /"keys":(\[.*?\])/,
        (_, keys: string) => `"keys":${JSON.stringify((JSON.parse(keys) as string[]).toSorted())}`,
      ),
    )
    .toSorted()
}
