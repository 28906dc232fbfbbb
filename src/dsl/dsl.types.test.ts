/**
 * What the compiler must say: the inferred type of every operator, and what does not compile. `npx tsc` fails when one
 * of these is not so; the tests themselves show that what compiles can be planned. Joins: joins.types.test.ts.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json, stringSerde } from '../core/serde.ts'
import { aggregator, collect, count, first, last, max, mean, min, sum } from '../operators/aggregator.ts'
import { distinctCount, distinctCountSketch } from '../operators/aggregators/distinct-count.ts'
import { histogram } from '../operators/aggregators/histogram.ts'
import { quantiles } from '../operators/aggregators/quantiles.ts'
import { stddev } from '../operators/aggregators/stddev.ts'
import { topK } from '../operators/aggregators/top-k.ts'
import type { Windowed } from '../operators/windowed.ts'
import { pipeline } from './pipeline.ts'
import { keyValueState, output, outputBy } from './processor.ts'
import { remoteTable } from './remote-table.ts'
import type { Stream } from './stream.ts'
import type { Table } from './table.ts'
import { typeOf } from './type-of-fixture.ts'
import { calendar, custom, everyRecords, hopping, session, sliding, tumbling, unlimited } from './window.ts'

type Order =
  | { readonly kind: 'paid'; readonly id: string; readonly cents: number }
  | { readonly kind: 'open'; readonly id: string }
type Paid = Extract<Order, { kind: 'paid' }>
interface Account {
  readonly orders: number
}

describe('inferred types', () => {
  it('of stateless operators', () => {
    const app = pipeline('stateless')
    const orders = app.stream('orders', json<Order>())
    typeOf(orders).is<Stream<string, Order>>(true)
    const paid = orders.filter((o): o is Paid => o.kind === 'paid')
    typeOf(paid).is<Stream<string, Paid>>(true)
    typeOf(paid.filter((o) => o.cents > 1)).is<Stream<string, Paid>>(true)
    typeOf(paid.mapValues((o) => o.cents)).is<Stream<string, number>>(true)
    typeOf(paid.mapValues((_o, _k, { offset, headers }) => [offset, headers.length])).is<
      Stream<string, number[]>
    >(true)
    typeOf(paid.map((o) => ({ key: o.id, value: o.cents }))).is<Stream<string, number>>(true)
    typeOf(paid.map((o) => ({ key: o.cents, value: o.id }), { key: json<number>() })).is<
      Stream<number, string>
    >(true)
    typeOf(paid.flatMapValues((o) => [o.id])).is<Stream<string, string>>(true)
    typeOf(paid.flatMap((o) => [{ key: o.id, value: o.cents }])).is<Stream<string, number>>(true)
    typeOf(paid.selectKey((o) => o.cents, { key: json<number>() })).is<Stream<number, Paid>>(true)
    typeOf(paid.peek(() => {})).is<Stream<string, Paid>>(true)
    typeOf(paid.merge(paid.mapValues(() => 1))).is<Stream<string, Paid | number>>(true)
    typeOf(paid.repartition({ partitions: 3, name: 'moved' })).is<Stream<string, Paid>>(true)
    typeOf(paid.toTable()).is<Table<string, Paid, null>>(true)
    typeOf(paid.mapAsync(async (o, key) => [key, o.cents] as const)).is<
      Stream<string, readonly [string, number]>
    >(true)
    typeOf(
      paid.mapAsync(
        (o, _k, { attempt, signal, timestampMs }) => `${attempt}${signal.aborted}${timestampMs}${o.id}`,
        {
          name: 'asked',
          order: 'per-key',
          onFailure: 'park',
          park: { retry: 'never' },
        },
      ),
    ).is<Stream<string, string>>(true)
    const prices = remoteTable<number>({ name: 'prices', get: async () => 1 })
    typeOf(paid.join(prices, (o, price) => o.cents * price)).is<Stream<string, number>>(true)
    typeOf(paid.leftJoin(prices, (_o, price) => price, { name: 'left' })).is<Stream<string, number | null>>(
      true,
    )
    const byNumber = remoteTable<{ city: string }, number>({
      name: 'cities',
      getAll: async (keys) => keys.map((key) => (key > 1 ? { city: 'Bern' } : null)),
      cache: { ttl: '1 minute' },
    })
    typeOf(paid.join(byNumber, (_o, { city }) => city, { on: (o) => o.cents, order: 'none' })).is<
      Stream<string, string>
    >(true)
    typeOf(paid.deduplicate({ within: '1 hour', id: (o) => o.id })).is<Stream<string, Paid>>(true)
    typeOf(paid.delay('5 minutes')).is<Stream<string, Paid>>(true)
    const branches = orders.branch(
      { paid: (o): o is Paid => o.kind === 'paid', small: (o) => o.id === '' },
      { default: 'rest' },
    )
    typeOf(branches.paid).is<Stream<string, Paid>>(true)
    typeOf(branches.small).is<Stream<string, Order>>(true)
    typeOf(branches.rest).is<Stream<string, Order>>(true)
    assert.ok(app.plan().subTopologies.length > 0)
  })

  it('of aggregates', () => {
    const app = pipeline('aggregates')
    const paid = app.stream('orders', json<Paid>())
    const grouped = paid.groupBy((o) => o.id)
    const all = grouped.aggregate({
      count: count(),
      sum: sum((o) => o.cents),
      mean: mean((o) => o.cents),
      min: min((o) => o.cents),
      max: max((o) => o.cents),
      stddev: stddev((o) => o.cents),
      first: first((o) => o.id),
      last: last((o) => o.id),
      collect: collect((o) => o.id),
      distinct: distinctCount((o) => o.id),
      sketch: distinctCountSketch((o) => o.id),
      top: topK(3, (o) => o.cents),
      topIds: topK(
        3,
        (o) => o.cents,
        (o) => o.id,
      ),
      quantiles: quantiles((o) => o.cents, [0.5]),
      histogram: histogram((o) => o.cents, [10]),
    })
    typeOf(all).is<
      Table<
        string,
        {
          readonly count: number
          readonly sum: number
          readonly mean: number | null
          readonly min: number | null
          readonly max: number | null
          readonly stddev: number | null
          readonly first: string | null
          readonly last: string | null
          readonly collect: readonly string[]
          readonly distinct: number
          readonly sketch: number
          readonly top: readonly Paid[]
          readonly topIds: readonly string[]
          readonly quantiles: readonly (number | null)[]
          readonly histogram: readonly number[]
        }
      >
    >(true)
    typeOf(grouped.reduce((held, o) => (o.cents > held.cents ? o : held), { name: 'reduced' })).is<
      Table<string, Paid>
    >(true)
    const own = aggregator<Paid, number, { total: number }>({
      init: () => 0,
      add: (total, o) => total + o.cents,
      result: (total) => ({ total }),
    })
    typeOf(grouped.aggregate(own, { name: 'own' })).is<Table<string, { total: number }>>(true)
    const both = grouped
      .cogroup(
        (): Account => ({ orders: 0 }),
        (state, _order) => ({ orders: state.orders + 1 }),
        { name: 'of-orders' },
      )
      .and(app.stream('closed', json<{ why: string }>()).groupByKey(), (state, event) =>
        event.why === '' ? state : { orders: 0 },
      )
    typeOf(both.aggregate({ name: 'accounts' })).is<Table<string, Account>>(true)
    const merged = grouped.cogroup(
      (): Account => ({ orders: 0 }),
      (state) => state,
    )
    const merge = (earlier: Account, later: Account): Account => ({ orders: earlier.orders + later.orders })
    typeOf(merged.window(session('1m')).aggregate({ merge, name: 'final' })).is<
      Table<Windowed<string>, Account>
    >(true)
    const growing = merged.window(session('1m', { emit: 'update' })).aggregate({ merge, name: 'growing' })
    typeOf(growing.toStream()).is<Stream<Windowed<string>, Account | null>>(true)
    assert.ok(app.plan().subTopologies.length > 0)
  })

  it('of windows', () => {
    const app = pipeline('windows')
    const grouped = app.stream('orders', json<Paid>()).groupByKey()
    const windows = [
      tumbling('1 hour', { grace: '5m' }),
      hopping('1 hour', { every: '10 minutes' }),
      sliding('10s'),
      session('5 minutes'),
      everyRecords(10),
      calendar('month', { zone: 'Europe/Lisbon' }),
      unlimited(),
      custom(() => []),
      tumbling('1 hour', { emit: { early: { every: '1m' }, late: { records: 1 }, panes: 'discarding' } }),
    ]
    for (const [at, window] of windows.entries()) {
      const table = grouped.window(window).aggregate({ n: count() }, { name: `n-${at}` })
      typeOf(table).is<Table<Windowed<string>, { readonly n: number }>>(true)
    }
    const growing = grouped
      .window(session('5m', { emit: 'update' }))
      .reduce((held) => held, { name: 'growing' })
    typeOf(growing).is<Table<Windowed<string>, Paid, null>>(true)
    typeOf(growing.toStream()).is<Stream<Windowed<string>, Paid | null>>(true)
    typeOf(growing.suppress({ wait: '1m' })).is<Table<Windowed<string>, Paid, null>>(true)
    assert.equal(app.plan().subTopologies.length, 1)
  })

  it('of tables that are grouped, and of processors', () => {
    const app = pipeline('low')
    const people = app.table('people', json<{ city: string; age: number }>())
    const cities = people.groupBy((p) => p.city).aggregate({ n: count(), age: sum((p) => p.age) })
    typeOf(cities).is<Table<string, { readonly n: number; readonly age: number }>>(true)
    const outputs = app.stream('orders', json<Paid>()).process({
      stores: {
        seen: keyValueState<number>(),
        byCents: keyValueState<Paid, number>({ key: json<number>() }),
      },
      outputs: { big: output<Paid>(), ids: outputBy<string, number>(json<number>()) },
      create: (context) => ({
        process({ key, value }) {
          typeOf(key).is<string>(true)
          typeOf(context.stores.seen.get(key)).is<number | undefined>(true)
          typeOf(context.stores.byCents.get(value.cents)).is<Paid | undefined>(true)
          context.forward('big', value)
          context.forward('ids', value.id, { key: value.cents })
        },
      }),
    })
    typeOf(outputs.big).is<Stream<string, Paid>>(true)
    typeOf(outputs.ids).is<Stream<number, string>>(true)
    assert.ok(app.plan().subTopologies.length > 0)
  })
})

/** Never called: each marked line must not compile. */
export function doesNotCompile(): void {
  const app = pipeline('wrong')
  const orders = app.stream('orders', json<Paid>())
  // @ts-expect-error a window needs records that are grouped by a key
  orders.window(tumbling('1 hour'))
  // @ts-expect-error an order has no field "cent"
  orders.filter((o) => o.cent > 1)
  // @ts-expect-error an order has no field "cent"
  orders.groupByKey().aggregate({ total: sum((o) => o.cent) })
  // @ts-expect-error "1 hours ago" is not a duration
  tumbling('1 hours ago')
  // @ts-expect-error "10 parsecs" is not a duration
  orders.delay('10 parsecs')
  // @ts-expect-error hopping windows say how often they begin
  hopping('1 hour')
  // @ts-expect-error a calendar has no fortnights
  calendar('fortnight')
  // @ts-expect-error no results are emitted "sometimes"
  tumbling('1 hour', { emit: 'sometimes' })
  // @ts-expect-error sessions have no panes
  session('1 hour', { emit: { panes: 'discarding' } })
  // @ts-expect-error a key that is not text says how it is written
  orders.selectKey((o) => o.cents)
  // @ts-expect-error a key that is not text says how it is written
  orders.groupBy((o) => o.cents)
  // @ts-expect-error to() with a function names its topics
  orders.to((o) => o.id)
  // @ts-expect-error "c" is not among the topics
  orders.to((o) => (o.cents > 1 ? 'a' : 'c'), { topics: ['a', 'b'] })
  // @ts-expect-error there is no branch "medium"
  orders.branch({ large: (o) => o.cents > 1 }).medium
  // @ts-expect-error without a default there is no branch "rest"
  orders.branch({ large: (o) => o.cents > 1 }).rest
  // @ts-expect-error reduce keeps the type of the values
  orders.groupByKey().reduce((_held, o) => o.cents)
  const people = app.table('people', json<{ city: string; age: number }>())
  // @ts-expect-error max cannot take a value back, and a table's values change
  people.groupBy((p) => p.city).aggregate({ oldest: max((p) => p.age) })
  // @ts-expect-error a table's reduce also says how a value is taken back
  people.groupBy((p) => p.city).reduce((held) => held)
  // @ts-expect-error a person has no field "town"
  people.groupBy((p) => p.town)
  // @ts-expect-error suppress says how long
  people.suppress({})
  // @ts-expect-error an id is told within a time
  orders.deduplicate({ id: (o) => o.id })
  // @ts-expect-error keys are parked only where their order is kept
  orders.mapAsync((o) => o, { onFailure: 'park' })
  // @ts-expect-error only keys whose order is kept are parked
  orders.mapAsync((o) => o, { order: 'none', park: { retry: 'never' } })
  // @ts-expect-error a retry says how often
  orders.mapAsync((o) => o, { retry: { backoff: '1 second' } })
  const numbers = remoteTable<number, number>({ name: 'numbers', get: async (key) => key })
  // @ts-expect-error the keys of the table are numbers
  orders.join(numbers, (o, n) => o.cents + n, { on: (o) => o.id })
  // @ts-expect-error the keys of the stream are not those of the table
  orders.join(numbers, (o, n) => o.cents + n)
  // @ts-expect-error a cache says how long its values count
  remoteTable<number>({ name: 'numbers', get: async () => 1, cache: {} })
  // @ts-expect-error several keys at once need getAll
  remoteTable<number>({ name: 'numbers', get: async () => 1, batch: { keysMax: 3 } })
  // @ts-expect-error a remote table gives numbers
  remoteTable<number>({ name: 'numbers', get: async () => 'one' })
  // @ts-expect-error a global table has no priority
  app.globalTable('cities', json<string>(), { priority: 1 })
  orders.process({
    stores: { seen: keyValueState<number>() },
    outputs: { big: output<Paid>(), ids: outputBy<string>(stringSerde) },
    create: (context) => ({
      process({ key, value }) {
        // @ts-expect-error there is no store "sen"
        context.stores.sen.get(key)
        // @ts-expect-error the store holds numbers
        context.stores.seen.put(key, value.id)
        // @ts-expect-error there is no output "small"
        context.forward('small', value)
        // @ts-expect-error the output takes orders
        context.forward('big', 1)
        // @ts-expect-error this output needs a key
        context.forward('ids', value.id)
      },
    }),
  })
}
