/** The examples of docs/guide/aggregations.md. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  aggregator,
  collect,
  count,
  distinctCount,
  distinctCountSketch,
  first,
  histogram,
  json,
  last,
  mean,
  pipeline,
  quantiles,
  stddev,
  sum,
  topK,
} from 'millrace'
import { testDriver } from 'millrace/testing'
import { assertPrinted } from './printed-fixture.ts'

interface Sale {
  readonly shop: string
  readonly item: string
  readonly cents: number
}

const sale = (shop: string, item: string, cents: number): Sale => ({ shop, item, cents })
const latest = (driver: ReturnType<typeof testDriver>, topic: string): unknown =>
  driver.topic(topic).read().at(-1)?.value

describe('the guide to aggregations', () => {
  it('aggregates by name', () => {
    // #region named
    const app = pipeline('sales')
    app
      .stream('sales', json<Sale>())
      .groupBy((sale) => sale.shop)
      .aggregate({
        sales: count(),
        cents: sum((sale) => sale.cents),
        spread: stddev((sale) => sale.cents),
        items: distinctCount((sale) => sale.item),
        best: topK(2, (sale) => sale.cents),
        median: quantiles((sale) => sale.cents, [0.5]),
      })
      .to('per-shop')
    // #endregion
    const driver = testDriver(app)
    driver.topic('sales').append(sale('north', 'nut', 100))
    driver.topic('sales').append(sale('north', 'bolt', 300))
    const { sales, cents, items, best } = latest(driver, 'per-shop') as Record<string, unknown>
    assert.deepEqual([sales, cents, items], [2, 400, 2])
    assert.deepEqual(best, [sale('north', 'bolt', 300), sale('north', 'nut', 100)])
  })

  it('keeps something of the values', () => {
    // #region kept
    const app = pipeline('sales')
    app
      .stream('sales', json<Sale>())
      .groupBy((sale) => sale.shop)
      .aggregate({
        mean: mean((sale) => sale.cents),
        range: histogram((sale) => sale.cents, [100, 1000]),
        opened: first((sale) => sale.item),
        newest: last((sale) => sale.item),
        all: collect((sale) => sale.item, { limit: 3 }),
        different: distinctCountSketch((sale) => sale.item),
      })
      .to('shops')
    // #endregion
    const driver = testDriver(app)
    for (const cents of [100, 300, 2000, 0]) driver.topic('sales').append(sale('north', `at ${cents}`, cents))
    assert.deepEqual(latest(driver, 'shops'), {
      mean: 600,
      range: [2, 1, 1],
      opened: 'at 100',
      newest: 'at 0',
      all: ['at 100', 'at 300', 'at 2000'],
      different: 4,
    })
  })

  it('reduces', () => {
    // #region reduce
    const app = pipeline('sales')
    app
      .stream('sales', json<Sale>())
      .groupBy((sale) => sale.item)
      .reduce((dearest, sale) => (sale.cents > dearest.cents ? sale : dearest))
      .to('dearest-sale')
    // #endregion
    const driver = testDriver(app)
    driver.topic('sales').append(sale('north', 'nut', 3))
    driver.topic('sales').append(sale('south', 'nut', 2))
    assert.deepEqual(latest(driver, 'dearest-sale'), sale('north', 'nut', 3))
  })

  it('takes an own aggregator', () => {
    // #region own
    const longestRun = aggregator<Sale, { item: string; run: number; longest: number }, number>({
      init: () => ({ item: '', run: 0, longest: 0 }),
      add({ item, run, longest }, sale) {
        const length = sale.item === item ? run + 1 : 1
        return { item: sale.item, run: length, longest: Math.max(longest, length) }
      },
      result: ({ longest }) => longest,
    })
    const app = pipeline('sales')
    app
      .stream('sales', json<Sale>())
      .groupBy((sale) => sale.shop)
      .aggregate({ sales: count(), longestRun })
      .to('runs')
    // #endregion
    const driver = testDriver(app)
    for (const item of ['nut', 'nut', 'bolt', 'nut']) driver.topic('sales').append(sale('north', item, 1))
    assert.deepEqual(latest(driver, 'runs'), { sales: 4, longestRun: 2 })
  })

  it('folds several streams into one state', () => {
    // #region cogroup
    const app = pipeline('stock')
    const sold = app.stream('sales', json<Sale>()).groupBy((sale) => sale.item)
    const delivered = app.stream('deliveries', json<{ item: string; pieces: number }>())
    sold
      .cogroup(
        () => 0,
        (pieces, _sale) => pieces - 1,
      )
      .and(
        delivered.groupBy((delivery) => delivery.item),
        (pieces, delivery) => pieces + delivery.pieces,
      )
      .aggregate({ name: 'pieces' })
      .to('pieces-in-stock')
    // #endregion
    const driver = testDriver(app)
    driver.topic('deliveries').append({ item: 'nut', pieces: 5 })
    driver.topic('sales').append(sale('north', 'nut', 1))
    assert.equal(latest(driver, 'pieces-in-stock'), 4)
  })

  it('aggregates a table', () => {
    // #region table
    const app = pipeline('people')
    app
      .table('people', json<{ city: string; age: number }>())
      .groupBy((person) => person.city)
      .aggregate({ people: count(), years: sum((person) => person.age) })
      .to('cities')
    // #endregion
    const driver = testDriver(app)
    driver.topic('people').append({ city: 'Faro', age: 30 }, { key: 'ann' })
    driver.topic('people').append({ city: 'Rome', age: 30 }, { key: 'ann' })
    assert.deepEqual(
      driver
        .topic('cities')
        .read()
        .map(({ key, value }) => [key, value]),
      [
        ['Faro', { people: 1, years: 30 }],
        ['Faro', { people: 0, years: 0 }],
        ['Rome', { people: 1, years: 30 }],
      ],
    )
  })

  it('holds changes back', () => {
    // #region suppress
    const app = pipeline('calm')
    app
      .stream('sales', json<Sale>())
      .groupBy((sale) => sale.shop)
      .aggregate({ sales: count() })
      .suppress({ wait: '10 seconds' })
      .to('per-shop')
    // #endregion
    const driver = testDriver(app)
    for (let at = 0; at < 3; at++) driver.topic('sales').append(sale('north', 'nut', 1))
    assert.equal(driver.topic('per-shop').read().length, 0)
    driver.topic('sales').append(sale('south', 'nut', 1), { timestampMs: 10_000 })
    assert.deepEqual(latest(driver, 'per-shop'), { sales: 3 })
  })

  it('is printed as it runs', () => assertPrinted(import.meta.url, 'aggregations.md'))
})
