/**
 * What a caller is told when something cannot be done: one class, with Kafka's own name for it, whether trying again
 * may help, which broker, topic, partition, group or transactional id it was about, and what to do.
 *
 * Over a network also: a broker that is away is passed over, and a time-out says what was waited for, and where.
 */
import assert from 'node:assert/strict'
import { createAdmin } from '../../../src/client/admin/admin.ts'
import { refused, type ScenarioTest } from './scenario.ts'

export function errorScenarios(scenario: ScenarioTest, inProcess: boolean): void {
  scenario('an error names the partition and the broker, and what to do', async (s) => {
    const topic = await s.topic(2, { 'max.message.bytes': '2000' })
    const error = await refused(s.producer().send({ topic, partition: 1, value: Buffer.alloc(5000) }))
    const { context } = error
    assert.deepEqual(
      [error.code, context['kafkaName'], context['kafkaCode'], context['topic'], context['partition']],
      ['MR_RECORD_TOO_LARGE', 'MESSAGE_TOO_LARGE', 10, topic, 1],
    )
    assert.match(String(context['broker']), inProcess ? /^in-process$/ : /^(localhost|127\.0\.0\.1):\d+$/)
    assert.equal(error.where, `${topic}/1, broker ${String(context['broker'])}`)
    assert.match(error.hint ?? '', /max\.message\.bytes/)
    assert.equal(error.retriable, false)
  })

  scenario('an error names the group or the transactional id', async (s) => {
    const topic = await s.topic()
    const group = s.name('group')
    const consumer = s.consumer({ group })
    await consumer.subscribe([topic])
    await s.poll('it has joined', consumer, () => consumer.assignment().length === 1)
    const busy = await refused(s.admin.deleteGroups([group]))
    assert.deepEqual([busy.context['group'], busy.context['kafkaName']], [group, 'NON_EMPTY_GROUP'])
    assert.match(busy.hint ?? '', /Stop the members/)
    const transactionalId = s.name('tx')
    const slow = await refused(s.producer({ transactionalId, transactionTimeoutMs: 2 ** 31 - 1 }).init())
    assert.deepEqual(
      [slow.context['transactionalId'], slow.context['kafkaName']],
      [transactionalId, 'INVALID_TRANSACTION_TIMEOUT'],
    )
    assert.match(slow.hint ?? '', /transaction\.max\.timeout\.ms/)
  })

  scenario('a member that offers another assignor than the others is told so', async (s) => {
    const topic = await s.topic()
    const group = s.name('group')
    const assignor = (name: string) => ({ name, protocol: 'eager' as const, assign: () => new Map() })
    const first = s.consumer({ group, assignors: [assignor('one')] })
    await first.subscribe([topic])
    await s.until('it has joined', async () => {
      await first.poll({ maxWaitMs: 20 })
      return first.groupMetadata().generation > 0
    })
    const second = s.consumer({ group, assignors: [assignor('two')] }, s.newCluster())
    await second.subscribe([topic])
    const error = await refused(s.poll('it is told', second, () => false))
    assert.deepEqual(
      [error.context['group'], error.context['kafkaName']],
      [group, 'INCONSISTENT_GROUP_PROTOCOL'],
    )
    assert.match(error.hint ?? '', /assignor in common/)
  })

  if (inProcess) return

  scenario('brokers that are away are passed over at the start', async (s) => {
    const nobody = ['127.0.0.1:1', 'localhost:2']
    const cluster = s.newCluster({ brokers: [...nobody, ...(s.reach.brokers ?? []), ...nobody] })
    const topic = await s.topic()
    assert.equal((await s.producer({}, cluster).send({ topic, value: 'x' })).offset, 0)
    const lost = s.newCluster({ brokers: nobody, requestTimeoutMs: 500 })
    const error = await refused(lost.partitionCount(topic))
    assert.equal(error.code, 'MR_TIMEOUT')
    assert.match(
      error.message,
      new RegExp(`reading metadata of topic ${topic} .*no broker answers at 127.0.0.1:1`),
    )
    assert.equal(error.where, nobody.join(', '))
  })

  scenario('a time-out says what was waited for', async (s) => {
    const topic = await s.topic()
    const { watched, cluster } = s.watched({ requestTimeoutMs: 400, connectTimeoutMs: 400 })
    const producer = s.producer({ deliveryTimeoutMs: 1000 }, cluster)
    await producer.send({ topic, value: 'x' })
    const group = s.name('group')
    watched.mute()
    const late = await refused(producer.send({ topic, value: 'y' }))
    assert.deepEqual([late.code, late.context['topic'], late.context['partition']], ['MR_TIMEOUT', topic, 0])
    const undescribed = await refused(createAdmin(cluster, { timeoutMs: 1000 }).describeGroups([group]))
    assert.equal(undescribed.code, 'MR_TIMEOUT')
    assert.ok(undescribed.message.includes(`group "${group}"`), undescribed.message)
    const unlisted = await refused(cluster.coordinator('transaction', s.name('tx')))
    assert.equal(unlisted.code, 'MR_TIMEOUT')
    assert.match(unlisted.message, /coordinator/)
  })
}
