/**
 * Transactions end to end against a naive model: producers begin, write, commit, abort, take over from each other,
 * time out and come back as zombies, the broker restarts and crashes; after every step each partition must show
 * `read_committed` consumers just what the model says, and no request may get another answer than the model's.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addPartitionsToTxn } from '../../protocol/apis/add-partitions-to-txn.ts'
import { createTopics } from '../../protocol/apis/create-topics.ts'
import { endTxn } from '../../protocol/apis/end-txn.ts'
import { fetch } from '../../protocol/apis/fetch.ts'
import { initProducerId } from '../../protocol/apis/init-producer-id.ts'
import { produce } from '../../protocol/apis/produce.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { readControlType } from '../../protocol/record-batch/control-batch.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import { batchOf, TestBroker } from '../broker-fixture.ts'

const TIMEOUT_MS = 60_000
const PARTITIONS = 2

type Step =
  | { readonly kind: 'init'; readonly id: number }
  | { readonly kind: 'write'; readonly producer: number; readonly partition: number }
  | { readonly kind: 'end'; readonly producer: number; readonly commit: boolean }
  | { readonly kind: 'plain'; readonly partition: number }
  | { readonly kind: 'restart' | 'crash' | 'timeout' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('init' as const), id: fc.nat(1) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      producer: fc.nat(3),
      partition: fc.nat(PARTITIONS - 1),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('end' as const), producer: fc.nat(3), commit: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('plain' as const), partition: fc.nat(PARTITIONS - 1) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('restart' as const, 'crash' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('timeout' as const) }) },
)

/** A transaction of the model. */
interface Txn {
  outcome: 'open' | 'committed' | 'aborted'
}

/** A producer as its program sees it; one that was replaced is a zombie. */
interface Handle {
  readonly id: number
  producerId: bigint
  epoch: number
  sequences: number[]
  txn: Txn | undefined
  zombie: boolean
  /** Its transaction timed out, and nobody has taken over since. */
  timedOut: boolean
}

interface Entry {
  readonly value: string
  readonly txn: Txn | undefined
}

class Run {
  readonly broker: TestBroker
  private readonly epochRaised: boolean
  private readonly crashKind: 'process' | 'power'
  private readonly handles: Handle[] = []
  private readonly logs: Entry[][] = Array.from({ length: PARTITIONS }, () => [])
  private written = 0

  constructor(broker: TestBroker, epochRaised: boolean, crashKind: 'process' | 'power') {
    this.broker = broker
    this.epochRaised = epochRaised
    this.crashKind = crashKind
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'init':
        return this.init(step.id)
      case 'write':
        return this.write(this.handles.at(-1 - step.producer), step.partition)
      case 'end':
        return this.end(this.handles.at(-1 - step.producer), step.commit)
      case 'plain':
        return this.plain(step.partition)
      case 'restart':
        return this.broker.restart()
      case 'crash':
        return this.broker.crash(this.crashKind)
      case 'timeout':
        await this.broker.advance(TIMEOUT_MS + 2000)
        for (const handle of this.handles) {
          if (handle.txn?.outcome !== 'open') continue
          handle.txn.outcome = 'aborted'
          handle.zombie = true
          handle.timedOut = true
        }
    }
  }

  /** What consumers see now. */
  async check(): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const log = this.logs[partition]!
      const firstOpen = log.findIndex(({ txn }) => txn?.outcome === 'open')
      const stable = firstOpen < 0 ? log : log.slice(0, firstOpen)
      const visible = stable.filter(({ txn }) => txn?.outcome !== 'aborted')
      assert.deepEqual(
        await this.read(partition, 1),
        visible.map(({ value }) => value),
        `committed ${partition}`,
      )
      assert.deepEqual(
        await this.read(partition, 0),
        log.map(({ value }) => value),
        `all ${partition}`,
      )
    }
  }

  private async init(id: number): Promise<void> {
    const answer = await this.broker.send(initProducerId, {
      transactionalId: `tx-${id}`,
      transactionTimeoutMs: TIMEOUT_MS,
    })
    assert.equal(answer.errorCode, ErrorCodes.NONE)
    for (const handle of this.handles) {
      if (handle.id !== id) continue
      handle.zombie = true
      handle.timedOut = false
      if (handle.txn?.outcome === 'open') handle.txn.outcome = 'aborted'
    }
    this.handles.push({
      id,
      producerId: answer.producerId,
      epoch: answer.producerEpoch,
      sequences: new Array(PARTITIONS).fill(0),
      txn: undefined,
      zombie: false,
      timedOut: false,
    })
  }

  private async write(handle: Handle | undefined, partition: number): Promise<void> {
    if (handle === undefined) return
    if (!this.epochRaised && !(await this.add(handle, partition))) return
    const value = `v${this.written++}`
    const records = batchOf([value], {
      producerId: Number(handle.producerId),
      producerEpoch: handle.epoch,
      baseSequence: handle.sequences[partition]!,
      transactional: true,
    })
    const topicData = [{ name: 't', partitionData: [{ index: partition, records }] }]
    const answer = await this.broker.send(
      produce,
      { transactionalId: `tx-${handle.id}`, acks: -1, timeoutMs: 1, topicData },
      { version: this.epochRaised ? 12 : 11 },
    )
    const { errorCode } = answer.responses[0]!.partitionResponses[0]!
    if (handle.zombie) {
      assert.equal(errorCode, ErrorCodes.INVALID_PRODUCER_EPOCH, 'a zombie writes')
      return
    }
    assert.equal(errorCode, ErrorCodes.NONE)
    handle.sequences[partition]!++
    if (handle.txn?.outcome !== 'open') handle.txn = { outcome: 'open' }
    this.logs[partition]!.push({ value, txn: handle.txn })
  }

  /** Adds the partition as classic producers do; false for a zombie, which is refused. */
  private async add(handle: Handle, partition: number): Promise<boolean> {
    const answer = await this.broker.send(
      addPartitionsToTxn,
      {
        v3AndBelowTransactionalId: `tx-${handle.id}`,
        v3AndBelowProducerId: handle.producerId,
        v3AndBelowProducerEpoch: handle.epoch,
        v3AndBelowTopics: [{ name: 't', partitions: [partition] }],
      },
      { version: 3 },
    )
    const code = answer.resultsByTopicV3AndBelow[0]!.resultsByPartition[0]!.partitionErrorCode
    assert.equal(code, handle.zombie ? ErrorCodes.PRODUCER_FENCED : ErrorCodes.NONE)
    if (!handle.zombie && handle.txn?.outcome !== 'open') handle.txn = { outcome: 'open' }
    return !handle.zombie
  }

  private async end(handle: Handle | undefined, commit: boolean): Promise<void> {
    if (handle === undefined) return
    const { id, producerId, epoch } = handle
    const answer = await this.broker.send(
      endTxn,
      { transactionalId: `tx-${id}`, producerId, producerEpoch: epoch, committed: commit },
      { version: this.epochRaised ? 5 : 4 },
    )
    assert.equal(answer.errorCode, this.endCode(handle, commit))
    if (answer.errorCode !== ErrorCodes.NONE) return
    if (handle.txn?.outcome === 'open') handle.txn.outcome = commit ? 'committed' : 'aborted'
    if (!this.epochRaised) return
    assert.deepEqual([answer.producerId, answer.producerEpoch], [producerId, epoch + 1])
    handle.epoch = answer.producerEpoch
    handle.zombie = false
    handle.timedOut = false
    handle.sequences = new Array(PARTITIONS).fill(0)
  }

  private endCode(handle: Handle, commit: boolean): number {
    // The abort that the timeout did already is as good as the producer's own: it goes on from there.
    if (handle.timedOut && this.epochRaised) return commit ? ErrorCodes.INVALID_TXN_STATE : ErrorCodes.NONE
    if (handle.zombie) return ErrorCodes.PRODUCER_FENCED
    const outcome = handle.txn?.outcome
    if (outcome === 'open') return ErrorCodes.NONE
    if (this.epochRaised) return commit ? ErrorCodes.INVALID_TXN_STATE : ErrorCodes.NONE
    if (outcome === undefined) return ErrorCodes.INVALID_TXN_STATE
    return commit === (outcome === 'committed') ? ErrorCodes.NONE : ErrorCodes.INVALID_TXN_STATE
  }

  private async plain(partition: number): Promise<void> {
    const value = `p${this.written++}`
    const topicData = [{ name: 't', partitionData: [{ index: partition, records: batchOf([value]) }] }]
    await this.broker.send(produce, { acks: -1, timeoutMs: 1, topicData }, { version: 12 })
    this.logs[partition]!.push({ value, txn: undefined })
  }

  /** Reads a partition as a consumer does: aborted ranges are left out by their markers (KIP-98). */
  private async read(partition: number, isolationLevel: number): Promise<string[]> {
    const answer = await this.broker.send(
      fetch,
      {
        maxWaitMs: 0,
        minBytes: 0,
        isolationLevel,
        sessionEpoch: -1,
        topics: [{ topic: 't', partitions: [{ partition, fetchOffset: 0n, partitionMaxBytes: 1 << 24 }] }],
      },
      { version: 12 },
    )
    const { records, abortedTransactions } = answer.responses[0]!.partitions[0]!
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
        continue
      }
      if (reader.isTransactional && aborting.has(reader.producerId)) continue
      while (reader.next()) values.push(reader.body.toString('utf8', reader.valueStart, reader.valueEnd))
    }
    return values
  }
}

const modes = [
  { name: 'classic', epochRaised: false, flush: 'os', crash: 'process', runs: 100 },
  { name: 'version 2 (KIP-890)', epochRaised: true, flush: 'os', crash: 'process', runs: 100 },
  { name: 'classic, with power cuts', epochRaised: false, flush: 'group', crash: 'power', runs: 60 },
  { name: 'version 2, with power cuts', epochRaised: true, flush: 'group', crash: 'power', runs: 60 },
] as const

for (const { name, epochRaised, flush, crash, runs } of modes) {
  test(`transactions behave as the model says: ${name}`, async () => {
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 40 }),
      fc.nat(),
      async (steps, seed) => {
        const broker = await TestBroker.open({ flush }, { seed })
        const topic = {
          name: 't',
          numPartitions: PARTITIONS,
          replicationFactor: 1,
          assignments: [],
          configs: [],
        }
        await broker.send(createTopics, { topics: [topic] })
        const run = new Run(broker, epochRaised, crash)
        for (const one of [{ kind: 'init', id: 0 } as const, ...steps]) {
          await run.take(one)
          await run.check()
        }
        await broker.close()
      },
    )
    await fc.assert(property, { numRuns: runs })
  })
}
