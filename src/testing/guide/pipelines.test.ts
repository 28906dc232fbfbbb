/** The examples of docs/guide/pipelines.md. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { count, defineConfig, json, pipeline, tumbling } from 'millrace'
import { testDriver } from 'millrace/testing'
import { checkConfig } from '../../server/instance/config.ts'
import { assertPrinted, printedText } from './printed-fixture.ts'

describe('the guide to pipelines', () => {
  it('reads topics', () => {
    // #region sources
    const shop = pipeline('shop')
    const views = shop.stream('views', json<{ product: string; atMs: number }>(), {
      eventTime: (view) => view.atMs,
      lateness: '5 seconds',
      onInvalid: 'dead-letter',
    })
    const products = shop.table('products', json<{ name: string }>(), { history: '30 days' })
    const rates = shop.globalTable('rates', json<number>(), { name: 'euro-rates' })
    // #endregion
    views
      .selectKey((view) => view.product)
      .join(products, (_view, product) => product.name)
      .join(rates, (name, rate) => [name, rate], { on: () => 'USD' })
      .to('viewed')
    const driver = testDriver(shop)
    driver.topic('rates').append(2, { key: 'USD' })
    driver.topic('products').append({ name: 'Hat' }, { key: 'h', timestampMs: 1 })
    driver.topic('views').append({ product: 'h', atMs: 2 }, { timestampMs: 900 })
    driver.topic('views').append({ product: 'h', atMs: 6000 }, { timestampMs: 900 })
    assert.deepEqual(driver.topic('viewed').read()[0], {
      key: 'h',
      value: ['Hat', 2],
      timestampMs: 2,
      headers: [],
    })
  })

  it('tells what it is', () => {
    // #region describe
    const app = pipeline('clicks')
    app
      .stream('clicks', json<{ page: string }>())
      .groupBy((click) => click.page)
      .window(tumbling('1 minute'))
      .aggregate({ clicks: count() }, { name: 'per-page' })
      .to('page-counts')
    const text = app.describe()
    const picture = app.describe('mermaid')
    const { subTopologies } = app.describe('json')
    // #endregion
    assert.equal(printedText('pipelines.md', 'text'), text)
    assert.equal(printedText('pipelines.md', 'mermaid'), picture)
    assert.equal(subTopologies.length, 2)
  })

  it('is run by a configuration', () => {
    const shop = pipeline('shop')
    shop.stream('views', json<{ name: string }>()).to('viewed')
    // #region config
    const config = defineConfig({
      topics: { views: { partitions: 4, settings: { 'retention.ms': '86400000' } } },
      pipelines: [shop],
      results: [{ topic: 'viewed', title: 'What was looked at', columns: ['name'] }],
      run: { threads: 2, commitInterval: '100 ms' },
    })
    // #endregion
    assert.equal(checkConfig(config, 'millrace.config.ts'), config)
  })

  it('is printed as it runs', () => assertPrinted(import.meta.url, 'pipelines.md'))
})
