/** The broker as a whole: opening, connecting, listening, closing; on the simulated and on the real machine. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodePlatform } from '../platform/node/platform.ts'
import { simulatedPlatform } from '../platform/simulated/platform.ts'
import { apiVersions } from '../protocol/apis/api-versions.ts'
import { createTopics } from '../protocol/apis/create-topics.ts'
import { describeQuorum } from '../protocol/apis/describe-quorum.ts'
import { fetch } from '../protocol/apis/fetch.ts'
import { initProducerId } from '../protocol/apis/init-producer-id.ts'
import { joinGroup } from '../protocol/apis/join-group.ts'
import { metadata } from '../protocol/apis/metadata.ts'
import { offsetCommit } from '../protocol/apis/offset-commit.ts'
import { produce } from '../protocol/apis/produce.ts'
import { ErrorCodes } from '../protocol/error-codes.ts'
import { Broker } from './broker.ts'
import { batchOf, TestBroker } from './broker-fixture.ts'
import { resolveBrokerConfig } from './config/broker-config.ts'

async function withDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-broker-'))
  try {
    await run(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const topic = (name: string, numPartitions = 1) => ({
  name,
  numPartitions,
  replicationFactor: 1,
  assignments: [],
  configs: [],
})

const put = (value: string) => ({
  acks: -1,
  timeoutMs: 1000,
  topicData: [{ name: 't', partitionData: [{ index: 0, records: batchOf([value]) }] }],
})

const fetchFrom = (fetchOffset: bigint, maxWaitMs: number) => ({
  maxWaitMs,
  minBytes: 1,
  sessionEpoch: -1,
  topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 << 20 }] }],
})

test('on the real machine it keeps records, offsets and transactions over restarts', () =>
  withDirectory(async (directory) => {
    const platform = nodePlatform()
    for (let run = 0; run < 3; run++) {
      const broker = await Broker.open({ platform, dataDirectory: directory })
      const connection = broker.connect()
      if (run === 0) await connection.send(createTopics, { topics: [topic('t')] })
      const answer = await connection.send(produce, put(`run ${run}`), { version: 12 })
      assert.equal(answer.responses[0]?.partitionResponses[0]?.baseOffset, BigInt(run))
      const started = await connection.send(initProducerId, {
        transactionalId: 'tx',
        transactionTimeoutMs: 1000,
      })
      assert.equal(started.producerEpoch, run)
      const read = await connection.send(fetch, fetchFrom(0n, 0), { version: 12 })
      assert.equal(read.responses[0]?.partitions[0]?.highWatermark, BigInt(run + 1))
      await broker.close()
    }
  }))

test('on the real machine it serves sockets, several listeners at a time', () =>
  withDirectory(async (directory) => {
    const platform = nodePlatform()
    const broker = await Broker.open({ platform, dataDirectory: directory })
    const first = await broker.listen({ host: '127.0.0.1', port: 0 })
    const second = await broker.listen({
      host: '127.0.0.1',
      port: 0,
      advertisedHost: 'broker.example',
      advertisedPort: 29092,
    })
    assert.notEqual(first.port, second.port)
    await assert.rejects(broker.listen({ host: '127.0.0.1', port: first.port }), { code: 'MR_PORT_IN_USE' })
    const closed: Promise<void>[] = []
    for (const { port } of [first, second]) {
      const socket = await platform.net.connect({ host: '127.0.0.1', port, timeoutMs: 5000 })
      const answered = Promise.withResolvers<void>()
      const ended = Promise.withResolvers<void>()
      socket.start({ data: () => answered.resolve(), drain: () => {}, close: () => ended.resolve() })
      // ApiVersions v0, correlation id 1, client id null.
      socket.write(Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff]))
      await answered.promise
      closed.push(ended.promise)
    }
    assert.equal(broker.metrics().connections.open, 2)
    await broker.close()
    await Promise.all(closed)
  }))

test('a data directory is used by one broker at a time', () =>
  withDirectory(async (directory) => {
    const platform = nodePlatform()
    const broker = await Broker.open({ platform, dataDirectory: directory })
    await assert.rejects(Broker.open({ platform, dataDirectory: directory }), {
      code: 'MR_DATA_DIRECTORY_LOCKED',
    })
    await broker.close()
    const next = await Broker.open({ platform, dataDirectory: directory })
    await next.close()
  }))

test('in-process requests are answered in the version asked for, else in the highest of both sides', async () => {
  const broker = await TestBroker.open()
  const answer = await broker.send(apiVersions, { clientSoftwareName: 'test', clientSoftwareVersion: '1' })
  assert.deepEqual(
    answer.finalizedFeatures.map(({ name, maxVersionLevel }) => [name, maxVersionLevel]),
    [
      ['group.version', 1],
      ['transaction.version', 2],
    ],
  )
  const old = await broker.send(apiVersions, {}, { version: 0 })
  assert.deepEqual(old.finalizedFeatures, [])
  const unannounced = answer.apiKeys.map(({ apiKey }) => apiKey).filter((key) => key === 71 || key === 72)
  assert.deepEqual(unannounced, [], 'telemetry is answered, not announced')
  await assert.rejects(broker.send(produce, put('a'), { version: 2 }), {
    code: 'MR_PROTOCOL_VERSION_UNSUPPORTED',
  })
  await assert.rejects(broker.send(describeQuorum, { topics: [] }), {
    code: 'MR_PROTOCOL_VERSION_UNSUPPORTED',
  })
  await assert.rejects(
    broker.send(metadata, { topics: null, includeTopicAuthorizedOperations: true }, { version: 4 }),
    { code: 'MR_PROTOCOL_FIELD_UNSUPPORTED' },
  )
  await broker.close()
})

test('an in-process connection ends its waiting requests by time-out, by close, and with the broker', async () => {
  const broker = await TestBroker.open()
  await broker.send(createTopics, { topics: [topic('t')] })
  const version = 12
  await assert.rejects(broker.send(fetch, fetchFrom(0n, 60_000), { version, timeoutMs: 500 }), {
    code: 'MR_TIMEOUT',
  })
  const connection = broker.broker.connect()
  const waiting = connection.send(fetch, fetchFrom(0n, 60_000), { version })
  await connection.close()
  await assert.rejects(waiting, { code: 'MR_CLOSED' })
  await assert.rejects(connection.send(metadata, { topics: null }), { code: 'MR_CLOSED' })
  const other = broker.broker.connect()
  const answered = other.send(fetch, fetchFrom(0n, 60_000), { version })
  await broker.close()
  assert.equal((await answered).responses[0]?.partitions[0]?.errorCode, ErrorCodes.NONE)
  assert.equal(other.closed, true)
})

test('a long poll of an in-process connection holds up nothing', async () => {
  const broker = await TestBroker.open()
  await broker.send(createTopics, { topics: [topic('t')] })
  const waiting = broker.begin(fetch, fetchFrom(0n, 60_000), { version: 12 })
  const startMs = broker.simulation.clock.monotonicMs()
  await broker.send(produce, put('a'), { version: 12 })
  const answer = await broker.simulation.runUntil(waiting)
  assert.equal(answer.responses[0]?.partitions[0]?.highWatermark, 1n)
  assert.ok(broker.simulation.clock.monotonicMs() - startMs < 1)
  await broker.close()
})

test('closing answers members that wait for their group', async () => {
  const broker = await TestBroker.open({ 'group.initial.rebalance.delay.ms': 60_000 })
  const waiting = broker.begin(
    joinGroup,
    {
      groupId: 'g',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 120_000,
      memberId: '',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    },
    { version: 3 },
  )
  await broker.close()
  assert.equal((await waiting).errorCode, ErrorCodes.COORDINATOR_NOT_AVAILABLE)
})

test('metrics count records, bytes, requests and connections', async () => {
  const broker = await TestBroker.open()
  await broker.send(createTopics, { topics: [topic('t', 2)] })
  await broker.send(produce, put('a'), { version: 12 })
  await broker.send(fetch, fetchFrom(0n, 0), { version: 12 })
  const { partitions, apis, connections } = broker.broker.metrics()
  const bytes = batchOf(['a']).length
  assert.deepEqual(
    partitions.map(({ endOffset, recordsIn, bytesIn, bytesOut }) => [
      endOffset,
      recordsIn,
      bytesIn,
      bytesOut,
    ]),
    [
      [1, 1, bytes, bytes],
      [0, 0, 0, 0],
    ],
  )
  assert.deepEqual(
    apis.map(({ name, requests, failures }) => [name, requests, failures]),
    [
      ['CreateTopics', 1, 0],
      ['Produce', 1, 0],
      ['Fetch', 1, 0],
    ],
  )
  assert.equal(connections.inProcess, 1)
  await broker.close()
})

test('listeners hear of appends until they are taken away', async () => {
  const broker = await TestBroker.open()
  await broker.send(createTopics, { topics: [topic('t')] })
  const heard: number[] = []
  const stop = broker.broker.onAppend('t', 0, (bytes) => heard.push(bytes))
  await broker.send(produce, put('a'), { version: 12 })
  stop?.()
  await broker.send(produce, put('b'), { version: 12 })
  assert.deepEqual(heard, [batchOf(['a']).length])
  assert.equal(
    broker.broker.onAppend('missing', 0, () => {}),
    undefined,
  )
  await broker.close()
})

test('old segments and compacted records go by the clock', async () => {
  const broker = await TestBroker.open({ 'log.retention.check.interval.ms': 60_000 })
  const configs = [
    { name: 'retention.ms', value: '3600000' },
    { name: 'segment.ms', value: '600000' },
  ]
  await broker.send(createTopics, { topics: [{ ...topic('t'), configs }] })
  const nowMs = broker.simulation.clock.nowMs()
  for (const ageMs of [0, 700_000, 1_400_000]) {
    await broker.advance(ageMs === 0 ? 0 : 700_000)
    const records = batchOf(['a'], { timestampMs: nowMs + ageMs })
    const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }]
    await broker.send(produce, { acks: 1, timeoutMs: 1, topicData }, { version: 12 })
  }
  const start = (): number | undefined => broker.broker.metrics().partitions[0]?.logStartOffset
  assert.equal(start(), 0)
  await broker.advance(2_400_000)
  assert.equal(start(), 1)
  await broker.close()
})

test('the same seed gives the same run, byte by byte', async () => {
  const runs: string[] = []
  for (let run = 0; run < 2; run++) {
    const lines: string[] = []
    const simulation = simulatedPlatform({ seed: 'again', trace: (line) => void lines.push(line) })
    const { platform } = simulation.host('local')
    const broker = await simulation.runUntil(Broker.open({ platform, dataDirectory: '/data' }))
    const connection = broker.connect()
    const steps = async (): Promise<void> => {
      await connection.send(createTopics, { topics: [topic('t', 3)] })
      await connection.send(initProducerId, { transactionalId: 'tx', transactionTimeoutMs: 1000 })
      await connection.send(produce, put('a'), { version: 12 })
      const partitions = [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }]
      const offsets = { groupId: 'g', memberId: '', topics: [{ name: 't', partitions }] }
      await connection.send(offsetCommit, offsets, { version: 9 })
      await broker.close()
    }
    await simulation.runUntil(steps())
    runs.push(lines.join('\n'))
  }
  assert.equal(runs[0], runs[1])
  assert.ok((runs[0]?.length ?? 0) > 1000)
})

test('settings are checked by name and value, as texts or typed', () => {
  const { settings } = resolveBrokerConfig({ 'num.partitions': '4', 'group.max.size': 7, flush: 'group' })
  assert.deepEqual([settings['num.partitions'], settings['group.max.size']], [4, 7])
  const wrong: Record<string, unknown>[] = [
    { 'num.partitions': 0 },
    { 'num.partitions': 'many' },
    { 'auto.create.topics.enable': 'perhaps' },
    { 'no.such.setting': 1 },
    { 'log.retention.ms': 'soon' },
    { flush: 'never' },
    { 'default.replication.factor': 3 },
  ]
  for (const config of wrong) {
    assert.throws(
      () => resolveBrokerConfig(config as never),
      { code: 'MR_CONFIG_INVALID' },
      JSON.stringify(config),
    )
  }
})
