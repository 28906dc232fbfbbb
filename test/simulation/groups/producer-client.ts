/**
 * A transactional producer that writes records and a group's offset in transactions, tries again as Java's does, ends
 * without a word, and leaves zombies behind: its former self goes on for a while when the next one has begun.
 */
import { addOffsetsToTxn } from '../../../src/protocol/apis/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../../../src/protocol/apis/add-partitions-to-txn.ts'
import { endTxn } from '../../../src/protocol/apis/end-txn.ts'
import { initProducerId } from '../../../src/protocol/apis/init-producer-id.ts'
import { produce } from '../../../src/protocol/apis/produce.ts'
import { txnOffsetCommit } from '../../../src/protocol/apis/txn-offset-commit.ts'
import { ErrorCodes } from '../../../src/protocol/error-codes.ts'
import { RecordBatchBuilder } from '../../../src/protocol/record-batch/record-batch-builder.ts'
import { expect } from './anomaly.ts'
import type { OffsetsCheck } from './offsets-check.ts'
import type { TransactionCheck, TriedTransaction } from './transaction-check.ts'
import type { World } from './world.ts'

export const TRANSACTION_GROUP = 'transactions'
export const TIMEOUT_MS = 3000
const TRIES = 12

const retriable: ReadonlySet<number> = new Set([
  ErrorCodes.NOT_ENOUGH_REPLICAS,
  ErrorCodes.CONCURRENT_TRANSACTIONS,
  ErrorCodes.COORDINATOR_NOT_AVAILABLE,
  ErrorCodes.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCodes.NOT_COORDINATOR,
  ErrorCodes.KAFKA_STORAGE_ERROR,
])

interface Identity {
  readonly producerId: bigint
  producerEpoch: number
  readonly sequences: Map<number, number>
  /** The transaction that it left open. */
  open: TriedTransaction | undefined
  /** Nobody knows how its last transaction ended: it begins no other. */
  lost: boolean
  /** The next one has begun: from then on nothing may be taken of this one. */
  replaced: boolean
}

export interface ProducerParts {
  readonly world: World
  readonly offsets: OffsetsCheck
  readonly transactions: TransactionCheck
  /** 2: the epoch goes up with each transaction, and partitions join by themselves (KIP-890). */
  readonly version: 1 | 2
  /** The partition of the group's offsets that it commits. */
  readonly place: number
  /** It never ends what it begins: only the time-out does. */
  readonly abandons?: boolean
}

export class ProducerClient {
  private readonly name: string
  private readonly parts: ProducerParts
  private readonly world: World
  private count = 0
  private readonly zombies: Promise<void>[] = []

  constructor(name: string, parts: ProducerParts) {
    this.name = name
    this.parts = parts
    this.world = parts.world
  }

  async run(): Promise<void> {
    return this.parts.abandons === true ? this.abandon() : this.work()
  }

  private async abandon(): Promise<void> {
    const { world, parts } = this
    while (!world.calm) {
      const identity = await this.init()
      const tried = parts.transactions.begin(`${this.name}/${++this.count}`)
      if (identity !== undefined) {
        const at = world.random.within([0, 3])
        if (await this.write(identity, tried, at, `${tried.id}.0`)) await this.commitOffset(identity, tried)
      }
      await world.pause(world.random.within([500, 9000]))
    }
  }

  private async work(): Promise<void> {
    const { world } = this
    let present: Identity | undefined
    while (!world.quiet) {
      const former = present
      present = await this.init()
      if (present === undefined) {
        await world.pause(200)
        present = former
        continue
      }
      if (former !== undefined) former.replaced = true
      for (let good = true; good && !world.quiet; ) {
        good = await this.transaction(present)
        if (world.random.chance(0.12) && !world.calm) break
        await world.pause(world.random.within([0, world.calm ? 3000 : 600]))
      }
      // What it was doing goes on beside its successor.
      if (world.random.chance(0.5) && !world.calm) this.beside(this.haunt(present))
    }
    await Promise.all(this.zombies)
  }

  private beside(zombie: Promise<void>): void {
    zombie.catch((error: unknown) => this.world.fail(error))
    this.zombies.push(zombie)
  }

  private async haunt(identity: Identity): Promise<void> {
    for (let turn = 0; turn < 3; turn++) {
      await this.world.pause(this.world.random.within([0, 900]))
      if (!(await this.transaction(identity))) return
    }
  }

  private async init(): Promise<Identity | undefined> {
    const answer = await this.world.call(this.name, initProducerId, {
      transactionalId: this.name,
      transactionTimeoutMs: TIMEOUT_MS,
    })
    if (answer === undefined || answer.errorCode !== ErrorCodes.NONE) return undefined
    const { producerId, producerEpoch } = answer
    this.world.trace(`${this.name}: producer ${producerId} epoch ${producerEpoch}`)
    return { producerId, producerEpoch, sequences: new Map(), open: undefined, lost: false, replaced: false }
  }

  /** False when this producer is of no more use. */
  private async transaction(identity: Identity): Promise<boolean> {
    const { world, parts } = this
    const { random } = world
    if (identity.lost) return false
    const tried = identity.open ?? parts.transactions.begin(`${this.name}/${++this.count}`)
    identity.open = undefined
    let good = true
    const writes = random.within([1, 4])
    for (let write = 0; write < writes && good; write++) {
      good = await this.write(identity, tried, random.within([0, 3]), `${tried.id}.${tried.values.size}`)
    }
    if (good && tried.offset === undefined && random.chance(0.6))
      good = await this.commitOffset(identity, tried)
    // It ends without a word: the time-out ends its transaction.
    if (good && random.chance(0.08) && !world.calm) {
      identity.open = tried
      return false
    }
    const commit = good && random.chance(0.75)
    if (commit) tried.commitAsked = true
    const ended = await this.end(identity, tried, commit)
    identity.lost = !ended || !good
    return ended && good
  }

  private untilDone(
    identity: Identity,
    attempt: (again: boolean) => Promise<number | undefined>,
  ): Promise<boolean> {
    return this.retry(identity, attempt, () => {})
  }

  private async retry(
    identity: Identity,
    attempt: (again: boolean) => Promise<number | undefined>,
    done: () => void,
  ): Promise<boolean> {
    const { world } = this
    for (let tries = 0; tries < TRIES; tries++) {
      const replaced = identity.replaced
      const code = await attempt(tries > 0)
      if (code === ErrorCodes.NONE) {
        expect(!replaced, 'unfenced', () => `${this.name}, epoch ${identity.producerEpoch}`)
        done()
        return true
      }
      if (code !== undefined && !retriable.has(code)) {
        world.trace(`${this.name}: epoch ${identity.producerEpoch} is answered ${code}`)
        return false
      }
      await world.pause(world.random.within([20, 250]))
    }
    return false
  }

  private async write(
    identity: Identity,
    tried: TriedTransaction,
    at: number,
    value: string,
  ): Promise<boolean> {
    const { version, transactions } = this.parts
    const { producerId, producerEpoch, sequences } = identity
    const topic = at < 2 ? 'x' : 'y'
    const index = at % 2
    if (version === 1 && !(await this.addPartition(identity, topic, index))) return false
    const sequence = sequences.get(at) ?? 0
    transactions.addValue(tried, value)
    const written = await this.untilDone(identity, async () => {
      const builder = new RecordBatchBuilder({ compression: 'none' })
      builder.append(1_767_225_600_000, null, Buffer.from(value))
      const records = builder.seal({
        producerId: Number(producerId),
        producerEpoch,
        baseSequence: sequence,
        transactional: true,
      })
      const answer = await this.world.call(
        this.name,
        produce,
        {
          transactionalId: this.name,
          acks: -1,
          timeoutMs: 1000,
          topicData: [{ name: topic, partitionData: [{ index, records }] }],
        },
        { version: version === 2 ? 12 : 11 },
      )
      return answer?.responses[0]?.partitionResponses[0]?.errorCode
    })
    if (written) sequences.set(at, sequence + 1)
    return written
  }

  private addPartition(identity: Identity, topic: string, index: number): Promise<boolean> {
    return this.untilDone(identity, async () => {
      const answer = await this.world.call(
        this.name,
        addPartitionsToTxn,
        {
          v3AndBelowTransactionalId: this.name,
          v3AndBelowProducerId: identity.producerId,
          v3AndBelowProducerEpoch: identity.producerEpoch,
          v3AndBelowTopics: [{ name: topic, partitions: [index] }],
          transactions: [],
        },
        { version: 3 },
      )
      return answer?.resultsByTopicV3AndBelow[0]?.resultsByPartition[0]?.partitionErrorCode
    })
  }

  private async commitOffset(identity: Identity, tried: TriedTransaction): Promise<boolean> {
    const { version, offsets, transactions, place } = this.parts
    const { producerId, producerEpoch } = identity
    const base = { transactionalId: this.name, producerId, producerEpoch, groupId: TRANSACTION_GROUP }
    if (version === 1) {
      const added = await this.untilDone(identity, async () => {
        return (await this.world.call(this.name, addOffsetsToTxn, base, { version: 3 }))?.errorCode
      })
      if (!added) return false
    }
    const offset = offsets.next()
    transactions.addOffset(tried, `${TRANSACTION_GROUP}/${place}`, offset)
    return this.untilDone(identity, async () => {
      const partitions = [{ partitionIndex: place, committedOffset: offset, committedMetadata: null }]
      const request = { ...base, topics: [{ name: 't', partitions }] }
      const options = { version: version === 2 ? 5 : 4 }
      const answer = await this.world.call(this.name, txnOffsetCommit, request, options)
      return answer?.topics[0]?.partitions[0]?.errorCode
    })
  }

  private async end(identity: Identity, tried: TriedTransaction, committed: boolean): Promise<boolean> {
    const { version, offsets } = this.parts
    const { producerEpoch } = identity
    const request = { transactionalId: this.name, producerId: identity.producerId, producerEpoch, committed }
    const options = { version: version === 2 ? 5 : 4 }
    let next = producerEpoch
    const ask = async (): Promise<number | undefined> => {
      const answer = await this.world.call(this.name, endTxn, request, options)
      if (answer?.errorCode === ErrorCodes.NONE && version === 2) {
        next = answer.producerId === identity.producerId ? answer.producerEpoch : -1
      }
      return answer?.errorCode
    }
    const ended = await this.retry(identity, ask, () => {
      tried.ended = committed ? 'commit' : 'abort'
      if (committed && tried.offset !== undefined) offsets.committed(tried.offset.place, tried.offset.offset)
    })
    if (!ended) return false
    this.world.trace(`${tried.id}: ${tried.ended}`)
    if (version === 1) return true
    // The same request once more, late: it must not end what comes next.
    if (this.world.random.chance(0.15)) this.beside(this.late(request, options))
    if (next < 0) return false
    if (next !== producerEpoch) identity.sequences.clear()
    identity.producerEpoch = next
    return true
  }

  private async late(
    request: Parameters<typeof this.world.call<typeof endTxn>>[2],
    options: { version: number },
  ): Promise<void> {
    await this.world.pause(this.world.random.within([0, 400]))
    await this.world.call(this.name, endTxn, request, options)
  }
}
