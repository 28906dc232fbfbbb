/** Looks from outside: records with read_committed, committed offsets, whether groups and transactions settle. */
import { createTopics } from '../../../src/protocol/apis/create-topics.ts'
import { describeGroups } from '../../../src/protocol/apis/describe-groups.ts'
import { fetch } from '../../../src/protocol/apis/fetch.ts'
import { listTransactions } from '../../../src/protocol/apis/list-transactions.ts'
import { metadata } from '../../../src/protocol/apis/metadata.ts'
import { ErrorCodes } from '../../../src/protocol/error-codes.ts'
import { forEachBatch } from '../../../src/protocol/record-batch/for-each-batch.ts'
import { RecordBatchReader } from '../../../src/protocol/record-batch/record-batch-reader.ts'
import type { ResponseOf } from '../../../src/protocol/schema/message.ts'
import { expect } from './anomaly.ts'
import { CLASSIC_GROUP, type ClassicClient } from './classic-client.ts'
import { CONSUMER_GROUP, type ConsumerClient } from './consumer-client.ts'
import type { GroupReader } from './group-reader.ts'
import { TRANSACTION_GROUP } from './producer-client.ts'
import type { TransactionCheck } from './transaction-check.ts'
import type { World } from './world.ts'

const NAME = 'observer'
const places = [
  { topic: 'x', partition: 0 },
  { topic: 'x', partition: 1 },
  { topic: 'y', partition: 0 },
  { topic: 'y', partition: 1 },
]

export class Observer {
  private readonly world: World
  private readonly reader: GroupReader
  private readonly transactions: TransactionCheck
  topicId: Buffer = Buffer.alloc(16)

  constructor(world: World, reader: GroupReader, transactions: TransactionCheck) {
    this.world = world
    this.reader = reader
    this.transactions = transactions
  }

  /** Makes the topics; resolves when they are there. */
  async prepare(): Promise<void> {
    const { world } = this
    for (;;) {
      const topics = [['t', 4] as const, ['x', 2] as const, ['y', 2] as const].map(
        ([name, numPartitions]) => ({
          name,
          numPartitions,
          replicationFactor: 1,
          assignments: [],
          configs: [],
        }),
      )
      await world.call(NAME, createTopics, { topics })
      const found = await world.call(NAME, metadata, {
        topics: ['t', 'x', 'y'].map((name) => ({ name })),
        allowAutoTopicCreation: false,
      })
      if (found?.topics.every(({ errorCode }) => errorCode === ErrorCodes.NONE)) {
        this.topicId = Buffer.from(found.topics.find(({ name }) => name === 't')!.topicId)
        return
      }
      await world.pause(100)
    }
  }

  async run(): Promise<void> {
    const { world } = this
    while (!world.over) {
      await world.pause(world.random.within(world.calm ? [1000, 3000] : [20, 800]))
      await this.readOffsets()
      if (world.random.chance(0.1)) await this.readRecords()
    }
  }

  async readOffsets(): Promise<Map<string, bigint>> {
    const found = new Map<string, bigint>()
    for (const group of [CLASSIC_GROUP, CONSUMER_GROUP, TRANSACTION_GROUP]) {
      const read = await this.reader.fetch(NAME, group, this.reader.partitions)
      for (const [partition, offset] of read ?? []) {
        found.set(`${group}/${partition}`, offset)
        if (group === TRANSACTION_GROUP) this.transactions.seesOffset(offset)
      }
    }
    return found
  }

  /** The values that read_committed gives now; undefined when not all partitions answer. */
  async readRecords(): Promise<
    { readonly values: Set<string>; readonly open: readonly string[] } | undefined
  > {
    const values = new Set<string>()
    const open: string[] = []
    let complete = true
    for (const { topic, partition } of places) {
      const answer = await this.world.call(
        NAME,
        fetch,
        {
          maxWaitMs: 0,
          minBytes: 0,
          isolationLevel: 1,
          forgottenTopicsData: [],
          topics: [{ topic, partitions: [{ partition, fetchOffset: 0n, partitionMaxBytes: 1 << 26 }] }],
        },
        { version: 12 },
      )
      const found = answer?.responses[0]?.partitions[0]
      if (found === undefined || found.errorCode !== ErrorCodes.NONE) {
        complete = false
        continue
      }
      for (const value of committedValues(found)) values.add(value)
      if (found.lastStableOffset < found.highWatermark)
        open.push(`${topic}/${partition}@${found.lastStableOffset}`)
    }
    this.transactions.sees(values)
    return complete ? { values, open } : undefined
  }

  /** After a time without faults, new members or new transactions. */
  async finish(classic: readonly ClassicClient[], consumers: readonly ConsumerClient[]): Promise<void> {
    const { world } = this
    await this.finishClassic(classic)
    const owned = consumers.flatMap(({ owned }) => owned).toSorted()
    expect(
      `${owned}` === `${this.reader.partitions}` && new Set(consumers.map(({ epoch }) => epoch)).size === 1,
      'unsettled',
      () =>
        `consumer group: ${consumers.map(({ name, epoch, owned: own }) => `${name}@${epoch} has ${own}`).join(', ')}`,
    )
    const ongoing = await world.call(NAME, listTransactions, {
      stateFilters: ['Ongoing', 'PrepareCommit', 'PrepareAbort'],
      producerIdFilters: [],
    })
    const records = await this.readRecords()
    expect(
      records !== undefined && ongoing !== undefined,
      'broken',
      () => 'the broker does not answer in the end',
    )
    expect(records.open.length === 0 && ongoing.transactionStates.length === 0, 'hanging-transaction', () => {
      return `${records.open} and ${ongoing.transactionStates.map(({ transactionalId }) => transactionalId)}`
    })
    this.transactions.finish(records.values, await this.readOffsets())
  }

  private async finishClassic(classic: readonly ClassicClient[]): Promise<void> {
    const answer = await this.world.call(NAME, describeGroups, { groups: [CLASSIC_GROUP] })
    const group = answer?.groups[0]
    const members = group?.members.map(({ memberId }) => memberId).toSorted()
    const assigned = classic.flatMap((client) => client.assigned).toSorted()
    expect(
      group?.groupState === 'Stable' &&
        `${members}` === `${classic.map(({ memberId }) => memberId).toSorted()}` &&
        `${assigned}` === `${this.reader.partitions}`,
      'unsettled',
      () =>
        `classic group is ${group?.groupState} with ${members}; ${classic.map((one) => `${one.name} (${one.memberId})@${one.generation} has ${one.assigned}`).join(', ')}`,
    )
  }
}

type Fetched = ResponseOf<typeof fetch>['responses'][number]['partitions'][number]

function committedValues({ records, abortedTransactions }: Fetched): string[] {
  const values: string[] = []
  if (records === null) return values
  const waiting = [...(abortedTransactions ?? [])].sort((a, b) => Number(a.firstOffset - b.firstOffset))
  const aborted = new Set<number>()
  const reader = new RecordBatchReader()
  const bytes = Buffer.from(records)
  forEachBatch(bytes, (start) => {
    reader.reset(bytes, start)
    while (waiting.length > 0 && Number(waiting[0]!.firstOffset) <= reader.lastOffset) {
      aborted.add(Number(waiting.shift()!.producerId))
    }
    if (reader.isControl) aborted.delete(reader.producerId)
    else if (!(reader.isTransactional && aborted.has(reader.producerId))) {
      while (reader.next()) values.push(reader.body.toString('utf8', reader.valueStart, reader.valueEnd))
    }
  })
  return values
}
