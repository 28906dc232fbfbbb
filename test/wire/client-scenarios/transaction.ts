/**
 * Transactions, in version 1 (KIP-98) and version 2 (KIP-890): records and positions become visible together at the
 * commit or never; `read_committed` does not pass an open transaction, `read_uncommitted` does; a newer producer of a
 * transactional id fences the older one for good; after a failure only the abort is left, and then all goes on.
 */
import assert from 'node:assert/strict'
import { connect } from '../../../src/client/index.ts'
import { addPartitionsToTxn } from '../../../src/protocol/apis/add-partitions-to-txn.ts'
import { produce } from '../../../src/protocol/apis/produce.ts'
import { RecordBatchBuilder } from '../../../src/protocol/record-batch/record-batch-builder.ts'
import { RecordBatchReader } from '../../../src/protocol/record-batch/record-batch-reader.ts'
import { rejectsWith, type ScenarioTest, text } from './scenario.ts'

const group = (name: string) => ({ group: name, generation: -1, memberId: '', groupInstanceId: null })

export function transactionScenarios(scenario: ScenarioTest): void {
  for (const transactionVersionMax of [1, 2] as const) {
    const version = `(version ${transactionVersionMax})`

    scenario(`a committed transaction is read, an aborted one is not ${version}`, async (s) => {
      const [one, two] = [await s.topic(2), await s.topic()]
      const producer = s.producer({ transactionalId: s.name('tx'), transactionVersionMax })
      await producer.init()
      for (let round = 0; round < 6; round++) {
        producer.begin()
        await producer.send({ topic: one, partition: round % 2, value: `one ${round}` })
        const batch = new RecordBatchBuilder()
        batch.append(0, null, Buffer.from(`two ${round}`))
        await producer.sendBatch(two, 0, batch)
        if (round % 3 === 1) await producer.abort()
        else await producer.commit()
      }
      assert.deepEqual((await s.values(one)).sort(), ['one 0', 'one 2', 'one 3', 'one 5'])
      assert.deepEqual(await s.values(two), ['two 0', 'two 2', 'two 3', 'two 5'])
      const all = await s.readAll(two, { isolation: 'read_uncommitted' })
      assert.equal(all.length, 6)
    })

    scenario(`positions are committed with the transaction, or not at all ${version}`, async (s) => {
      const topic = await s.topic(2)
      const name = s.name('group')
      const producer = s.producer({ transactionalId: s.name('tx'), transactionVersionMax })
      await producer.init()
      producer.begin()
      await producer.sendOffsets(group(name), [
        { topic, partition: 0, offset: 7, metadata: 'first' },
        { topic, partition: 1, offset: 8 },
      ])
      await producer.commit()
      producer.begin()
      await producer.send({ topic, value: 'x' })
      await producer.sendOffsets(group(name), [{ topic, partition: 0, offset: 99 }])
      await producer.abort()
      const consumer = s.consumer({ group: name })
      const committed = await consumer.committed([0, 1].map((partition) => ({ topic, partition })))
      assert.equal(committed.get(`${topic}/0`)?.offset, 7)
      assert.equal(committed.get(`${topic}/0`)?.metadata, 'first')
      assert.equal(committed.get(`${topic}/1`)?.offset, 8)
    })

    scenario(`a newer producer fences an older one for good ${version}`, async (s) => {
      const topic = await s.topic()
      const transactionalId = s.name('tx')
      const older = s.producer({ transactionalId, transactionVersionMax })
      await older.init()
      older.begin()
      await older.send({ topic, value: 'of the older' })
      const newer = s.producer({ transactionalId, transactionVersionMax }, s.newCluster())
      await newer.init()
      await rejectsWith('MR_PRODUCER_FENCED', older.commit())
      await assert.rejects(older.abort())
      assert.throws(() => older.begin())
      newer.begin()
      await newer.send({ topic, value: 'of the newer' })
      await newer.commit()
      assert.deepEqual(await s.values(topic), ['of the newer'])
    })

    scenario(`many transactions in a row stay in order ${version}`, async (s) => {
      const topic = await s.topic(2)
      const producer = s.producer({ transactionalId: s.name('tx'), transactionVersionMax })
      await producer.init()
      for (let round = 0; round < 50; round++) {
        producer.begin()
        for (let index = 0; index < 5; index++) {
          void producer.send({ topic, partition: index % 2, value: `${round} ${index}` })
        }
        await producer.commit()
      }
      await s.settled(topic)
      const records = await s.readAll(topic)
      for (const partition of [0, 1]) {
        const own = records.filter((one) => one.partition === partition).map(({ value }) => text(value))
        const expected = Array.from({ length: 250 }, (_, index) => index)
          .filter((index) => (index % 5) % 2 === partition)
          .map((index) => `${Math.floor(index / 5)} ${index % 5}`)
        assert.deepEqual(own, expected)
      }
    })

    const ofVersion = scenario.needing(`transactions ${transactionVersionMax}`)
    ofVersion(`partitions are added as the version says, and epochs too ${version}`, async (s) => {
      const topic = await s.topic()
      const { watched, cluster } = s.watched()
      const producer = s.producer({ transactionalId: s.name('tx'), transactionVersionMax }, cluster)
      await producer.init()
      for (let round = 0; round < 3; round++) {
        producer.begin()
        await producer.send({ topic, value: `${round}` })
        await producer.commit()
      }
      const epochs = watched.requests(produce).map(({ topicData }) => {
        const reader = new RecordBatchReader()
        reader.reset(Buffer.from(topicData[0]!.partitionData[0]!.records!), 0)
        assert.ok(reader.isTransactional)
        return reader.producerEpoch
      })
      // A coordinator that is still at work with the transaction before is asked again.
      const added = watched.requests(addPartitionsToTxn).length >= 3
      const distinct = new Set(epochs).size
      assert.deepEqual([added, distinct], transactionVersionMax === 1 ? [true, 1] : [false, 3])
      assert.deepEqual(await s.values(topic), ['0', '1', '2'])
    })

    scenario(`connections that are cut tear no transaction ${version}`, async (s) => {
      const topic = await s.topic(2)
      const { watched, cluster } = s.watched()
      const producer = s.producer({ transactionalId: s.name('tx'), transactionVersionMax }, cluster)
      await producer.init()
      const kept: string[] = []
      for (let round = 0; round < 12; round++) {
        producer.begin()
        const sent = [0, 1, 2, 3].map((index) => {
          const value = `${round} ${index}`
          if (round % 4 !== 3) kept.push(value)
          return producer.send({ topic, partition: index % 2, value })
        })
        if (round % 3 === 0) watched.cut()
        await Promise.all(sent)
        const ending = round % 4 === 3 ? producer.abort() : producer.commit()
        if (round % 3 === 1) watched.cut()
        await ending
      }
      await s.settled(topic)
      for (const partition of [0, 1]) {
        const own = (await s.readAll(topic)).filter((one) => one.partition === partition)
        const expected = kept.filter((_, index) => index % 2 === partition)
        assert.deepEqual(
          own.map(({ value }) => text(value)),
          expected,
        )
      }
    })
  }

  for (const protocol of ['classic', 'consumer'] as const) {
    const ofProtocol = scenario.needing(`${protocol} groups`)
    ofProtocol(`positions of a member that is gone tear down the transaction (${protocol})`, async (s) => {
      const topic = await s.topic()
      const name = s.name('group')
      const member = s.consumer({ group: name, protocol })
      await member.subscribe([topic])
      await s.poll('it has joined', member, () => member.assignment().length === 1)
      const metadata = member.groupMetadata()
      const producer = s.producer({ transactionalId: s.name('tx') })
      await producer.init()
      producer.begin()
      await producer.sendOffsets(metadata, [{ topic, partition: 0, offset: 1 }])
      await producer.commit()
      await member.close()
      producer.begin()
      await producer.send({ topic, value: 'of nobody' })
      await rejectsWith('MR_KAFKA', producer.sendOffsets(metadata, [{ topic, partition: 0, offset: 2 }]))
      await rejectsWith('MR_TRANSACTION_STATE', producer.commit())
      await producer.abort()
      assert.deepEqual(await s.values(topic), [])
      await s.until('the first position is there', async () => {
        return (await s.admin.groupOffsets(name)).get(`${topic}/0`)?.offset === 1
      })
    })
  }

  scenario('aborted records are left out between committed ones of others', async (s) => {
    const topic = await s.topic()
    const [good, bad] = [
      s.producer({ transactionalId: s.name('tx') }),
      s.producer({ transactionalId: s.name('tx') }),
    ]
    await Promise.all([good.init(), bad.init()])
    for (let round = 0; round < 5; round++) {
      good.begin()
      bad.begin()
      await bad.send({ topic, value: `bad ${round} a` })
      await good.send({ topic, value: `good ${round} a` })
      await bad.send({ topic, value: `bad ${round} b` })
      await good.send({ topic, value: `good ${round} b` })
      await (round % 2 === 0
        ? Promise.all([good.commit(), bad.abort()])
        : bad.abort().then(() => good.commit()))
    }
    const expected = Array.from({ length: 5 }, (_, round) => [`good ${round} a`, `good ${round} b`])
    assert.deepEqual(await s.values(topic), expected.flat())
    assert.equal((await s.readAll(topic, { isolation: 'read_uncommitted' })).length, 20)
  })

  scenario('a transaction that is not read is not waited for by read_uncommitted', async (s) => {
    const topic = await s.topic()
    const producer = s.producer({ transactionalId: s.name('tx') })
    await producer.init()
    producer.begin()
    await producer.send({ topic, value: 'open' })
    assert.deepEqual(await s.readAll(topic), [])
    const seen = await s.readAll(topic, { isolation: 'read_uncommitted' })
    assert.deepEqual(
      seen.map(({ value }) => text(value)),
      ['open'],
    )
    await producer.commit()
    await s.until('the record is committed', async () => (await s.readAll(topic)).length === 1)
  })

  scenario('calls out of order are refused and change nothing', async (s) => {
    const topic = await s.topic()
    const producer = s.producer({ transactionalId: s.name('tx') })
    assert.throws(() => producer.begin(), { code: 'MR_TRANSACTION_STATE' })
    await producer.init()
    await rejectsWith('MR_TRANSACTION_STATE', producer.send({ topic, value: 'outside' }))
    await rejectsWith('MR_TRANSACTION_STATE', producer.commit())
    producer.begin()
    assert.throws(() => producer.begin(), { code: 'MR_TRANSACTION_STATE' })
    await producer.commit()
    producer.begin()
    await producer.send({ topic, value: 'inside' })
    await producer.commit()
    assert.deepEqual(await s.values(topic), ['inside'])
    const plain = s.producer()
    assert.throws(() => plain.begin(), { code: 'MR_TRANSACTION_STATE' })
  })

  scenario('a failed record leaves only the abort, and the next transaction works', async (s) => {
    const topic = await s.topic(1, { 'max.message.bytes': '2000' })
    const producer = s.producer({ transactionalId: s.name('tx') })
    await producer.init()
    producer.begin()
    await producer.send({ topic, value: 'good' })
    await rejectsWith('MR_RECORD_TOO_LARGE', producer.send({ topic, value: Buffer.alloc(5000) }))
    await rejectsWith('MR_TRANSACTION_STATE', producer.commit())
    await producer.abort()
    producer.begin()
    await producer.send({ topic, value: 'better' })
    await producer.commit()
    assert.deepEqual(await s.values(topic), ['better'])
  })

  scenario('kafka.transaction commits what returns and aborts what throws', async (s) => {
    const topic = await s.topic()
    const kafka = connect(s.reach)
    try {
      const results = await Promise.allSettled(
        [1, 2, 3, 4].map((number) =>
          kafka.transaction(async (transaction) => {
            await transaction.send({ topic, value: `${number}` })
            if (number % 2 === 0) throw new Error(`not ${number}`)
            return number
          }),
        ),
      )
      assert.deepEqual(
        results.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason.message))),
        [1, 'not 2', 3, 'not 4'],
      )
      assert.deepEqual(await s.values(topic), ['1', '3'])
    } finally {
      await kafka.close()
    }
  })
}
