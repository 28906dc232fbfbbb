/** What follows what: aggregates filtered, joined and grouped again, streams of tables joined, windows at the epoch. */
import type { Pipeline } from '../../../src/dsl/pipeline.ts'
import type { Stream } from '../../../src/dsl/stream.ts'
import { hopping, session, sliding, tumbling, type Window } from '../../../src/dsl/window.ts'
import { aggregator, count } from '../../../src/operators/aggregator.ts'
import type { InputShape } from '../inputs.ts'
import type { ComparedTopology } from './parts.ts'
import { joined, joinText, keeps, prefix, stream, table, versioned, windowText } from './parts.ts'

const twoTables: Partial<InputShape> = { topics: ['t', 'u'], tables: ['t', 'u'] }
const atEpoch: Partial<InputShape> = { startMs: 0 }

/** Answers with nothing for some values, which makes the key forgotten. */
const forgetting = aggregator<string, string>({
  init: () => '',
  add: (all, value) => (value.endsWith('7') ? (null as never) : all + value),
  merge: (one, two) => one + two,
})

const windows = (app: Pipeline, window: Window, all = joinText): Stream<string, unknown> =>
  stream(app, 'a')
    .groupByKey()
    .window(window)
    .aggregate(all)
    .toStream()
    .map((value, w) => ({ key: windowText(w), value }))

const update = { emit: 'update' } as const

export const combined: readonly ComparedTopology[] = [
  {
    name: 'count-filter',
    build: (app) =>
      stream(app, 'a')
        .groupByKey()
        .aggregate(count())
        .filter((n) => n % 2 === 1)
        .toStream()
        .mapValues((n) => (n === null ? null : `${n}`)),
  },
  {
    name: 'tumbling-filter',
    build: (app) =>
      stream(app, 'a')
        .groupByKey()
        .window(tumbling('20 ms', { grace: '10 ms', ...update }))
        .aggregate(count())
        .filter((n) => n === 2)
        .toStream()
        .map((n, w) => ({ key: windowText(w), value: n === null ? null : `${n}` })),
  },
  {
    name: 'reduce-regroup',
    build: (app) =>
      stream(app, 'a')
        .groupByKey()
        .reduce((_held, value) => value)
        .groupBy(prefix)
        .aggregate(count())
        .toStream()
        .mapValues((n) => `${n}`),
  },
  {
    name: 'stream-own-table-left',
    build(app) {
      const a = stream(app, 'a')
      const all = a.groupByKey().reduce((held, value) => held + value)
      return a.leftJoin(all, joined)
    },
  },
  {
    name: 'tumbling-join',
    build(app) {
      const grouped = stream(app, 'a').groupByKey()
      const window = tumbling('20 ms', { grace: '10 ms', ...update })
      const counts = grouped.window(window).aggregate(count(), { name: 'counts' })
      const texts = grouped.window(window).aggregate(joinText, { name: 'texts' })
      return counts
        .leftJoin(texts, (n, text) => joined(`${n}`, text))
        .toStream()
        .map((value, w) => ({ key: windowText(w), value }))
    },
  },
  {
    name: 'tumbling-suppress',
    // As for suppress(): a tick moves the time before a change comes.
    shape: { ticks: true, distinct: 'times', lateMs: 0 },
    build: (app) =>
      stream(app, 'a')
        .groupByKey()
        .window(tumbling('20 ms', { grace: '10 ms', ...update }))
        .aggregate(joinText)
        .mapValues((text) => `${text}!`)
        .suppress({ wait: '10 ms' })
        .toStream()
        .map((value, w) => ({ key: windowText(w), value })),
  },
  {
    name: 'table-stream-table-left',
    shape: twoTables,
    build: (app) => table(app, 't').toStream().leftJoin(table(app, 'u'), joined),
  },
  {
    name: 'table-streams',
    shape: twoTables,
    build: (app) =>
      table(app, 't')
        .toStream()
        .join(table(app, 'u').toStream(), joined, { within: '10 ms', grace: '30 ms' }),
  },
  {
    name: 'versioned-filter',
    slow: true,
    shape: { topics: ['t'], tables: ['t'], distinct: 'of-key' },
    build: (app) => versioned(app, 't').filter(keeps).toStream(),
  },
  {
    name: 'stream-versioned-filter-left',
    slow: true,
    shape: { topics: ['a', 't'], tables: ['t'], distinct: 'of-key' },
    build: (app) =>
      stream(app, 'a').leftJoin(
        versioned(app, 't')
          .filter(keeps)
          .mapValues((value) => `${value}!`),
        joined,
      ),
  },
  {
    name: 'hopping-epoch',
    shape: atEpoch,
    build: (app) => windows(app, hopping('20 ms', { every: '7 ms', ...update })),
  },
  {
    name: 'sliding-epoch',
    shape: atEpoch,
    build: (app) => windows(app, sliding('10 ms', { grace: '15 ms', ...update })),
  },
  {
    name: 'forgetting',
    build: (app) => stream(app, 'a').groupByKey().aggregate(forgetting).toStream(),
  },
  {
    name: 'tumbling-forgetting',
    build: (app) => windows(app, tumbling('20 ms', { grace: '10 ms', ...update }), forgetting),
  },
  {
    name: 'sliding-forgetting',
    build: (app) => windows(app, sliding('10 ms', { grace: '15 ms', ...update }), forgetting),
  },
  {
    name: 'session-forgetting',
    shape: { lateMs: 14 },
    build: (app) => windows(app, session('10 ms', { grace: '15 ms', ...update }), forgetting),
  },
]
