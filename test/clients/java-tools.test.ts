/** The command-line tools of Apache Kafka, each a Java program of its own. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { installClient, missingClient } from '../../scripts/clients/install.ts'
import { runJava } from './java/java-command.ts'
import { keepProgram } from './results.ts'
import { someRecords } from './scenario.ts'
import { namedBrokers, openTarget, type Target, targetName } from './target.ts'
import { Witness } from './witness.ts'

interface Event {
  readonly name: string
  readonly count?: number
  readonly sent?: number
  readonly acked?: number
  readonly success?: boolean
}

const eventsOf = (output: string): Event[] =>
  output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Event)

describe(`the tools of Apache Kafka against ${targetName}`, { skip: missingClient('java') ?? false }, () => {
  let target: Target
  let witness: Witness
  let home = ''

  before(async () => {
    home = await installClient('java')
    target = await openTarget()
    witness = new Witness(target.brokers)
  })
  /** The tests that have passed, by name. */
  const passed: string[] = []
  afterEach((context) => {
    if ('passed' in context && context.passed && !passed.includes(context.name)) passed.push(context.name)
  })
  after(async () => {
    keepProgram('tools', { title: 'Command-line tools 4.3.1', shows: passed })
    await witness?.close()
    await target?.close()
  })

  /** Of `org.apache.kafka.tools`, with the broker's address. */
  const tool = (name: string, ...parameters: readonly string[]): Promise<string> =>
    runJava(home, `org.apache.kafka.tools.${name}`, ['--bootstrap-server', target.brokers, ...parameters])

  it('kafka-topics makes a topic, enlarges it, describes it and deletes it', async () => {
    const topic = witness.name('topic')
    await tool(
      'TopicCommand',
      '--create',
      '--topic',
      topic,
      '--partitions',
      '2',
      '--config',
      'retention.ms=1000',
    )
    await tool('TopicCommand', '--alter', '--topic', topic, '--partitions', '3')
    const described = await tool('TopicCommand', '--describe', '--topic', topic)
    assert.match(
      described,
      new RegExp(`Topic: ${topic}\\b.*PartitionCount: 3\\b.*Configs: .*retention\\.ms=1000`),
    )
    assert.equal(described.match(/Partition: \d/g)?.length, 3)
    await tool('TopicCommand', '--delete', '--topic', topic)
    assert.doesNotMatch(await tool('TopicCommand', '--list'), new RegExp(topic))
  })

  it('kafka-verifiable-producer and -consumer agree, and kafka-consumer-groups tells and resets offsets', async () => {
    const topic = await witness.topic(1)
    const group = witness.name('group')
    const written = eventsOf(
      await tool('VerifiableProducer', '--topic', topic, '--max-messages', '200', '--acks', '-1'),
    )
    const { sent, acked } = written.find(({ name }) => name === 'tool_data')!
    assert.deepEqual([sent, acked], [200, 200])
    const range = ['--max-messages', '200', '--reset-policy', 'earliest']
    const read = eventsOf(await tool('VerifiableConsumer', '--topic', topic, '--group-id', group, ...range))
    const counts = read.filter(({ name }) => name === 'records_consumed').map(({ count }) => count!)
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      200,
    )
    assert.ok(read.filter(({ name }) => name === 'offsets_committed').every(({ success }) => success))
    await witness.write(topic, someRecords(1, 50))
    const groups = (...parameters: readonly string[]): Promise<string> =>
      tool('consumer.group.ConsumerGroupCommand', '--group', group, ...parameters)
    const described = await groups('--describe')
    const rows = described.split('\n').filter((line) => line.startsWith(`${group} `))
    const lags = rows.map((row) => Number(row.split(/ +/)[5]))
    assert.equal(
      lags.reduce((sum, lag) => sum + lag, 0),
      50,
      described,
    )
    await groups('--reset-offsets', '--to-earliest', '--topic', topic, '--execute')
    assert.deepEqual(await witness.committed(group, topic, 1), [0])
    await groups('--delete')
    assert.deepEqual(await witness.committed(group, topic, 1), [-1])
  })

  it('kafka-producer-perf-test and kafka-consumer-perf-test move every record', async () => {
    const topic = await witness.topic(1)
    const size = ['--num-records', '20000', '--record-size', '100', '--throughput', '-1']
    const written = await tool('ProducerPerformance', '--topic', topic, ...size)
    assert.match(written, /20000 records sent/)
    const read = await tool('ConsumerPerformance', '--topic', topic, '--num-records', '20000')
    const values = read.trim().split('\n').at(-1)!.split(', ')
    assert.equal(Number(values[4]), 20_000, read)
  })

  it('kafka-transactions lists and describes transactions and their producers', async () => {
    const topic = await witness.topic(1)
    const id = witness.name('transaction')
    const size = ['--num-records', '100', '--record-size', '10', '--throughput', '-1']
    await tool('ProducerPerformance', '--topic', topic, ...size, '--transactional-id', id)
    assert.match(await tool('TransactionsCommand', 'list'), new RegExp(`^${id}\\s.*CompleteCommit`, 'm'))
    const described = await tool('TransactionsCommand', 'describe', '--transactional-id', id)
    assert.match(described, /CompleteCommit/)
    const producers = await tool(
      'TransactionsCommand',
      'describe-producers',
      '--topic',
      topic,
      '--partition',
      '0',
    )
    assert.match(producers, /^\d+\s+\d+\s+-?\d+\s+-?\d+\s+\d+\s+None/m)
  })

  const skipFiles = namedBrokers !== undefined && 'the files of a broker that is named are not here'
  it('kafka-dump-log reads and verifies every file of a partition', { skip: skipFiles }, async () => {
    const topic = await witness.topic(1)
    await witness.write(topic, someRecords(1, 20))
    for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
      await witness.write(topic, someRecords(1, 5), { compression })
    }
    await witness.write(topic, someRecords(1, 3), { outcome: 'commit' })
    await witness.write(topic, someRecords(1, 3), { outcome: 'abort' })
    // A clean end writes the snapshot of the producers.
    await target.restart()
    const directory = path.join(target.dataDirectory!, `${topic}-0`)
    const files = fs
      .readdirSync(directory)
      .filter((file) => /\.(log|index|timeindex|txnindex|snapshot)$/.test(file))
    assert.deepEqual([...new Set(files.map((file) => path.extname(file)))].sort(), [
      '.index',
      '.log',
      '.snapshot',
      '.timeindex',
      '.txnindex',
    ])
    const names = files.map((file) => path.join(directory, file)).join(',')
    const parameters = ['--deep-iteration', '--print-data-log', '--verify-index-only', '--files', names]
    const dump = await runJava(home, 'org.apache.kafka.tools.DumpLogSegments', parameters)
    assert.doesNotMatch(dump, /isvalid: false|Found invalid|Mismatches|mismatch|Exception/i)
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
      assert.match(dump, new RegExp(`compresscodec: ${codec}\\b`))
    }
    assert.match(dump, /endTxnMarker: COMMIT/)
    assert.match(dump, /endTxnMarker: ABORT/)
    assert.match(dump, /payload: value 19 /)
    assert.match(
      dump,
      /producerId: \d+ .*firstOffset: \d+ lastOffset: \d+ /,
      'the index of aborted transactions',
    )
  })
})
