/** Aggregates without windows, of streams and of tables, and what holds their changes back. */
import type { Pipeline } from '../../../src/dsl/pipeline.ts'
import { aggregator, count } from '../../../src/operators/aggregator.ts'
import type { InputShape } from '../inputs.ts'
import type { ComparedTopology } from './parts.ts'
import { joined, joinText, prefix, stream, table } from './parts.ts'

const oneTable: Partial<InputShape> = { topics: ['t'], tables: ['t'] }

/** Two streams that are added to one text each in its way. */
export const cogrouped = (app: Pipeline) =>
  stream(app, 'a')
    .groupByKey()
    .cogroup(
      () => '',
      (all, value) => all + value,
    )
    .and(stream(app, 'b').groupByKey(), (all, value) => all + value.toUpperCase())

const changes = aggregator<string, string>({
  init: () => '',
  add: (all, value) => `${all}+${value}`,
  subtract: (all, value) => `${all}-${value}`,
})

/*
 * Time moves before the record that moves it is taken: a change that is due leaves, and the new one waits. Kafka Streams
 * takes the record first, which replaces what is due when it has its key. A tick before it moves the time in both. Of keys that began to wait at one time the first in bytes
 * leaves first there, the first that came here.
 */
const ticking: Partial<InputShape> = { ticks: true, distinct: 'times' }

export const aggregates: readonly ComparedTopology[] = [
  {
    name: 'group-by-count',
    build: (app) =>
      stream(app, 'a')
        .groupBy((v) => v.slice(0, 1))
        .aggregate({ n: count() })
        .toStream()
        .mapValues((r) => `${r.n}`),
  },
  {
    name: 'aggregate',
    build: (app) =>
      stream(app, 'a')
        .groupByKey()
        .aggregate({ all: joinText })
        .toStream()
        .mapValues((r) => r.all),
  },
  {
    name: 'count',
    build: (app) =>
      stream(app, 'a')
        .groupByKey()
        .aggregate(count())
        .toStream()
        .mapValues((n) => `${n}`),
  },
  {
    name: 'reduce',
    build: (app) =>
      stream(app, 'a')
        .groupByKey()
        .reduce((all, value) => all + value)
        .toStream(),
  },
  { name: 'cogroup', shape: { topics: ['a', 'b'] }, build: (app) => cogrouped(app).aggregate().toStream() },
  {
    name: 'table-group-count',
    shape: oneTable,
    build: (app) =>
      table(app, 't')
        .groupBy((value) => value.slice(0, 1))
        .aggregate({ n: count() })
        .toStream()
        .mapValues((r) => `${r.n}`),
  },
  {
    name: 'table-group-reduce',
    shape: oneTable,
    build: (app) =>
      table(app, 't')
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
      stream(app, 'a')
        .groupByKey()
        .aggregate({ n: count() })
        .mapValues((r) => `${r.n}`)
        .leftJoin(table(app, 't'), joined)
        .toStream(),
  },
  {
    name: 'table-group-aggregate',
    shape: oneTable,
    build: (app) => table(app, 't').groupBy(prefix).aggregate(changes).toStream(),
  },
  {
    name: 'suppress',
    shape: { ...oneTable, ...ticking },
    build: (app) => table(app, 't').suppress({ wait: '10 ms' }).toStream(),
  },
  {
    name: 'suppress-count',
    shape: ticking,
    build: (app) =>
      stream(app, 'a')
        .groupByKey()
        .aggregate(count())
        .mapValues((n) => `${n}`)
        .suppress({ wait: '10 ms' })
        .toStream(),
  },
  {
    name: 'suppress-bounded',
    shape: { ...oneTable, ...ticking },
    build: (app) => table(app, 't').suppress({ wait: '30 ms', recordsMax: 2 }).toStream(),
  },
]
