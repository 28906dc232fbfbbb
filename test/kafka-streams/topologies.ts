/** The topologies of StreamsWitness.java in our words, under the same names. */
import { json, stringSerde } from '../../src/core/serde.ts'
import { type Pipeline, pipeline } from '../../src/dsl/pipeline.ts'
import type { Stream } from '../../src/dsl/stream.ts'
import type { Table } from '../../src/dsl/table.ts'
import {
  hopping,
  type SlidingWindow,
  session,
  sliding,
  type TimeWindow,
  tumbling,
} from '../../src/dsl/window.ts'
import { aggregator, count } from '../../src/operators/aggregator.ts'
import type { Windowed } from '../../src/operators/windowed.ts'
import type { InputShape } from './inputs.ts'

export interface Alike {
  readonly why: string
  /** Compared as sets: all results, or those that were given out without a partner. */
  readonly sorted?: 'all' | 'alone'
  /** Compared without timestamps. */
  readonly timeless?: true
}

export interface ComparedTopology {
  readonly name: string
  readonly build: (app: Pipeline) => Stream<string, unknown>
  readonly shape?: Partial<InputShape>
  /** How outputs are made alike before they are compared, with the reason. */
  readonly alike?: Alike
}

const s = (app: Pipeline, topic: string): Stream<string, string> => app.stream(topic, stringSerde)
const t = (app: Pipeline, topic: string): Table<string, string, null> => app.table(topic, stringSerde)
const v = (app: Pipeline, topic: string): Table<string, string, null> =>
  app.table(topic, stringSerde, { history: '30 ms' })
const joined = (left: string | null, right: string | null): string => `${left}+${right}`
const reference = (value: string): string | null => {
  const at = value.indexOf(':')
  return at < 0 ? null : value.slice(at + 1)
}
const joinText = aggregator<string, string>({
  init: () => '',
  add: (all, value) => all + value,
  merge: (one, two) => one + two,
})
const windowText = (w: Windowed<string>): string => `${w.key}@${w.windowStartMs}/${w.windowEndMs}`
const keeps = (value: string): boolean => (value.charCodeAt(value.length - 1) & 1) === 0

const single: readonly ComparedTopology[] = [
  { name: 'filter', build: (app) => s(app, 'a').filter(keeps) },
  { name: 'map', build: (app) => s(app, 'a').map((v) => ({ key: v.slice(0, 1), value: `${v}!` })) },
  {
    name: 'group-by-count',
    build: (app) =>
      s(app, 'a')
        .groupBy((v) => v.slice(0, 1))
        .aggregate({ n: count() })
        .toStream()
        .mapValues((r) => `${r.n}`),
  },
  {
    name: 'aggregate',
    build: (app) =>
      s(app, 'a')
        .groupByKey()
        .aggregate({ all: joinText })
        .toStream()
        .mapValues((r) => r.all),
  },
  {
    name: 'tumbling',
    build: (app) =>
      s(app, 'a')
        .groupByKey()
        .window(tumbling('20 ms', { grace: '10 ms', emit: 'update' }))
        .aggregate({ all: joinText })
        .toStream()
        .map((r, w) => ({ key: windowText(w), value: r.all })),
  },
  {
    name: 'tumbling-close',
    alike: {
      why: 'a final result carries the last time of its window; within a window keys come as they first came',
      sorted: 'all',
      timeless: true,
    },
    build: (app) =>
      s(app, 'a')
        .groupByKey()
        .window(tumbling('20 ms', { grace: '10 ms' }))
        .aggregate({ all: joinText })
        .toStream()
        .map((r, w) => ({ key: windowText(w), value: r.all })),
  },
  {
    name: 'session-close',
    // Kafka Streams keeps a session that it has emitted until its retention ends: a later record would reopen it.
    shape: { lateMs: 15 },
    alike: { why: 'sessions that end together come in the order in which they began', sorted: 'all' },
    build: (app) =>
      s(app, 'a')
        .groupByKey()
        .window(session('10 ms', { grace: '15 ms' }))
        .aggregate({ all: joinText })
        .toStream()
        .map((r, w) => ({ key: windowText(w), value: r.all })),
  },
]

const oneTableOf: Partial<InputShape> = { topics: ['t'], tables: ['t'] }
const windowed = (app: Pipeline, window: TimeWindow | SlidingWindow): Stream<string, unknown> =>
  s(app, 'a')
    .groupByKey()
    .window(window)
    .aggregate({ all: joinText })
    .toStream()
    .map((r, w) => ({ key: windowText(w), value: r.all }))

const windows: readonly ComparedTopology[] = [
  {
    name: 'hopping',
    build: (app) => windowed(app, hopping('20 ms', { every: '5 ms', grace: '10 ms', emit: 'update' })),
  },
  {
    name: 'sliding',
    build: (app) => windowed(app, sliding('10 ms', { grace: '15 ms', emit: 'update' })),
  },
  {
    name: 'session',
    // A session leaves Kafka Streams' store one millisecond before it closes.
    shape: { lateMs: 14 },
    build: (app) =>
      s(app, 'a')
        .groupByKey()
        .window(session('10 ms', { grace: '15 ms', emit: 'update' }))
        .aggregate({ all: joinText })
        .toStream()
        .map((r, w) => ({ key: windowText(w), value: r === null ? null : r.all })),
  },
  {
    name: 'table-group-count',
    shape: oneTableOf,
    build: (app) =>
      t(app, 't')
        .groupBy((value) => value.slice(0, 1))
        .aggregate({ n: count() })
        .toStream()
        .mapValues((r) => `${r.n}`),
  },
  {
    name: 'table-group-reduce',
    shape: oneTableOf,
    build: (app) =>
      t(app, 't')
        .groupBy((value) => value.slice(0, 1))
        .reduce(
          (all, value) => `${all}+${value}`,
          (all, value) => `${all}-${value}`,
        )
        .toStream(),
  },
  {
    name: 'count-table-left',
    shape: { topics: ['a', 't'], tables: ['t'] },
    build: (app) =>
      s(app, 'a')
        .groupByKey()
        .aggregate({ n: count() })
        .mapValues((r) => `${r.n}`)
        .leftJoin(t(app, 't'), joined)
        .toStream(),
  },
]

const streamTable: Partial<InputShape> = { topics: ['a', 't'], tables: ['t'], nullValues: true }
const streamStream: Partial<InputShape> = { topics: ['a', 'b'], nullValues: true }
const oneTable: Partial<InputShape> = { topics: ['t'], tables: ['t'] }
const twoTables: Partial<InputShape> = { topics: ['t', 'u'], tables: ['t', 'u'] }
const threeTables: Partial<InputShape> = { topics: ['t', 'u', 'v'], tables: ['t', 'u', 'v'] }
const byReference: Partial<InputShape> = { ...twoTables, references: true }

const tables: readonly ComparedTopology[] = [
  { name: 'stream-table', shape: streamTable, build: (app) => s(app, 'a').join(t(app, 't'), joined) },
  {
    name: 'stream-table-left',
    shape: streamTable,
    build: (app) => s(app, 'a').leftJoin(t(app, 't'), joined),
  },
  {
    name: 'stream-versioned-left',
    // A value and its deletion at one time: Kafka Streams forgets both, and takes an older record for the latest.
    shape: { ...streamTable, distinct: true },
    build: (app) => s(app, 'a').leftJoin(v(app, 't'), joined),
  },
  {
    name: 'stream-global',
    shape: { ...streamTable, nullValues: false, references: true },
    build: (app) => s(app, 'a').join(app.globalTable('t', stringSerde), joined, { on: reference }),
  },
  {
    name: 'stream-global-left',
    shape: { ...streamTable, nullValues: false, references: true },
    build: (app) => s(app, 'a').leftJoin(app.globalTable('t', stringSerde), joined, { on: reference }),
  },
  { name: 'table-filter', shape: oneTable, build: (app) => t(app, 't').filter(keeps).toStream() },
  {
    name: 'table-map-values',
    shape: oneTable,
    build: (app) =>
      t(app, 't')
        .mapValues((value) => `${value}!`)
        .toStream(),
  },
  {
    name: 'table-map-filter',
    shape: oneTable,
    build: (app) =>
      t(app, 't')
        .mapValues((value) => `${value}!`)
        .filter((value) => keeps(value.slice(0, -1)), { store: 'kept' })
        .toStream(),
  },
  { name: 'to-table', build: (app) => s(app, 'a').filter(keeps).toTable().toStream() },
  {
    name: 'stream-filtered-table-left',
    shape: streamTable,
    build: (app) =>
      s(app, 'a').leftJoin(
        t(app, 't')
          .filter(keeps)
          .mapValues((value) => `${value}!`),
        joined,
      ),
  },
  {
    name: 'stream-table-table-left',
    shape: { topics: ['a', 't', 'u'], tables: ['t', 'u'], nullValues: true },
    build: (app) => s(app, 'a').leftJoin(t(app, 't').outerJoin(t(app, 'u'), joined), joined),
  },
  { name: 'table-table', shape: twoTables, build: (app) => t(app, 't').join(t(app, 'u'), joined).toStream() },
  {
    name: 'table-table-left',
    shape: twoTables,
    build: (app) => t(app, 't').leftJoin(t(app, 'u'), joined).toStream(),
  },
  {
    name: 'table-table-outer',
    shape: twoTables,
    build: (app) => t(app, 't').outerJoin(t(app, 'u'), joined).toStream(),
  },
  {
    name: 'table-table-versioned',
    // A value and its deletion at one time: Kafka Streams forgets both, and takes an older record for the latest.
    shape: { ...twoTables, distinct: true },
    build: (app) => v(app, 't').outerJoin(v(app, 'u'), joined).toStream(),
  },
  {
    name: 'table-three',
    shape: threeTables,
    build: (app) => t(app, 't').join(t(app, 'u'), joined).leftJoin(t(app, 'v'), joined).toStream(),
  },
  {
    name: 'table-three-outer',
    shape: threeTables,
    build: (app) => t(app, 't').outerJoin(t(app, 'u'), joined).outerJoin(t(app, 'v'), joined).toStream(),
  },
  {
    name: 'table-left-filtered',
    shape: twoTables,
    build: (app) => t(app, 't').leftJoin(t(app, 'u'), joined).filter(keeps).toStream(),
  },
  {
    name: 'foreign-key',
    shape: byReference,
    build: (app) => t(app, 't').joinOn(t(app, 'u'), reference, joined).toStream(),
  },
  {
    name: 'foreign-key-left',
    shape: byReference,
    build: (app) => t(app, 't').leftJoinOn(t(app, 'u'), reference, joined).toStream(),
  },
]

/*
 * None is later than the grace. Kafka Streams may join such a one with a record that it has given out alone, depending
 * on when it last looked for closed windows; and one whose window has ended it gives out alone before its grace is over.
 */
const outerWithin = (lateMs: number): Partial<InputShape> => ({
  ...streamStream,
  lastLeap: true,
  lateMs,
})
const aloneLater: ComparedTopology['alike'] = {
  why: 'Kafka Streams looks for closed windows only now and then, by the time of the last record it looked at',
  sorted: 'alone',
}
const between = (before: number, after: number, grace = 0) => ({ within: { before, after }, grace })

const streams: readonly ComparedTopology[] = [
  {
    name: 'stream-stream',
    shape: streamStream,
    build: (app) => s(app, 'a').join(s(app, 'b'), joined, between(10, 10)),
  },
  {
    name: 'stream-stream-uneven',
    shape: streamStream,
    build: (app) => s(app, 'a').join(s(app, 'b'), joined, between(0, 15, 5)),
  },
  {
    name: 'stream-stream-left',
    alike: aloneLater,
    shape: outerWithin(8),
    build: (app) => s(app, 'a').leftJoin(s(app, 'b'), joined, between(10, 10, 8)),
  },
  {
    name: 'stream-stream-outer',
    alike: aloneLater,
    shape: outerWithin(10),
    build: (app) => s(app, 'a').outerJoin(s(app, 'b'), joined, between(10, 10, 10)),
  },
  {
    name: 'stream-stream-outer-grace',
    alike: aloneLater,
    shape: outerWithin(6),
    build: (app) => s(app, 'a').outerJoin(s(app, 'b'), joined, between(12, 12, 6)),
  },
  {
    name: 'stream-stream-outer-uneven',
    alike: aloneLater,
    shape: outerWithin(3),
    build: (app) => s(app, 'a').outerJoin(s(app, 'b'), joined, between(3, 14, 3)),
  },
  {
    name: 'self-join',
    shape: { nullValues: true },
    build: (app) => {
      const a = s(app, 'a')
      return a.join(a, joined, between(10, 5))
    },
  },
]

export const topologies: readonly ComparedTopology[] = [...single, ...windows, ...tables, ...streams]

/** The pipeline of a topology, with its result in the topic `out`. */
export function pipelineOf(topology: ComparedTopology): Pipeline {
  const app = pipeline('compared')
  topology.build(app).to('out', { value: json() })
  return app
}

export function shapeOf({ shape }: ComparedTopology): InputShape {
  return {
    topics: ['a'],
    tables: [],
    lateMs: 30,
    references: false,
    nullKeys: true,
    nullValues: false,
    lastLeap: false,
    distinct: false,
    ...shape,
  }
}
