/** Aggregates in windows. */
import type { Pipeline } from '../../../src/dsl/pipeline.ts'
import type { Stream } from '../../../src/dsl/stream.ts'
import {
  hopping,
  type SlidingWindow,
  session,
  sliding,
  type TimeWindow,
  tumbling,
  unlimited,
} from '../../../src/dsl/window.ts'
import { count } from '../../../src/operators/aggregator.ts'
import type { InputShape } from '../inputs.ts'
import { cogrouped } from './aggregates.ts'
import type { Alike, ComparedTopology } from './parts.ts'
import { joinText, prefix, stream, windowText } from './parts.ts'

const windowed = (app: Pipeline, window: TimeWindow | SlidingWindow): Stream<string, unknown> =>
  stream(app, 'a')
    .groupByKey()
    .window(window)
    .aggregate({ all: joinText })
    .toStream()
    .map((r, w) => ({ key: windowText(w), value: r.all }))

const finalTime: Alike = {
  why: 'a final result carries the last time of its window; within a window keys come as they first came',
  sorted: 'all',
  timeless: true,
}

/** Nothing is late: in Kafka Streams each stream of a cogroup has a time of its own, by which its records are late. */
const cogrouping = (lateMs: number): Partial<InputShape> => ({ topics: ['a', 'b'], lateMs })

export const windows: readonly ComparedTopology[] = [
  {
    name: 'tumbling',
    build: (app) =>
      stream(app, 'a')
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
      stream(app, 'a')
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
      stream(app, 'a')
        .groupByKey()
        .window(session('10 ms', { grace: '15 ms' }))
        .aggregate({ all: joinText })
        .toStream()
        .map((r, w) => ({ key: windowText(w), value: r.all })),
  },
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
      stream(app, 'a')
        .groupByKey()
        .window(session('10 ms', { grace: '15 ms', emit: 'update' }))
        .aggregate({ all: joinText })
        .toStream()
        .map((r, w) => ({ key: windowText(w), value: r === null ? null : r.all })),
  },
  {
    name: 'tumbling-moved',
    build: (app) =>
      stream(app, 'a')
        .groupBy(prefix)
        .window(tumbling('20 ms', { grace: '10 ms', emit: 'update' }))
        .aggregate(joinText)
        .toStream()
        .map((value, w) => ({ key: windowText(w), value })),
  },
  {
    name: 'tumbling-count',
    build: (app) =>
      stream(app, 'a')
        .groupByKey()
        .window(tumbling('10 ms', { emit: 'update' }))
        .aggregate(count())
        .toStream()
        .map((n, w) => ({ key: windowText(w), value: `${n}` })),
  },
  {
    name: 'tumbling-reduce',
    build: (app) =>
      stream(app, 'a')
        .groupByKey()
        .window(tumbling('20 ms', { grace: '10 ms', emit: 'update' }))
        .reduce((all, value) => all + value)
        .toStream()
        .map((value, w) => ({ key: windowText(w), value })),
  },
  {
    name: 'tumbling-suppressed',
    alike: finalTime,
    build: (app) => windowed(app, tumbling('20 ms', { grace: '10 ms' })),
  },
  {
    name: 'session-suppressed',
    // Kafka Streams gives a session out one millisecond before it closes, and drops it then.
    shape: { lateMs: 14, lastLeap: true },
    alike: { why: 'sessions that end together come in the order in which they began', sorted: 'all' },
    build: (app) =>
      stream(app, 'a')
        .groupByKey()
        .window(session('10 ms', { grace: '15 ms' }))
        .aggregate({ all: joinText })
        .toStream()
        .map((r, w) => ({ key: windowText(w), value: r.all })),
  },
  {
    name: 'hopping-close',
    alike: finalTime,
    build: (app) => windowed(app, hopping('20 ms', { every: '5 ms', grace: '10 ms' })),
  },
  {
    name: 'sliding-close',
    alike: finalTime,
    build: (app) => windowed(app, sliding('10 ms', { grace: '15 ms' })),
  },
  {
    name: 'unlimited',
    build: (app) =>
      stream(app, 'a')
        .groupByKey()
        .window(unlimited({ startMs: 110 }))
        .aggregate(joinText)
        .toStream()
        .map((value, w) => ({ key: `${w.key}@${w.windowStartMs}`, value })),
  },
  {
    name: 'cogroup-tumbling',
    shape: cogrouping(10),
    build: (app) =>
      cogrouped(app)
        .window(tumbling('20 ms', { grace: '10 ms', emit: 'update' }))
        .aggregate()
        .toStream()
        .map((value, w) => ({ key: windowText(w), value })),
  },
  {
    name: 'cogroup-sliding',
    shape: cogrouping(15),
    build: (app) =>
      cogrouped(app)
        .window(sliding('10 ms', { grace: '15 ms', emit: 'update' }))
        .aggregate()
        .toStream()
        .map((value, w) => ({ key: windowText(w), value })),
  },
  {
    name: 'cogroup-session',
    shape: cogrouping(14),
    build: (app) =>
      cogrouped(app)
        .window(session('10 ms', { grace: '15 ms', emit: 'update' }))
        .aggregate({ merge: (one, two) => one + two })
        .toStream()
        .map((value, w) => ({ key: windowText(w), value })),
  },
]
