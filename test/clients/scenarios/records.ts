/** Writing and reading: plain, compressed, with headers, with nulls, idempotent. */
import assert from 'node:assert/strict'
import type { Compression, DriverRecord } from '../driver.ts'
import { content, type Scenario, someRecords } from '../scenario.ts'

const PARTITIONS = 2
const codecs: readonly Compression[] = ['gzip', 'snappy', 'lz4', 'zstd']

const produce: Scenario = {
  name: 'produce',
  shows: 'writes records that are stored byte for byte, in order',
  async run({ driver, witness, observe }) {
    const topic = await witness.topic(PARTITIONS)
    const records = someRecords(PARTITIONS, 20)
    await driver.call('produce', { topic, records })
    const stored = await witness.read(topic, PARTITIONS)
    assert.deepEqual(content(stored), content(records))
    observe(
      'offsets',
      stored.map(({ offset }) => offset),
    )
  },
}

const consume: Scenario = {
  name: 'consume',
  shows: 'reads a topic from its start, whoever wrote it',
  async run({ driver, witness, observe }) {
    const topic = await witness.topic(PARTITIONS)
    const records = someRecords(PARTITIONS, 20)
    await witness.write(topic, records)
    const read = await driver.call('read', {
      topic,
      partitions: PARTITIONS,
      count: records.length,
      isolation: 'read_uncommitted',
    })
    assert.deepEqual(content(read), content(records))
    observe(
      'offsets',
      read.map(({ offset }) => offset).sort((a, b) => a - b),
    )
  },
}

const compressed = (compression: Compression): Scenario => ({
  name: compression,
  shows: `writes batches in ${compression} and reads those of others`,
  async run({ driver, witness }) {
    const topic = await witness.topic(1)
    // Long and repetitive: a client does not fall back to plain batches because they would be smaller.
    const records = Array.from({ length: 30 }, (_, at) => ({
      partition: 0,
      key: `key ${at}`,
      value: `${at} ${'compressible '.repeat(80)}`,
    }))
    const theirs = records.slice(0, 15)
    const ours = records.slice(15)
    await driver.call('produce', { topic, records: theirs, compression })
    await witness.write(topic, ours, { compression })
    const codecsStored = new Set((await witness.batches(topic, 1)).map((batch) => batch.compression))
    assert.deepEqual([...codecsStored], [compression])
    const read = await driver.call('read', {
      topic,
      partitions: 1,
      count: records.length,
      isolation: 'read_uncommitted',
    })
    assert.deepEqual(content(read), content(records))
    assert.deepEqual(content(await witness.read(topic, 1)), content(records))
  },
})

/** Written by the client and by us, and read by both. */
async function bothWays(
  { driver, witness }: Parameters<Scenario['run']>[0],
  records: readonly DriverRecord[],
): Promise<void> {
  const topic = await witness.topic(1)
  await driver.call('produce', { topic, records })
  await witness.write(topic, records)
  const twice = content([...records, ...records])
  assert.deepEqual(content(await witness.read(topic, 1)), twice)
  const read = await driver.call('read', {
    topic,
    partitions: 1,
    count: twice.length,
    isolation: 'read_uncommitted',
  })
  assert.deepEqual(content(read), twice)
}

const headers: Scenario = {
  name: 'headers',
  shows: 'keeps headers in their order, empty values, and several of one name where it can',
  run: (context) =>
    bothWays(context, [
      { partition: 0, key: 'a', value: '1', headers: [['name', 'value']] },
      {
        partition: 0,
        key: 'b',
        value: '2',
        headers: [
          ['z', 'last name first'],
          ['a', 'ünïcode'],
          ['empty', ''],
        ],
      },
      { partition: 0, key: 'c', value: '3' },
      ...(context.headersOnce ? [] : [repeated]),
    ]),
}

const repeated: DriverRecord = {
  partition: 0,
  key: 'd',
  value: '4',
  headers: [
    ['again', 'first'],
    ['again', 'second'],
    ['other', 'third'],
  ],
}

const nulls: Scenario = {
  name: 'nulls',
  shows: 'keeps tombstones and records without a key',
  run: (context) =>
    bothWays(context, [
      { partition: 0, key: 'dead', value: null },
      { partition: 0, key: null, value: 'without a key' },
    ]),
}

const idempotent: Scenario = {
  name: 'idempotent',
  shows: 'writes with a producer id and gapless sequences',
  async run({ driver, witness, observe }) {
    const topic = await witness.topic(1)
    const records = someRecords(1, 50)
    await driver.call('produce', { topic, records: records.slice(0, 25), idempotent: true })
    await driver.call('produce', { topic, records: records.slice(25), idempotent: true })
    assert.deepEqual(content(await witness.read(topic, 1)), content(records))
    const batches = await witness.batches(topic, 1)
    assert.ok(
      batches.every(({ producerId, baseSequence }) => producerId >= 0 && baseSequence >= 0),
      JSON.stringify(batches),
    )
    observe('first sequence', batches[0]?.baseSequence)
  },
}

export const recordScenarios: readonly Scenario[] = [
  produce,
  consume,
  ...codecs.map(compressed),
  headers,
  nulls,
  idempotent,
]
