/** Tables: of one topic, joined with streams, with each other, and by a key that their values name. */
import { stringSerde } from '../../../src/core/serde.ts'
import type { InputShape } from '../inputs.ts'
import type { ComparedTopology } from './parts.ts'
import { joined, keeps, reference, stream, table, versioned } from './parts.ts'

const streamTable: Partial<InputShape> = { topics: ['a', 't'], tables: ['t'], nullValues: true }
const oneTable: Partial<InputShape> = { topics: ['t'], tables: ['t'] }
const twoTables: Partial<InputShape> = { topics: ['t', 'u'], tables: ['t', 'u'] }
const threeTables: Partial<InputShape> = { topics: ['t', 'u', 'v'], tables: ['t', 'u', 'v'] }
const byReference: Partial<InputShape> = { ...twoTables, references: true }

export const tables: readonly ComparedTopology[] = [
  {
    name: 'stream-table',
    shape: streamTable,
    build: (app) => stream(app, 'a').join(table(app, 't'), joined),
  },
  {
    name: 'stream-table-left',
    shape: streamTable,
    build: (app) => stream(app, 'a').leftJoin(table(app, 't'), joined),
  },
  {
    name: 'stream-versioned-left',
    slow: true,
    // A value and its deletion at one time: Kafka Streams forgets both, and takes an older record for the latest.
    shape: { ...streamTable, distinct: 'of-key' },
    build: (app) => stream(app, 'a').leftJoin(versioned(app, 't'), joined),
  },
  ...(['stream-versioned-grace', 'stream-versioned-grace-left'] as const).map(
    (name): ComparedTopology => ({
      name,
      slow: true,
      // Less late than the grace, and all remembered: both know every version when they join.
      shape: {
        ...streamTable,
        distinct: 'of-key',
        lateMs: 10,
        lastLeap: true,
        // Kafka Streams fails when a record without a key waits for a left join.
        nullKeys: name === 'stream-versioned-grace',
      },
      build(app) {
        const [left, right] = [stream(app, 'a'), app.table('t', stringSerde, { history: '1 day' })]
        const options = { grace: '20 ms' } as const
        return name === 'stream-versioned-grace'
          ? left.join(right, joined, options)
          : left.leftJoin(right, joined, options)
      },
      alike: {
        why: 'Kafka Streams lets only records of the stream move the time that is waited for.',
        sorted: 'all',
      },
    }),
  ),
  {
    name: 'stream-global',
    shape: { ...streamTable, nullValues: false, references: true },
    build: (app) => stream(app, 'a').join(app.globalTable('t', stringSerde), joined, { on: reference }),
  },
  {
    name: 'stream-global-left',
    shape: { ...streamTable, nullValues: false, references: true },
    build: (app) => stream(app, 'a').leftJoin(app.globalTable('t', stringSerde), joined, { on: reference }),
  },
  { name: 'table-filter', shape: oneTable, build: (app) => table(app, 't').filter(keeps).toStream() },
  {
    name: 'table-map-values',
    shape: oneTable,
    build: (app) =>
      table(app, 't')
        .mapValues((value) => `${value}!`)
        .toStream(),
  },
  {
    name: 'table-map-filter',
    shape: oneTable,
    build: (app) =>
      table(app, 't')
        .mapValues((value) => `${value}!`)
        .filter((value) => keeps(value.slice(0, -1)), { store: 'kept' })
        .toStream(),
  },
  { name: 'to-table', build: (app) => stream(app, 'a').filter(keeps).toTable().toStream() },
  {
    name: 'stream-filtered-table-left',
    shape: streamTable,
    build: (app) =>
      stream(app, 'a').leftJoin(
        table(app, 't')
          .filter(keeps)
          .mapValues((value) => `${value}!`),
        joined,
      ),
  },
  {
    name: 'stream-table-table-left',
    shape: { topics: ['a', 't', 'u'], tables: ['t', 'u'], nullValues: true },
    build: (app) => stream(app, 'a').leftJoin(table(app, 't').outerJoin(table(app, 'u'), joined), joined),
  },
  {
    name: 'table-table',
    shape: twoTables,
    build: (app) => table(app, 't').join(table(app, 'u'), joined).toStream(),
  },
  {
    name: 'table-table-left',
    shape: twoTables,
    build: (app) => table(app, 't').leftJoin(table(app, 'u'), joined).toStream(),
  },
  {
    name: 'table-table-outer',
    shape: twoTables,
    build: (app) => table(app, 't').outerJoin(table(app, 'u'), joined).toStream(),
  },
  {
    name: 'table-table-versioned',
    slow: true,
    // A value and its deletion at one time: Kafka Streams forgets both, and takes an older record for the latest.
    shape: { ...twoTables, distinct: 'of-key' },
    build: (app) => versioned(app, 't').outerJoin(versioned(app, 'u'), joined).toStream(),
  },
  {
    name: 'table-three',
    shape: threeTables,
    build: (app) =>
      table(app, 't').join(table(app, 'u'), joined).leftJoin(table(app, 'v'), joined).toStream(),
  },
  {
    name: 'table-three-outer',
    shape: threeTables,
    build: (app) =>
      table(app, 't').outerJoin(table(app, 'u'), joined).outerJoin(table(app, 'v'), joined).toStream(),
  },
  {
    name: 'table-left-filtered',
    shape: twoTables,
    build: (app) => table(app, 't').leftJoin(table(app, 'u'), joined).filter(keeps).toStream(),
  },
  {
    name: 'foreign-key',
    shape: byReference,
    build: (app) => table(app, 't').joinOn(table(app, 'u'), reference, joined).toStream(),
  },
  {
    name: 'foreign-key-left',
    shape: byReference,
    build: (app) => table(app, 't').leftJoinOn(table(app, 'u'), reference, joined).toStream(),
  },
  {
    name: 'foreign-key-self',
    alike: {
      why: 'a change reaches both sides one after the other: its results between are shown here, and not there',
      last: true,
      sorted: 'all',
      timeless: true,
    },
    shape: { ...oneTable, references: true },
    build(app) {
      const t = table(app, 't')
      return t.joinOn(t, reference, joined).toStream()
    },
  },
  {
    name: 'foreign-key-versioned',
    slow: true,
    shape: { ...byReference, distinct: 'of-key' },
    build: (app) => versioned(app, 't').joinOn(versioned(app, 'u'), reference, joined).toStream(),
  },
  {
    name: 'stream-table-moved',
    shape: { ...streamTable, nullValues: false, references: true },
    build: (app) =>
      stream(app, 'a')
        .selectKey((v) => reference(v) ?? 'none')
        .join(table(app, 't'), joined),
  },
  {
    name: 'stream-versioned',
    slow: true,
    // As for the left join.
    shape: { ...streamTable, distinct: 'of-key' },
    build: (app) => stream(app, 'a').join(versioned(app, 't'), joined),
  },
]
