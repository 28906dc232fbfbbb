/**
 * What a start makes of every state that a power cut can leave: three transactions over two partitions are run
 * once, then the broker is started on every combination of a front part of the coordinator's log with front parts
 * of the partitions' logs.
 *
 * Everywhere: the start and the next InitProducerId succeed, the last stable offset reaches the end, what was
 * aborted is not seen, and a producer that was not fenced commits all that is there of its transaction or nothing.
 * Where the syncs of `flush: group` can leave the combination: a transaction is whole or not there at all, and
 * there if its end was acknowledged.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Disk, joinPath, readFile } from '../../platform/disk.ts'
import { addPartitionsToTxn } from '../../protocol/apis/add-partitions-to-txn.ts'
import { createTopics } from '../../protocol/apis/create-topics.ts'
import { endTxn } from '../../protocol/apis/end-txn.ts'
import { fetch } from '../../protocol/apis/fetch.ts'
import { initProducerId } from '../../protocol/apis/init-producer-id.ts'
import { listOffsets } from '../../protocol/apis/list-offsets.ts'
import { produce } from '../../protocol/apis/produce.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { readControlType } from '../../protocol/record-batch/control-batch.ts'
import { forEachBatch } from '../../protocol/record-batch/for-each-batch.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import { batchOf, DATA_DIRECTORY, TestBroker } from '../broker-fixture.ts'

const TOPICS = ['t', 'u'] as const
/** Only written by a producer that goes on after the start. */
const LATER = 'later'
const SEGMENT = '00000000000000000000.log'
const COORDINATOR = joinPath(DATA_DIRECTORY, '__transaction_state-0', SEGMENT)
const config = { 'transaction.state.log.num.partitions': 1 } as const

type Version = 0 | 2

interface Producer {
  readonly producerId: bigint
  readonly producerEpoch: number
}

async function init(broker: TestBroker): Promise<Producer> {
  const request = { transactionalId: 'tx', transactionTimeoutMs: 60_000 }
  const { errorCode, producerId, producerEpoch } = await broker.send(initProducerId, request)
  assert.equal(errorCode, ErrorCodes.NONE, 'a producer can go on')
  return { producerId, producerEpoch }
}

interface Write {
  readonly version: Version
  readonly value: string
  readonly sequence: number
}

/** Writes one record to a topic, which joins the transaction. Returns an error code. */
async function writeTo(
  broker: TestBroker,
  topic: string,
  producer: Producer,
  { version, value, sequence }: Write,
): Promise<number> {
  if (version === 0) {
    const added = await broker.send(
      addPartitionsToTxn,
      {
        v3AndBelowTransactionalId: 'tx',
        v3AndBelowProducerId: producer.producerId,
        v3AndBelowProducerEpoch: producer.producerEpoch,
        v3AndBelowTopics: [{ name: topic, partitions: [0] }],
      },
      { version: 3 },
    )
    const [first] = added.resultsByTopicV3AndBelow[0]!.resultsByPartition
    if (first!.partitionErrorCode !== ErrorCodes.NONE) return first!.partitionErrorCode
  }
  const records = batchOf([value], {
    producerId: Number(producer.producerId),
    producerEpoch: producer.producerEpoch,
    baseSequence: sequence,
    transactional: true,
  })
  const topicData = [{ name: topic, partitionData: [{ index: 0, records }] }]
  const request = { transactionalId: 'tx', acks: -1, timeoutMs: 1, topicData }
  const answer = await broker.send(produce, request, { version: version === 2 ? 12 : 11 })
  return answer.responses[0]!.partitionResponses[0]!.errorCode
}

/** Writes one record to each topic. */
async function write(broker: TestBroker, producer: Producer, record: Write): Promise<void> {
  for (const topic of TOPICS) {
    assert.equal(await writeTo(broker, topic, producer, record), ErrorCodes.NONE, record.value)
  }
}

async function end(broker: TestBroker, producer: Producer, committed: boolean, version: Version) {
  const request = { transactionalId: 'tx', ...producer, committed }
  return broker.send(endTxn, request, { version: version === 2 ? 5 : 4 })
}

/** What a `read_committed` consumer sees, and how far it can see. */
async function committed(broker: TestBroker, topic: string) {
  const place = { partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 24 }
  const answer = await broker.send(
    fetch,
    {
      maxWaitMs: 0,
      minBytes: 0,
      isolationLevel: 1,
      sessionEpoch: -1,
      topics: [{ topic, partitions: [place] }],
    },
    { version: 12 },
  )
  const { records, abortedTransactions, lastStableOffset, highWatermark } =
    answer.responses[0]!.partitions[0]!
  const starts = [...(abortedTransactions ?? [])].sort((a, b) => Number(a.firstOffset - b.firstOffset))
  const aborting = new Set<number>()
  const values: string[] = []
  const reader = new RecordBatchReader()
  for (let at = 0; records !== null && at < records.length; at = reader.batchEnd) {
    reader.reset(records, at)
    while (starts[0] !== undefined && starts[0].firstOffset <= BigInt(reader.lastOffset)) {
      aborting.add(Number(starts.shift()!.producerId))
    }
    if (reader.isControl) {
      if (readControlType(records, at) === 'abort') aborting.delete(reader.producerId)
    } else if (!aborting.has(reader.producerId)) {
      while (reader.next()) values.push(reader.body.toString('utf8', reader.valueStart, reader.valueEnd))
    }
  }
  return { values, lastStableOffset, highWatermark }
}

async function endOffset(broker: TestBroker, topic: string): Promise<bigint> {
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1n }] }]
  const answer = await broker.send(listOffsets, { replicaId: -1, isolationLevel: 0, topics })
  return answer.topics[0]!.partitions[0]!.offset
}

type Files = ReadonlyMap<string, Buffer>

function filesOf(disk: Disk, directory: string): Files {
  const files = new Map<string, Buffer>()
  for (const { name, directory: folder } of disk.list(directory)) {
    const path = joinPath(directory, name)
    if (folder) for (const [inside, bytes] of filesOf(disk, path)) files.set(inside, bytes)
    else files.set(path, readFile(disk, path))
  }
  return files
}

/** Puts the files on the disk, with some of them cut to so many bytes, and nothing else of the logs. */
function putFiles(disk: Disk, files: Files, cuts: ReadonlyMap<string, number>): void {
  disk.removeDirectory(DATA_DIRECTORY)
  for (const [path, bytes] of files) {
    if (/\.(index|timeindex|txnindex|snapshot)$/.test(path)) continue
    disk.makeDirectory(path.slice(0, path.lastIndexOf('/')))
    const file = disk.open(path, 'new')
    file.write(bytes, 0, cuts.get(path) ?? bytes.length, 0)
    file.close()
  }
}

/** The bytes up to the end of each batch: 0 first. */
function batchEnds(bytes: Buffer): readonly number[] {
  const ends = [0]
  forEachBatch(bytes, (_start, end) => {
    ends.push(end)
  })
  return ends
}

interface Story {
  readonly files: Files
  readonly producer: Producer
  readonly ends: { readonly coordinator: readonly number[]; readonly topics: readonly (readonly number[])[] }
}

const pathOf = (topic: string): string => joinPath(DATA_DIRECTORY, `${topic}-0`, SEGMENT)

/** T1 is committed, T2 aborted, T3 open; in each a record goes to both topics. */
async function tell(broker: TestBroker, version: Version): Promise<Story> {
  const topics = [...TOPICS, LATER].map((name) => ({
    name,
    numPartitions: 1,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }))
  await broker.send(createTopics, { topics })
  let producer = await init(broker)
  for (let number = 1; number <= 3; number++) {
    const sequence = version === 2 ? 0 : number - 1
    await write(broker, producer, { version, value: `T${number}`, sequence })
    if (number === 3) break
    const answer = await end(broker, producer, number === 1, version)
    assert.equal(answer.errorCode, ErrorCodes.NONE)
    if (version === 2) producer = { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
  }
  let files: Files = new Map()
  await broker.crash('process', (disk) => {
    files = filesOf(disk, DATA_DIRECTORY)
  })
  const endsOf = (path: string): readonly number[] => batchEnds(files.get(path)!)
  const ends = { coordinator: endsOf(COORDINATOR), topics: TOPICS.map((topic) => endsOf(pathOf(topic))) }
  // Of the coordinator: Empty; then for each transaction two notes, its decision and its end.
  assert.deepEqual([ends.coordinator.length, ...ends.topics.map((each) => each.length)], [12, 6, 6])
  return { files, producer, ends }
}

/** How many batches are left of each log. */
interface Cut {
  readonly coordinator: number
  readonly topics: readonly [number, number]
}

const EMPTY = 1
const decisionOf = (number: number): number => EMPTY + 4 * (number - 1) + 3
const endOf = (number: number): number => decisionOf(number) + 1
const recordOf = (number: number): number => 2 * number - 1
const markerOf = (number: number): number => 2 * number

/** Can the syncs of `flush: group` leave this? */
function synced({ coordinator, topics }: Cut): boolean {
  if (coordinator < EMPTY) return false
  return [1, 2, 3].every((number) => {
    const has = (batches: number): boolean => topics.every((count) => count >= batches)
    const some = (batches: number): boolean => topics.some((count) => count >= batches)
    if (coordinator >= decisionOf(number) && !has(recordOf(number))) return false
    if (number === 3) return true
    if (some(markerOf(number)) && coordinator < decisionOf(number)) return false
    if (coordinator >= endOf(number) && !has(markerOf(number))) return false
    return !some(recordOf(number + 1)) || coordinator >= endOf(number)
  })
}

/** How many transactions are decided, or have markers, in so many batches. */
const decidedIn = (coordinator: number): number => [1, 2].filter((n) => coordinator >= decisionOf(n)).length
const markedIn = (topic: number): number => [1, 2].filter((n) => topic >= markerOf(n)).length

/** A partition holds what the coordinator has never heard of. */
function coordinatorIsBehind({ coordinator, topics }: Cut): boolean {
  return topics.some((count, i) => {
    const open = [1, 2, 3].find((number) => count === recordOf(number))
    // The coordinator notes the topics one after the other.
    const noted = open === undefined || coordinator >= endOf(open - 1) + 1 + i
    return !noted || markedIn(count) > decidedIn(coordinator)
  })
}

function cuts({ ends }: Story): readonly Cut[] {
  const counts = (each: readonly number[]): readonly number[] => each.map((_, count) => count)
  return counts(ends.coordinator).flatMap((coordinator) =>
    counts(ends.topics[0]!).flatMap((t) =>
      counts(ends.topics[1]!).map((u): Cut => ({ coordinator, topics: [t, u] })),
    ),
  )
}

async function start(broker: TestBroker, { files, ends }: Story, cut: Cut): Promise<void> {
  const lengths = new Map([
    [COORDINATOR, ends.coordinator[cut.coordinator]!],
    ...TOPICS.map((topic, i) => [pathOf(topic), ends.topics[i]![cut.topics[i]!]!] as const),
  ])
  await broker.crash('process', (disk) => putFiles(disk, files, lengths))
}

/** After the next InitProducerId readers see everything to the end, and a new transaction can be written. */
async function goesOn(broker: TestBroker, version: Version): Promise<readonly (readonly string[])[]> {
  const next = await init(broker)
  for (const topic of TOPICS) {
    const { lastStableOffset } = await committed(broker, topic)
    assert.equal(lastStableOffset, await endOffset(broker, topic), 'readers come to the end')
  }
  await write(broker, next, { version, value: 'next', sequence: 0 })
  assert.equal((await end(broker, next, true, version)).errorCode, ErrorCodes.NONE)
  const all: string[][] = []
  for (const topic of TOPICS) {
    const { values } = await committed(broker, topic)
    assert.equal(values.at(-1), 'next')
    all.push(values.slice(0, -1))
  }
  return all
}

for (const version of [2, 0] as const) {
  const name = version === 2 ? 'version 2 (KIP-890)' : 'classic'

  test(`every state that a power cut can leave of synced logs ends whole: ${name}`, async () => {
    const broker = await TestBroker.open({ ...config, flush: 'group' })
    const story = await tell(broker, version)
    const possible = cuts(story).filter(synced)
    assert.ok(possible.length > 25, `${possible.length} states`)
    for (const producerLives of [false, true]) {
      for (const cut of possible) {
        const what = `${JSON.stringify(cut)}, the producer ${producerLives ? 'lives' : 'is gone'}`
        await start(broker, story, cut)
        // All of T3 was acknowledged only if it is all there: then its producer may commit it.
        const all = cut.topics.every((count) => count >= recordOf(3))
        const commits = producerLives && all
        if (commits) assert.equal((await end(broker, story.producer, true, version)).errorCode, 0, what)
        const [t, u] = await goesOn(broker, version)
        assert.deepEqual(t, u, what)
        const decided = cut.coordinator >= decisionOf(1)
        assert.deepEqual(t, [...(decided ? ['T1'] : []), ...(commits ? ['T3'] : [])], what)
      }
    }
    await broker.close()
  })

  test(`no state of logs that were not synced holds anybody up, or shows what was aborted: ${name}`, async () => {
    const broker = await TestBroker.open(config)
    const story = await tell(broker, version)
    for (const cut of cuts(story)) {
      const what = JSON.stringify(cut)
      await start(broker, story, cut)
      // The producer is as far as any log shows; with version 2 its epochs are 0, 1 and 2.
      const ended = Math.max(decidedIn(cut.coordinator), ...cut.topics.map(markedIn))
      const { producerId, producerEpoch } = story.producer
      const producer = { producerId, producerEpoch: version === 2 ? ended : producerEpoch }
      const behind = coordinatorIsBehind(cut)
      if (behind) await writeTo(broker, LATER, producer, { version, value: 'more', sequence: 0 })
      const accepted = (await end(broker, producer, true, version)).errorCode === ErrorCodes.NONE
      const seen = await goesOn(broker, version)
      // Classic transactions of a producer have one epoch: which of them a decision is for cannot be told.
      if (version === 0) continue
      if (behind) assert.equal(accepted, false, what)
      seen.forEach((values, i) => {
        if (ended === 2) assert.ok(!values.includes('T2'), what)
        const there = cut.topics[i]! >= recordOf(ended + 1)
        assert.equal(values.includes(`T${ended + 1}`), accepted && there, what)
      })
    }
    await broker.close()
  })
}

test('a producer stays fenced when the states that fenced it are lost as well', async () => {
  const broker = await TestBroker.open(config)
  const story = await tell(broker, 2)
  await start(broker, story, { coordinator: endOf(2), topics: [recordOf(3), recordOf(3)] })
  await broker.crash('process', (disk) => {
    const file = disk.open(COORDINATOR, 'write')
    file.truncate(story.ends.coordinator[endOf(2)]!)
    file.close()
  })
  await writeTo(broker, LATER, story.producer, { version: 2, value: 'more', sequence: 0 })
  assert.notEqual((await end(broker, story.producer, true, 2)).errorCode, ErrorCodes.NONE)
  assert.deepEqual(await goesOn(broker, 2), [['T1'], ['T1']])
  await broker.close()
})

test('a transaction with partitions that wait for the disk is whole, though the coordinator does not', async () => {
  const outcomes = new Set<string>()
  for (let moment = 0; moment < 40; moment++) {
    const broker = await TestBroker.open(config, { seed: moment })
    const configs = [{ name: 'flush', value: 'group' }]
    const plan = { numPartitions: 1, replicationFactor: 1, assignments: [], configs }
    await broker.send(createTopics, { topics: TOPICS.map((name) => ({ name, ...plan })) })
    const producer = await init(broker)
    await write(broker, producer, { version: 2, value: 'T1', sequence: 0 })
    let answered = false
    broker.begin(endTxn, { transactionalId: 'tx', ...producer, committed: true }, { version: 5 }).then(
      () => {
        answered = true
      },
      () => {},
    )
    await broker.advance(moment * 0.4)
    await broker.crash('power')
    await init(broker)
    const [t, u] = [await committed(broker, 't'), await committed(broker, 'u')]
    assert.deepEqual(t.values, u.values, `moment ${moment}`)
    if (answered) assert.deepEqual(t.values, ['T1'], `moment ${moment}`)
    outcomes.add(`${t.values.join()} ${answered}`)
    await broker.close()
  }
  assert.ok(outcomes.has(' false') && outcomes.has('T1 true'), [...outcomes].join('; '))
})

for (const noted of [true, false]) {
  const what = noted
    ? 'waits until it can be opened'
    : 'is part of no commit if the note that it joined is lost'
  test(`a partition that cannot be opened after a power cut ${what}`, async () => {
    const broker = await TestBroker.open({ ...config, flush: 'group' })
    const plan = { numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
    await broker.send(createTopics, { topics: TOPICS.map((name) => ({ name, ...plan })) })
    const producer = await init(broker)
    const { disk } = broker.simulation.host('local')
    const record = { version: 2, value: 'T1', sequence: 0 } as const
    assert.equal(await writeTo(broker, 't', producer, record), ErrorCodes.NONE)
    const withoutNote = readFile(disk, COORDINATOR).length
    assert.equal(await writeTo(broker, 'u', producer, record), ErrorCodes.NONE)
    await broker.crash('process', () => {
      if (!noted) {
        const file = disk.open(COORDINATOR, 'write')
        file.truncate(withoutNote)
        file.close()
      }
      disk.fail({ operation: 'open', code: 'EIO', chance: 1, path: '/u-0/' })
    })
    const { errorCode } = await end(broker, producer, true, 2)
    assert.equal(errorCode, noted ? ErrorCodes.NONE : ErrorCodes.INVALID_PRODUCER_ID_MAPPING)
    disk.clearFaults()
    await broker.restart()
    assert.deepEqual(await goesOn(broker, 2), noted ? [['T1'], ['T1']] : [[], []])
    await broker.close()
  })
}
