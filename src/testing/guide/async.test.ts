/** The examples of docs/guide/async.md. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { json, pipeline, remoteTable } from 'millrace'
import { testDriver } from 'millrace/testing'
import { sleep } from '../../platform/clock.ts'
import { assertPrinted } from './printed-fixture.ts'

interface Payment {
  readonly account: string
  readonly cents: number
}

function values(driver: ReturnType<typeof testDriver>, topic: string): unknown[] {
  return driver
    .topic(topic)
    .read()
    .map(({ value }) => value)
}

describe('the guide to asking other systems', () => {
  it('asks for each record', async () => {
    const riskOf = async (payment: Payment, _signal: AbortSignal) => payment.cents / 1000
    // #region map-async
    const shop = pipeline('shop')
    shop
      .stream('payments', json<Payment>())
      .mapAsync(async (payment, _key, { signal }) => ({ ...payment, risk: await riskOf(payment, signal) }), {
        concurrency: 50,
        timeout: '2 seconds',
        retry: { attempts: 5, backoff: '100 ms', backoffMax: '5 seconds' },
      })
      .to('rated-payments')
    // #endregion
    const driver = testDriver(shop)
    driver.topic('payments').append({ account: 'ann', cents: 500 })
    await driver.settled()
    assert.deepEqual(values(driver, 'rated-payments'), [{ account: 'ann', cents: 500, risk: 0.5 }])
  })

  it('keeps the order of a key', async () => {
    const asked: string[] = []
    const book = async (payment: Payment, _place: string) => {
      asked.push(payment.account)
    }
    // #region per-key
    const shop = pipeline('shop')
    shop
      .stream('payments', json<Payment>())
      .selectKey((payment) => payment.account)
      .mapAsync(
        async (payment, _account, { topic, partition, offset }) => {
          await book(payment, `${topic}/${partition}@${offset}`)
          return payment.cents
        },
        { order: 'per-key', concurrency: 200, name: 'booked' },
      )
      .to('booked-payments')
    // #endregion
    const driver = testDriver(shop)
    for (const account of ['ann', 'ann', 'bob']) driver.topic('payments').append({ account, cents: 1 })
    assert.deepEqual(asked, ['ann', 'bob'])
    await driver.settled()
    assert.deepEqual(asked, ['ann', 'bob', 'ann'])
    assert.equal(values(driver, 'booked-payments').length, 3)
  })

  it('joins a remote table', async () => {
    const requests: string[][] = []
    const query = async (ids: readonly string[], _signal: AbortSignal) => {
      requests.push([...ids])
      return new Map([['ann', { country: 'CH' }]])
    }
    // #region remote-table
    const accounts = remoteTable<{ country: string }>({
      name: 'accounts',
      getAll: async (ids, { signal }) => {
        const rows = await query(ids, signal)
        return ids.map((id) => rows.get(id) ?? null)
      },
      batch: { keysMax: 200, wait: '5 ms' },
      cache: { entriesMax: 50_000, ttl: '5 minutes' },
      rate: { requests: 20, per: '1 second' },
    })
    const shop = pipeline('shop')
    shop
      .stream('payments', json<Payment>())
      .leftJoin(accounts, (payment, account) => ({ ...payment, country: account?.country ?? 'unknown' }), {
        on: (payment) => payment.account,
        concurrency: 1000,
        retry: { attempts: 3 },
      })
      .to('payments-with-country')
    // #endregion
    const driver = testDriver(shop)
    for (const account of ['ann', 'bob', 'ann']) driver.topic('payments').append({ account, cents: 1 })
    await driver.elapse('1 second')
    assert.deepEqual(requests, [['ann', 'bob']])
    assert.deepEqual(
      values(driver, 'payments-with-country').map((value) => (value as { country: string }).country),
      ['CH', 'unknown', 'CH'],
    )
  })

  it('reads a table first', () => {
    const shop = pipeline('shop')
    // #region bootstrap
    const rates = shop.table('rates', json<number>(), { bootstrap: true })
    shop
      .stream('payments', json<Payment>())
      .join(rates, (payment, rate) => payment.cents * rate)
      .to('converted-payments')
    // #endregion
    const driver = testDriver(shop, {
      before: (laid) => {
        laid.topic('payments').append({ account: 'ann', cents: 5 }, { key: 'EUR', timestampMs: 1 })
        laid.topic('rates').append(2, { key: 'EUR', timestampMs: 99 })
      },
    })
    assert.deepEqual(values(driver, 'converted-payments'), [10])
  })

  it('reads one input before another', () => {
    const shop = pipeline('shop')
    // #region priority
    const urgent = shop.stream('urgent-payments', json<Payment>(), { priority: 1 })
    const usual = shop.stream('payments', json<Payment>())
    urgent.merge(usual).to('payments-to-book')
    // #endregion
    const driver = testDriver(shop, {
      before: (laid) => {
        laid.topic('payments').append({ account: 'ann', cents: 1 }, { timestampMs: 1 })
        laid.topic('urgent-payments').append({ account: 'bob', cents: 2 }, { timestampMs: 9 })
      },
    })
    assert.deepEqual(
      values(driver, 'payments-to-book').map((value) => (value as Payment).account),
      ['bob', 'ann'],
    )
  })

  it('is tested in virtual time', async () => {
    const slowly = async (payment: Payment): Promise<number> => {
      await sleep(driver.clock, 30_000)
      return payment.cents
    }
    const shop = pipeline('shop')
    shop.stream('payments', json<Payment>()).mapAsync(slowly, { timeout: '1 minute' }).to('slow-payments')
    // #region test
    const driver = testDriver(shop)
    driver.topic('payments').append({ account: 'ann', cents: 5 })
    await driver.elapse('29 seconds')
    assert.equal(driver.topic('slow-payments').read().length, 0)
    await driver.elapse('1 second')
    assert.equal(driver.topic('slow-payments').read().length, 1)
    // #endregion
  })

  it('is printed as it runs', () => assertPrinted(import.meta.url, 'async.md'))
})
