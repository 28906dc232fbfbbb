/** Transactions, written by the client and read by it. */
import assert from 'node:assert/strict'
import type { DriverRecord } from '../driver.ts'
import { content, type Scenario } from '../scenario.ts'

const record = (value: string): DriverRecord => ({ partition: 0, key: 'key', value })
const committed = [record('committed 1'), record('committed 2')]
const aborted = [record('aborted 1'), record('aborted 2')]
const last = [record('last')]
const all = [...committed, ...aborted, ...last]
const visible = [...committed, ...last]

const transactions: Scenario = {
  name: 'transactions',
  shows: 'commits and aborts transactions',
  async run({ driver, witness, observe }) {
    const topic = await witness.topic(1)
    const transactionalId = witness.name('id')
    await driver.call('transaction', { transactionalId, topic, records: committed, outcome: 'commit' })
    await driver.call('transaction', { transactionalId, topic, records: aborted, outcome: 'abort' })
    await driver.call('transaction', { transactionalId, topic, records: last, outcome: 'commit' })
    await witness.decided(topic)
    const read = await witness.read(topic, 1)
    assert.deepEqual(content(read), content(visible))
    assert.deepEqual(content(await witness.read(topic, 1, 'read_uncommitted')), content(all))
    const batches = await witness.batches(topic, 1)
    assert.ok(batches.every(({ transactional }) => transactional))
    observe(
      'offsets',
      read.map(({ offset }) => offset),
    )
  },
}

const readCommitted: Scenario = {
  name: 'read committed',
  shows: 'reads what is committed and not what is aborted, or everything if it wants',
  async run({ driver, witness, observe }) {
    const topic = await witness.topic(1)
    await witness.write(topic, committed, { outcome: 'commit' })
    await witness.decided(topic)
    await witness.write(topic, aborted, { outcome: 'abort' })
    await witness.decided(topic)
    await witness.write(topic, last, { outcome: 'commit' })
    await witness.decided(topic)
    const read = await driver.call('read', { topic, partitions: 1, count: 3, isolation: 'read_committed' })
    assert.deepEqual(content(read), content(visible))
    const unfiltered = await driver.call('read', {
      topic,
      partitions: 1,
      count: 5,
      isolation: 'read_uncommitted',
    })
    assert.deepEqual(content(unfiltered), content(all))
    observe(
      'offsets',
      unfiltered.map(({ offset }) => offset),
    )
  },
}

export const transactionScenarios: readonly Scenario[] = [transactions, readCommitted]
