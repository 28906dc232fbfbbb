/** Quotas: which holds for whom, how long clients wait, and that they are not read from meanwhile. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatedClock } from '../../../platform/simulated/clock.ts'
import { alterClientQuotas } from '../../../protocol/apis/alter-client-quotas.ts'
import { describeClientQuotas } from '../../../protocol/apis/describe-client-quotas.ts'
import { fetch } from '../../../protocol/apis/fetch.ts'
import { metadata } from '../../../protocol/apis/metadata.ts'
import { produce } from '../../../protocol/apis/produce.ts'
import { ErrorCodes } from '../../../protocol/error-codes.ts'
import { batchOf, type TestBroker } from '../../broker-fixture.ts'
import { connectAs, listenWithLogin, openWithLogin, plain } from '../security-fixture.ts'
import type { SecurityContent, SecurityTable } from '../security-table.ts'
import { type QuotaEntity, QuotaTable } from './quota-table.ts'
import { Quotas } from './quotas.ts'

function emptyTable(): SecurityTable {
  let content: SecurityContent = { acls: [], scram: [], quotas: [] }
  return {
    get current() {
      return content
    },
    replace: (parts: Partial<SecurityContent>) => {
      content = { ...content, ...parts }
    },
  } as unknown as SecurityTable
}

const entityOf = (entity: QuotaEntity) =>
  [
    ['user', entity.user],
    ['client-id', entity.clientId],
  ].flatMap(([entityType, entityName]) => (entityName === undefined ? [] : [{ entityType, entityName }]))

async function setQuota(broker: TestBroker, entity: QuotaEntity, key: string, value: number): Promise<void> {
  const entry = { entity: entityOf(entity), ops: [{ key, value, remove: false }] }
  const { entries } = await broker.send(alterClientQuotas, { entries: [entry], validateOnly: false } as never)
  assert.deepEqual([entries[0]?.errorCode, entries[0]?.errorMessage], [ErrorCodes.NONE, null])
}

test('the most special quota wins, in the order of Kafka', () => {
  const table = new QuotaTable(emptyTable())
  const order: QuotaEntity[] = [
    { user: 'alice', clientId: 'app' },
    { user: 'alice', clientId: null },
    { user: 'alice' },
    { user: null, clientId: 'app' },
    { user: null, clientId: null },
    { user: null },
    { clientId: 'app' },
    { clientId: null },
  ]
  for (const [at, entity] of [...order.entries()].reverse()) {
    table.change([{ entity, values: { producer_byte_rate: at + 1 } }])
    assert.equal(table.find('producer_byte_rate', 'alice', 'app')?.limit, at + 1, JSON.stringify(entity))
  }
  assert.equal(table.find('producer_byte_rate', 'bob', 'app')?.limit, 4)
  assert.equal(table.find('producer_byte_rate', 'bob', 'other')?.limit, 5)
  assert.equal(table.find('producer_byte_rate', 'alice', 'other')?.limit, 2)
  assert.equal(table.find('consumer_byte_rate', 'alice', 'app'), undefined, 'each kind by itself')
  table.change([{ entity: order[0]!, values: { producer_byte_rate: undefined } }])
  assert.equal(table.find('producer_byte_rate', 'alice', 'app')?.limit, 2)
})

test('the clients of a user share its quota, the users of a default do not', () => {
  const table = new QuotaTable(emptyTable())
  table.change([{ entity: { user: null }, values: { producer_byte_rate: 10 } }])
  const by = (user: string, clientId: string) => table.find('producer_byte_rate', user, clientId)?.sharedBy
  assert.equal(by('alice', 'a'), by('alice', 'b'))
  assert.notEqual(by('alice', 'a'), by('bob', 'a'))
  table.change([{ entity: { user: null, clientId: null }, values: { producer_byte_rate: 10 } }])
  assert.notEqual(by('alice', 'a'), by('alice', 'b'))
})

test('what goes beyond the burst window is waited for, at the rate of the quota', async () => {
  const clock = new SimulatedClock({})
  const quotas = new Quotas(new QuotaTable(emptyTable()), clock, { count: 11, ms: 1000 })
  const client = { user: 'alice', clientId: 'app' }
  assert.equal(quotas.inForce, false)
  quotas.table.change([{ entity: { user: 'alice' }, values: { producer_byte_rate: 1000 } }])
  assert.equal(quotas.inForce, true)
  assert.equal(quotas.bytes('producer_byte_rate', client, 10_000), 0, 'ten seconds at once')
  assert.equal(quotas.bytes('producer_byte_rate', client, 500), 500)
  await clock.advance(2500)
  assert.equal(quotas.bytes('producer_byte_rate', client, 1000), 0)
  assert.equal(quotas.bytes('producer_byte_rate', { user: 'bob', clientId: 'app' }, 1e9), 0)
  await clock.advance(3_600_000)
  assert.equal(
    quotas.bytes('producer_byte_rate', client, 11_000),
    1000,
    'no more is saved up than the window',
  )
})

test('time on the event loop is waited for, one window at most', () => {
  const clock = new SimulatedClock({})
  const quotas = new Quotas(new QuotaTable(emptyTable()), clock, { count: 11, ms: 1000 })
  const client = { user: 'alice', clientId: 'app' }
  quotas.table.change([{ entity: { clientId: 'app' }, values: { request_percentage: 10 } }])
  assert.equal(quotas.time(client, 1000), 0, '10 % of ten seconds')
  assert.equal(quotas.time(client, 50), 500)
  assert.equal(quotas.time(client, 5000), 1000)
})

const records = (bytes: number) => ({
  acks: 1,
  timeoutMs: 1000,
  topicData: [{ name: 'clicks', partitionData: [{ index: 0, records: batchOf(['x'.repeat(bytes)]) }] }],
})

test('a producer over its quota is told to wait and not read from, another one is served', async () => {
  const broker = await openWithLogin({ 'super.users': 'User:alice;User:bob' })
  const { simulation } = broker
  await broker.send(metadata, { topics: [{ name: 'clicks' }], allowAutoTopicCreation: true })
  await setQuota(broker, { user: 'alice' }, 'producer_byte_rate', 10_000)
  const [alice, bob] = [await connectAs(broker, plain('alice')), await connectAs(broker, plain('bob'))]
  const startMs = simulation.clock.monotonicMs()
  const waits: number[] = []
  for (let i = 0; i < 4; i++) {
    const answer = await simulation.runUntil(alice.send(produce, records(50_000), { version: 9 }))
    assert.equal(answer.responses[0]?.partitionResponses[0]?.errorCode, ErrorCodes.NONE)
    waits.push(answer.throttleTimeMs)
    const other = await simulation.runUntil(bob.send(produce, records(50_000), { version: 9 }))
    assert.equal(other.throttleTimeMs, 0)
  }
  assert.equal(waits[0], 0)
  assert.ok(waits[2]! > 4900 && waits[2]! < 5200, `${waits}`)
  const tookMs = simulation.clock.monotonicMs() - startMs
  assert.ok(tookMs > 4900, `the fourth was read after the wait of the third: ${tookMs}`)
  assert.equal(alice.closed, false)
  await broker.close()
})

test('a consumer over its quota gets its records and waits', async () => {
  const broker = await openWithLogin({ 'super.users': 'User:alice' })
  const { simulation } = broker
  await broker.send(metadata, { topics: [{ name: 'clicks' }], allowAutoTopicCreation: true })
  for (let i = 0; i < 4; i++) await broker.send(produce, records(60_000), { version: 9 })
  await setQuota(broker, { clientId: 'test' }, 'consumer_byte_rate', 10_000)
  const connection = await connectAs(broker, plain('alice'))
  let offset = 0n
  let bytes = 0
  const waits: number[] = []
  while (offset < 4n) {
    const partition = { partition: 0, fetchOffset: offset, partitionMaxBytes: 1 << 20 }
    const request = {
      maxWaitMs: 0,
      minBytes: 0,
      sessionEpoch: -1,
      topics: [{ topic: 'clicks', partitions: [partition] }],
    }
    const answer = await simulation.runUntil(connection.send(fetch, request, { version: 11 }))
    const count = answer.responses[0]?.partitions[0]?.records?.length ?? 0
    bytes += count
    offset += BigInt(Math.floor(count / 60_000))
    waits.push(answer.throttleTimeMs)
  }
  assert.ok(bytes >= 240_000)
  const totalMs = waits.reduce((sum, ms) => sum + ms, 0)
  assert.ok(totalMs > 13_000 && totalMs < 16_000, `${waits}`)
  await broker.close()
})

test('quotas are told by filters, and kept over a restart', async () => {
  const broker = await openWithLogin()
  await setQuota(broker, { user: 'alice' }, 'producer_byte_rate', 1000)
  await setQuota(broker, { user: 'alice' }, 'consumer_byte_rate', 2000)
  await setQuota(broker, { user: 'alice', clientId: 'app' }, 'request_percentage', 12.5)
  await setQuota(broker, { clientId: null }, 'producer_byte_rate', 3000)
  await broker.restart()
  await listenWithLogin(broker)
  const ask = async (components: unknown[], strict = false) => {
    const { entries } = await broker.send(describeClientQuotas, { components, strict } as never)
    return entries?.map(({ entity, values }) => [
      entity.map(({ entityName, entityType }) => `${entityType}=${entityName}`).join(),
      values.map(({ key, value }) => `${key}=${value}`).join(),
    ])
  }
  const user = { entityType: 'user', matchType: 0, match: 'alice' }
  const rates = ['user=alice', 'producer_byte_rate=1000,consumer_byte_rate=2000']
  const special = ['user=alice,client-id=app', 'request_percentage=12.5']
  assert.deepEqual(await ask([user]), [rates, special])
  assert.deepEqual(await ask([user], true), [rates])
  assert.deepEqual(await ask([{ entityType: 'client-id', matchType: 2, match: null }]), [
    special,
    ['client-id=null', 'producer_byte_rate=3000'],
  ])
  assert.deepEqual(await ask([{ entityType: 'client-id', matchType: 1, match: null }]), [
    ['client-id=null', 'producer_byte_rate=3000'],
  ])
  assert.equal((await ask([]))?.length, 3)
  await broker.close()
})

test('quotas that would not be kept to are refused', async () => {
  const broker = await openWithLogin()
  const user = [{ entityType: 'user', entityName: 'alice' }]
  const op = { key: 'producer_byte_rate', value: 1000, remove: false }
  const wrong = [
    { entity: [{ entityType: 'ip', entityName: '10.0.0.1' }], ops: [op] },
    { entity: [{ entityType: 'team', entityName: 'a' }], ops: [op] },
    { entity: [], ops: [op] },
    { entity: [...user, ...user], ops: [op] },
    { entity: user, ops: [{ ...op, key: 'controller_mutation_rate' }] },
    { entity: user, ops: [{ ...op, key: 'nonsense' }] },
    { entity: user, ops: [{ ...op, value: 0 }] },
    { entity: user, ops: [{ ...op, value: Number.NaN }] },
    { entity: user, ops: [{ ...op, value: 1.5 }] },
    { entity: user, ops: [op, op] },
  ]
  const { entries } = await broker.send(alterClientQuotas, { entries: wrong, validateOnly: false })
  assert.deepEqual(
    entries.map(({ errorCode }) => errorCode),
    wrong.map(() => ErrorCodes.INVALID_REQUEST),
  )
  const { entries: kept } = await broker.send(describeClientQuotas, { components: [], strict: false })
  assert.deepEqual(kept, [])
  await broker.close()
})
