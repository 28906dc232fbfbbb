import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createTopics } from '../../protocol/apis/create-topics.ts'
import { fetch } from '../../protocol/apis/fetch.ts'
import { offsetCommit } from '../../protocol/apis/offset-commit.ts'
import { produce } from '../../protocol/apis/produce.ts'
import { batchOf, TestBroker } from '../broker-fixture.ts'
import { connectAs, openWithLogin, plain } from '../security/security-fixture.ts'
import type { BrokerMetrics } from './broker-metrics.ts'
import { expose } from './exposition.ts'
import { metricTable } from './metric-table.ts'

/** `name{labels}` → value. */
function seriesOf(text: string): ReadonlyMap<string, number> {
  const series = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const at = line.lastIndexOf(' ')
    assert.ok(!series.has(line.slice(0, at)), `${line} is there once`)
    series.set(line.slice(0, at), Number(line.slice(at + 1).replace('Inf', 'Infinity')))
  }
  return series
}

const topic = (name: string, numPartitions = 1) => ({
  name,
  numPartitions,
  replicationFactor: 1,
  assignments: [],
  configs: [],
})
const put = (name: string, values: readonly string[], index = 0) => ({
  acks: 1,
  timeoutMs: 1,
  topicData: [{ name, partitionData: [{ index, records: batchOf(values) }] }],
})
const read = (name: string, fetchOffset: bigint) => ({
  maxWaitMs: 0,
  minBytes: 0,
  topics: [{ topic: name, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 10_000 }] }],
})

async function withTraffic(): Promise<TestBroker> {
  const broker = await TestBroker.open()
  await broker.send(createTopics, { topics: [topic('orders', 2), topic('empty')] })
  await broker.send(produce, put('orders', ['a', 'b', 'c']), { version: 12 })
  await broker.send(produce, put('orders', ['d'], 1), { version: 12 })
  const broken = put('orders', ['e'])
  broken.topicData[0]!.partitionData[0]!.records.writeUInt8(0xff, 66)
  await broker.send(produce, broken, { version: 12 })
  await broker.send(fetch, read('orders', 0n), { version: 12 })
  await broker.send(fetch, read('orders', 99n), { version: 12 })
  const partitions = [
    { partitionIndex: 0, committedOffset: 1n, committedMetadata: '' },
    { partitionIndex: 1, committedOffset: 1n, committedMetadata: '' },
  ]
  const offsets = { groupId: 'bil"ling', memberId: '', topics: [{ name: 'orders', partitions }] }
  await broker.send(offsetCommit, offsets, { version: 9 })
  return broker
}

describe('the metrics of the broker', () => {
  it('have the values that follow from known traffic', async () => {
    const broker = await withTraffic()
    const series = seriesOf(expose(broker.broker.metrics()))
    const bytes = batchOf(['a', 'b', 'c']).length
    const wanted: Readonly<Record<string, number>> = {
      'kafka_server_brokertopicmetrics_messagesin_total{topic="orders"}': 4,
      'kafka_server_brokertopicmetrics_bytesin_total{topic="orders"}': bytes + batchOf(['d']).length,
      'kafka_server_brokertopicmetrics_bytesout_total{topic="orders"}': bytes,
      kafka_server_brokertopicmetrics_bytesout_total: bytes,
      'kafka_server_brokertopicmetrics_totalproducerequests_total{topic="orders"}': 3,
      'kafka_server_brokertopicmetrics_failedproducerequests_total{topic="orders"}': 1,
      'kafka_server_brokertopicmetrics_totalfetchrequests_total{topic="orders"}': 2,
      'kafka_server_brokertopicmetrics_failedfetchrequests_total{topic="orders"}': 1,
      'kafka_server_brokertopicmetrics_messagesin_total{topic="empty"}': 0,
      'kafka_network_requestmetrics_requests_total{request="Produce",version="12"}': 3,
      'kafka_network_requestmetrics_totaltimems_count{request="Produce"}': 3,
      'millrace_broker_request_duration_seconds_bucket{api="Fetch",le="+Inf"}': 2,
      'millrace_broker_request_duration_seconds_count{api="Fetch"}': 2,
      'kafka_topic_partitions{topic="orders"}': 2,
      'kafka_topic_partition_current_offset{topic="orders",partition="0"}': 3,
      'kafka_topic_partition_current_offset{topic="orders",partition="1"}': 1,
      'kafka_topic_partition_oldest_offset{topic="orders",partition="0"}': 0,
      'kafka_topic_partition_in_sync_replica{topic="orders",partition="1"}': 1,
      'kafka_consumergroup_current_offset{consumergroup="bil\\"ling",topic="orders",partition="0"}': 1,
      'kafka_consumergroup_lag{consumergroup="bil\\"ling",topic="orders",partition="0"}': 2,
      'kafka_consumergroup_lag{consumergroup="bil\\"ling",topic="orders",partition="1"}': 0,
      'kafka_consumergroup_lag_sum{consumergroup="bil\\"ling",topic="orders"}': 2,
      'kafka_consumergroup_members{consumergroup="bil\\"ling"}': 0,
      kafka_coordinator_group_groupmetadatamanager_numgroups: 1,
      kafka_brokers: 1,
      millrace_broker_in_process_connections: 1,
    }
    for (const [name, value] of Object.entries(wanted)) assert.equal(series.get(name), value, name)
    await broker.close()
  })

  it('are written as the text format has it: each name once, with its meaning and type, and no other name', async () => {
    const broker = await withTraffic()
    const text = expose(broker.broker.metrics())
    assert.ok(text.endsWith('\n'))
    let current = ''
    const seen = new Set<string>()
    for (const line of text.trimEnd().split('\n')) {
      const [, kind, declared = ''] = /^# (HELP|TYPE) (\S+) /.exec(line) ?? []
      if (kind === 'HELP') {
        assert.ok(!seen.has(declared), `${declared} is begun once`)
        seen.add(declared)
        current = declared
        continue
      }
      assert.ok(Object.hasOwn(metricTable, current), current)
      if (kind === 'TYPE') continue
      const sample =
        /^([a-z_]+)(?:\{(?:[a-zA-Z]+="(?:[^"\\\n]|\\[\\"n])*",?)+\})? (?:[+-]?Inf|NaN|-?[\d.e+-]+)$/.exec(
          line,
        )
      assert.ok(sample !== null, line)
      assert.equal(sample[1]!.replace(/_(?:sum|count|bucket)$/, ''), current.replace(/_sum$/, ''), line)
    }
    // What only listeners and failed requests have is not in this traffic.
    const elsewhere = Object.keys(metricTable).filter((name) => !seen.has(name))
    assert.deepEqual(
      elsewhere.filter((name) => !name.includes('socket_server')),
      [],
    )
    await broker.close()
  })

  it('count connections and logins by listener', async () => {
    const broker = await openWithLogin()
    await connectAs(broker, plain('alice'))
    await assert.rejects(connectAs(broker, plain('alice', 'wrong')))
    const series = seriesOf(expose(broker.broker.metrics()))
    const of = (what: string): number | undefined =>
      series.get(`kafka_server_socket_server_metrics_${what}{listener="SASL_PLAINTEXT"}`)
    assert.equal(of('connection_count'), 1)
    assert.equal(of('connection_creation_total'), 2)
    assert.equal(of('successful_authentication_total'), 1)
    assert.equal(of('failed_authentication_total'), 1)
    assert.equal(series.get('kafka_broker_info{id="1",address="local:9093"}'), 1)
    await broker.close()
  })

  it('have no more series than a limit, however many topics and groups clients make', async () => {
    const broker = await TestBroker.open()
    const real = broker.broker.metrics()
    const partitions = Array.from({ length: 1200 }, (_, at) => partitionOf(`t${at}`, 0))
    const offsets = [{ topic: 't0', partition: 0, committedOffset: 0, lagRecords: 1 }]
    const consumerGroups = Array.from({ length: 1300 }, (_, at) => ({ group: `g${at}`, members: 0, offsets }))
    const text = expose({ ...real, partitions, consumerGroups })
    const series = seriesOf(text)
    assert.equal(series.get('kafka_server_brokertopicmetrics_messagesin_total{topic="other"}'), 200)
    assert.equal(series.get('kafka_server_brokertopicmetrics_messagesin_total'), 1200)
    assert.equal(series.get('millrace_broker_metrics_left_out{of="topics"}'), 200)
    assert.equal(series.get('millrace_broker_metrics_left_out{of="groups"}'), 300)
    const of = (name: string): number => text.split('\n').filter((line) => line.startsWith(`${name}{`)).length
    assert.equal(of('kafka_topic_partition_current_offset'), 1000)
    assert.equal(of('kafka_consumergroup_lag'), 1000)
    await broker.close()
  })

  it('of 1,000 partitions are read without touching the disk, in a line per series', async () => {
    let touches = 0
    const broker = await TestBroker.open({}, { trace: () => void touches++ })
    await broker.send(createTopics, { topics: [topic('wide', 1000)] })
    const before = touches
    assert.ok(before > 1000, 'the trace tells of the disk')
    const text = expose(broker.broker.metrics())
    assert.equal(touches, before)
    const lines = text.split('\n').length
    assert.ok(lines < 10 * 1000 + 500, `${lines} lines for 10 gauges of a partition`)
    assert.ok(text.length < 1_000_000, `${text.length} characters`)
    await broker.close()
  })
})

function partitionOf(name: string, partition: number): BrokerMetrics['partitions'][number] {
  const offsets = { logStartOffset: 0, endOffset: 1, sizeBytes: 1, recordsIn: 1, bytesIn: 1, bytesOut: 0 }
  const requests = { produces: 1, failedProduces: 0, fetches: 0, failedFetches: 0 }
  return { topic: name, partition, internal: false, ...offsets, ...requests, fault: undefined }
}
