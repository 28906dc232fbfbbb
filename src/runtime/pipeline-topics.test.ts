import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { json } from '../core/serde.ts'
import { pipeline } from '../dsl/pipeline.ts'
import { count } from '../operators/aggregator.ts'
import { planTopics } from './pipeline-topics.ts'

describe('the topics of a pipeline', () => {
  it('are sized by what they are read together with', () => {
    const app = pipeline('p')
    const planes = app.table('planes', json<{ seats: number }>())
    app
      .stream('flights', json<{ plane: string }>())
      .selectKey((f) => f.plane)
      .join(planes, (f, p) => ({ ...f, ...p }), { name: 'seats' })
      .selectKey((f) => String(f.seats))
      .groupByKey()
      .aggregate({ n: count() }, { name: 'by-seats' })
      .to('by-seats')
    const { counts, missing } = planTopics(
      app.plan(),
      new Map([
        ['planes', 4],
        ['flights', 6],
      ]),
    )
    assert.equal(counts.get('p-seats-repartition'), 4, 'as many as the table it is joined with')
    assert.equal(counts.get('p-by-seats-repartition'), 4, 'as many as its writer has tasks')
    assert.equal(counts.get('p-planes-table-changelog'), 4)
    assert.equal(counts.get('by-seats'), 4)
    assert.deepEqual(missing.map((topic) => topic.topic).toSorted(), [
      'by-seats',
      'p-by-seats-changelog',
      'p-by-seats-repartition',
      'p-dead-letters',
      'p-late',
      'p-planes-table-changelog',
      'p-seats-repartition',
    ])
    assert.equal(
      missing.find((t) => t.topic === 'p-by-seats-changelog')?.configs['cleanup.policy'],
      'compact',
    )
  })

  it('must agree where records are joined by the key they have', () => {
    const app = pipeline('p')
    const planes = app.table('planes', json<number>())
    app
      .stream('flights', json<number>())
      .join(planes, (a, b) => a + b)
      .to('out')
    const existing = new Map([
      ['planes', 4],
      ['flights', 6],
    ])
    assert.throws(
      () => planTopics(app.plan(), existing),
      (e) =>
        isMillraceError(e, 'MR_PLAN_NOT_COPARTITIONED') &&
        /planes \(4.*flights \(6|flights \(6.*planes \(4/.test(e.message),
    )
  })

  it('follow the tasks that read them where every task has all', () => {
    const app = pipeline('p')
    const rates = app.globalTable('rates', json<number>())
    const orders = app.stream('orders', json<{ currency: string }>())
    orders.join(rates, (order, rate) => [order, rate], { on: (order) => order.currency }).to('out')
    const { counts } = planTopics(
      app.plan(),
      new Map([
        ['rates', 2],
        ['orders', 5],
      ]),
    )
    assert.equal(counts.get('p-rates-global-broadcast'), 5)
    assert.equal(counts.get('p-rates-global-changelog'), 5)
    assert.equal(counts.get('out'), 5)
  })

  it('must be there when they are read', () => {
    const app = pipeline('p')
    app.stream('ordrs', json<number>()).to('out')
    assert.throws(
      () => planTopics(app.plan(), new Map()),
      (e) => isMillraceError(e, 'MR_TOPIC_UNKNOWN') && e.message.includes('"ordrs"') && e.hint !== undefined,
    )
  })
})
