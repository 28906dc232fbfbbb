/** Joins of two streams within a time. */
import type { InputShape } from '../inputs.ts'
import type { Alike, ComparedTopology } from './parts.ts'
import { joined, prefix, stream } from './parts.ts'

const streamStream: Partial<InputShape> = { topics: ['a', 'b'], nullValues: true }

/*
 * None is later than the grace. Kafka Streams may join such a one with a record that it has given out alone, depending
 * on when it last looked for closed windows; and one whose window has ended it gives out alone before its grace is over.
 */
const outerWithin = (lateMs: number): Partial<InputShape> => ({
  ...streamStream,
  lastLeap: true,
  lateMs,
})
const aloneLater: Alike = {
  why: 'Kafka Streams looks for closed windows only now and then, by the time of the last record it looked at',
  sorted: 'alone',
}
/** Neither is 0: there Kafka Streams forgets a partner a millisecond before its time. */
const between = (before: number, after: number, grace = 0) => ({ within: { before, after }, grace })

export const streams: readonly ComparedTopology[] = [
  {
    name: 'stream-stream',
    shape: streamStream,
    build: (app) => stream(app, 'a').join(stream(app, 'b'), joined, between(10, 10)),
  },
  {
    name: 'stream-stream-uneven',
    shape: streamStream,
    build: (app) => stream(app, 'a').join(stream(app, 'b'), joined, between(1, 15, 5)),
  },
  {
    name: 'stream-stream-grace',
    shape: streamStream,
    build: (app) => stream(app, 'a').join(stream(app, 'b'), joined, between(10, 10, 8)),
  },
  {
    name: 'stream-stream-left',
    alike: aloneLater,
    shape: outerWithin(8),
    build: (app) => stream(app, 'a').leftJoin(stream(app, 'b'), joined, between(10, 10, 8)),
  },
  {
    name: 'stream-stream-outer',
    alike: aloneLater,
    shape: outerWithin(8),
    build: (app) => stream(app, 'a').outerJoin(stream(app, 'b'), joined, between(10, 10, 8)),
  },
  {
    name: 'stream-stream-outer-grace',
    alike: aloneLater,
    shape: outerWithin(6),
    build: (app) => stream(app, 'a').outerJoin(stream(app, 'b'), joined, between(12, 12, 6)),
  },
  {
    name: 'stream-stream-outer-uneven',
    alike: aloneLater,
    shape: outerWithin(3),
    build: (app) => stream(app, 'a').outerJoin(stream(app, 'b'), joined, between(3, 14, 3)),
  },
  {
    name: 'self-join',
    shape: { nullValues: true },
    build: (app) => {
      const a = stream(app, 'a')
      return a.join(a, joined, between(10, 5))
    },
  },
  {
    name: 'stream-stream-moved',
    alike: aloneLater,
    shape: { ...outerWithin(8), nullValues: false },
    build: (app) =>
      stream(app, 'a')
        .selectKey(prefix)
        .leftJoin(stream(app, 'b').selectKey(prefix), joined, between(10, 10, 8)),
  },
  {
    name: 'stream-stream-wide',
    shape: streamStream,
    build: (app) => stream(app, 'a').join(stream(app, 'b'), joined, between(15, 15)),
  },
  {
    name: 'stream-stream-wide-left',
    alike: aloneLater,
    shape: outerWithin(0),
    build: (app) => stream(app, 'a').leftJoin(stream(app, 'b'), joined, between(15, 15)),
  },
  {
    name: 'stream-stream-wide-outer',
    alike: aloneLater,
    shape: outerWithin(0),
    build: (app) => stream(app, 'a').outerJoin(stream(app, 'b'), joined, between(15, 15)),
  },
]
