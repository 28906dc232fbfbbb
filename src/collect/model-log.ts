/**
 * A model of Kafka's log for tests: topics, transactions with fencing, read_committed, groups. In memory, with no
 * order but that of the calls, and with a switch that ends a program at any call.
 *
 * A session is what one run of a program sees. When it is killed, the call under way has had its effect or not, and no
 * call of the session ever returns again.
 */
import type { GroupMetadata, OffsetToCommit } from '../client/group-metadata.ts'
import { MillraceError } from '../core/errors.ts'
import { invariant } from '../core/invariant.ts'
import { partitionName, type StoredRecord, type TopicPartition } from '../core/record.ts'
import { setBaseOffset } from '../protocol/record-batch/layout.ts'
import type { RecordBatchBuilder } from '../protocol/record-batch/record-batch-builder.ts'
import { RecordBatchReader } from '../protocol/record-batch/record-batch-reader.ts'
import type {
  FetchedPartition,
  PartitionListener,
  TopicToMake,
  TransactionalProducer,
  Transport,
  TransportConsumer,
} from './transport.ts'

type BatchState = 'open' | 'committed' | 'aborted'

interface LogBatch {
  readonly baseOffset: number
  readonly nextOffset: number
  /** Null for the marker of a transaction. */
  readonly bytes: Buffer | null
  readonly transaction: Transaction | undefined
}

interface Transaction {
  state: BatchState
  readonly partitions: Set<string>
  readonly offsets: Map<string, Map<string, number>>
}

interface ProducerState {
  epoch: number
  transaction: Transaction | undefined
}

const PARTITIONS_DEFAULT = 1

export type Operation =
  | 'ensureTopics'
  | 'partitionCount'
  | 'init'
  | 'sendBatch'
  | 'commit'
  | 'abort'
  | 'sendOffsets'
  | 'endOffsets'
  | 'poll'
  | 'commitOffsets'
  | 'committed'

export interface PlannedFault {
  readonly operation: Operation
  /** The how-manieth such call from now. */
  readonly nth: number
  readonly error: MillraceError
  /** The call has its effect and only the answer is lost. */
  readonly afterEffect?: boolean
  /** Only calls for this topic. */
  readonly topic?: string
  readonly times?: number
}

export class ModelLog {
  /** Settings with which topics were made. */
  readonly topicConfigs = new Map<string, Readonly<Record<string, string>>>()
  readonly operations: Operation[] = []
  private readonly partitions = new Map<string, LogBatch[]>()
  private readonly topics = new Map<string, number>()
  private readonly producers = new Map<string, ProducerState>()
  private readonly groups = new Map<string, Map<string, number>>()

  /** A transport for one run of a program. */
  session(options: SessionOptions = {}): ModelSession {
    return new ModelSession(this, options)
  }

  makeTopic(topic: TopicToMake): void {
    if (this.topics.has(topic.topic)) return
    this.topics.set(topic.topic, topic.partitions ?? PARTITIONS_DEFAULT)
    this.topicConfigs.set(topic.topic, topic.config ?? {})
  }

  partitionCount(topic: string): number {
    const count = this.topics.get(topic)
    if (count === undefined)
      throw new MillraceError('MR_TOPIC_UNKNOWN', `no topic "${topic}"`, { context: { topic } })
    return count
  }

  /** Everything that read_committed shows of a topic, partition by partition. */
  records(topic: string): StoredRecord[] {
    return Array.from({ length: this.topics.get(topic) ?? 0 }, (_, partition) =>
      this.batches(topic, partition)
        .filter((batch) => batch.bytes !== null && batch.transaction?.state !== 'aborted')
        .filter((batch) => batch.nextOffset <= this.lastStable(topic, partition))
        .flatMap((batch) => recordsOf(topic, partition, batch.bytes!)),
    ).flat()
  }

  values(topic: string): string[] {
    return this.records(topic).map((record) => Buffer.from(record.value ?? []).toString())
  }

  groupOffsets(group: string): ReadonlyMap<string, number> {
    return this.groups.get(group) ?? new Map()
  }

  /** Adds a batch outside of transactions, as another program does. */
  append(topic: string, partition: number, builder: RecordBatchBuilder): void {
    this.appendBatch(topic, partition, builder, undefined)
  }

  /** Opens a transaction of another program on a partition. Returns what ends it. */
  openForeign(
    topic: string,
    partition: number,
    builder: RecordBatchBuilder,
  ): (state: 'committed' | 'aborted') => void {
    const transaction: Transaction = { state: 'open', partitions: new Set(), offsets: new Map() }
    this.appendBatch(topic, partition, builder, transaction)
    return (state) => this.endTransaction(transaction, state)
  }

  // What sessions call.

  init(transactionalId: string): number {
    const producer = this.producers.get(transactionalId) ?? { epoch: -1, transaction: undefined }
    this.producers.set(transactionalId, producer)
    if (producer.transaction !== undefined) this.endTransaction(producer.transaction, 'aborted')
    producer.transaction = undefined
    producer.epoch++
    return producer.epoch
  }

  producer(transactionalId: string, epoch: number): ProducerState {
    const producer = this.producers.get(transactionalId)
    if (producer === undefined || producer.epoch !== epoch) {
      throw new MillraceError('MR_PRODUCER_FENCED', 'a newer producer has the id')
    }
    return producer
  }

  appendBatch(
    topic: string,
    partition: number,
    builder: RecordBatchBuilder,
    transaction: Transaction | undefined,
  ): number {
    invariant(partition < this.partitionCount(topic), 'the partition exists')
    const batches = this.batches(topic, partition)
    const baseOffset = batches.at(-1)?.nextOffset ?? 0
    const bytes = Buffer.from(builder.seal({ transactional: transaction !== undefined }))
    setBaseOffset(bytes, 0, baseOffset)
    batches.push({ baseOffset, nextOffset: baseOffset + builder.recordCount, bytes, transaction })
    transaction?.partitions.add(partitionName(topic, partition))
    return baseOffset
  }

  endTransaction(transaction: Transaction, state: 'committed' | 'aborted'): void {
    transaction.state = state
    for (const name of transaction.partitions) {
      const batches = this.partitions.get(name)!
      const baseOffset = batches.at(-1)!.nextOffset
      batches.push({ baseOffset, nextOffset: baseOffset + 1, bytes: null, transaction: undefined })
    }
    if (state === 'aborted') return
    for (const [group, offsets] of transaction.offsets) this.commitOffsets(group, offsets)
  }

  commitOffsets(group: string, offsets: ReadonlyMap<string, number>): void {
    const committed = this.groups.get(group) ?? new Map<string, number>()
    this.groups.set(group, committed)
    for (const [name, offset] of offsets) committed.set(name, offset)
  }

  endOffset(topic: string, partition: number): number {
    return this.batches(topic, partition).at(-1)?.nextOffset ?? 0
  }

  fetch(topic: string, partition: number, offset: number): FetchedPartition {
    const stable = this.lastStable(topic, partition)
    const batches = this.batches(topic, partition).filter((batch) => {
      return batch.nextOffset > offset && batch.nextOffset <= stable
    })
    const data = batches.filter((batch) => batch.bytes !== null && batch.transaction?.state !== 'aborted')
    const bytes = Buffer.concat(data.map((batch) => batch.bytes!))
    const nextOffset = batches.at(-1)?.nextOffset ?? offset
    const highWatermark = this.endOffset(topic, partition)
    return { topic, partition, bytes, fetchOffset: offset, nextOffset, highWatermark }
  }

  private lastStable(topic: string, partition: number): number {
    const open = this.batches(topic, partition).find((batch) => batch.transaction?.state === 'open')
    return open?.baseOffset ?? this.endOffset(topic, partition)
  }

  private batches(topic: string, partition: number): LogBatch[] {
    const name = partitionName(topic, partition)
    const batches = this.partitions.get(name) ?? []
    this.partitions.set(name, batches)
    return batches
  }
}

/** The records of one batch, decoded. */
function recordsOf(topic: string, partition: number, bytes: Buffer): StoredRecord[] {
  const reader = new RecordBatchReader()
  const records: StoredRecord[] = []
  reader.reset(bytes)
  while (reader.next()) {
    const { body, offset, timestampMs } = reader
    const key = reader.keyStart < 0 ? null : body.subarray(reader.keyStart, reader.keyEnd)
    const value = reader.valueStart < 0 ? null : body.subarray(reader.valueStart, reader.valueEnd)
    records.push({ topic, partition, offset, timestampMs, key, value, headers: reader.headers() })
  }
  return records
}

export interface SessionOptions {
  /** The call, counted from 1, at which the program ends; before or after the call has its effect. */
  readonly killAt?: number
  readonly killAfterEffect?: boolean
  /** Called before each call is answered; on a virtual clock, so that time passes. */
  readonly delay?: () => Promise<void>
}

const never = <T>(): Promise<T> => new Promise(() => {})

export class ModelSession implements Transport {
  calls = 0
  /** Resolves when the program is ended. */
  readonly killed: Promise<void>
  private readonly log: ModelLog
  private readonly options: SessionOptions
  private readonly dying = Promise.withResolvers<void>()
  private dead = false
  private faults: (PlannedFault & { seen: number; left: number })[] = []

  constructor(log: ModelLog, options: SessionOptions) {
    this.log = log
    this.options = options
    this.killed = this.dying.promise
  }

  fail(fault: PlannedFault): void {
    this.faults.push({ ...fault, seen: 0, left: fault.times ?? 1 })
  }

  kill(): void {
    this.dead = true
    this.dying.resolve()
  }

  /** One call: `effect` changes the log, and happens or not when the program ends or a fault is planned. */
  async call<T>(operation: Operation, effect: () => T, topic?: string): Promise<T> {
    await this.options.delay?.()
    if (this.dead) return never()
    this.calls++
    this.log.operations.push(operation)
    if (this.calls === this.options.killAt) {
      if (this.options.killAfterEffect) ignoreErrors(effect)
      this.kill()
      return never()
    }
    const fault = this.drawFault(operation, topic)
    if (fault !== undefined && !fault.afterEffect) throw fault.error
    const result = effect()
    if (fault !== undefined) throw fault.error
    return result
  }

  ensureTopics(topics: readonly TopicToMake[]): Promise<void> {
    return this.call('ensureTopics', () => {
      for (const topic of topics) this.log.makeTopic(topic)
    })
  }

  partitionCount(topic: string): Promise<number> {
    return this.call('partitionCount', () => this.log.partitionCount(topic), topic)
  }

  createProducer(options: { readonly transactionalId: string }): TransactionalProducer {
    return new ModelProducer(this, this.log, options.transactionalId)
  }

  createConsumer(options: { readonly group?: string }): TransportConsumer {
    return new ModelConsumer(this, this.log, options.group)
  }

  endOffsets(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>> {
    return this.call('endOffsets', () => {
      const ends = partitions.map(({ topic, partition }) => {
        return [partitionName(topic, partition), this.log.endOffset(topic, partition)] as const
      })
      return new Map(ends)
    })
  }

  private drawFault(operation: Operation, topic: string | undefined): PlannedFault | undefined {
    for (const fault of this.faults) {
      const other = fault.topic !== undefined && fault.topic !== topic
      if (fault.operation !== operation || other || fault.left === 0) continue
      fault.seen++
      if (fault.seen < fault.nth) continue
      fault.left--
      return fault
    }
    return undefined
  }
}

function ignoreErrors(effect: () => unknown): void {
  try {
    effect()
  } catch {
    // The program is gone and does not learn of it.
  }
}

class ModelProducer implements TransactionalProducer {
  private readonly session: ModelSession
  private readonly log: ModelLog
  private readonly transactionalId: string
  private epoch = -1
  private open = false
  private sending: Promise<unknown>[] = []
  private failure: unknown

  constructor(session: ModelSession, log: ModelLog, transactionalId: string) {
    this.session = session
    this.log = log
    this.transactionalId = transactionalId
  }

  async init(): Promise<void> {
    this.epoch = await this.session.call('init', () => this.log.init(this.transactionalId))
  }

  begin(): void {
    if (this.open || this.epoch < 0) throw new MillraceError('MR_INVARIANT', 'begin out of turn')
    this.open = true
    this.failure = undefined
    this.sending = []
  }

  sendBatch(topic: string, partition: number, batch: RecordBatchBuilder): Promise<number> {
    const effect = (): number => this.log.appendBatch(topic, partition, batch, this.transaction())
    const sending = this.session.call('sendBatch', effect, topic)
    const watched = sending.catch((error) => {
      this.failure ??= error
    })
    this.sending.push(watched)
    return sending
  }

  async sendOffsets(group: GroupMetadata, offsets: readonly OffsetToCommit[]): Promise<void> {
    await this.session.call('sendOffsets', () => {
      const named = offsets.map(
        ({ topic, partition, offset }) => [partitionName(topic, partition), offset] as const,
      )
      this.transaction().offsets.set(group.group, new Map(named))
    })
  }

  async room(): Promise<void> {}

  async commit(): Promise<void> {
    await Promise.all(this.sending)
    if (this.failure !== undefined) throw this.failure
    await this.session.call('commit', () => this.end('committed'))
    this.open = false
  }

  async abort(): Promise<void> {
    await this.session.call('abort', () => this.end('aborted'))
    this.open = false
  }

  async close(): Promise<void> {
    if (this.open) await this.abort().catch(() => {})
  }

  private transaction(): Transaction {
    const producer = this.log.producer(this.transactionalId, this.epoch)
    producer.transaction ??= { state: 'open', partitions: new Set(), offsets: new Map() }
    return producer.transaction
  }

  private end(state: 'committed' | 'aborted'): void {
    const producer = this.log.producer(this.transactionalId, this.epoch)
    if (producer.transaction !== undefined) this.log.endTransaction(producer.transaction, state)
    producer.transaction = undefined
  }
}

class ModelConsumer implements TransportConsumer {
  private readonly session: ModelSession
  private readonly log: ModelLog
  private readonly group: string | undefined
  private readonly positions = new Map<string, TopicPartition & { offset: number }>()
  private subscribed: { readonly topics: readonly string[]; readonly listener: PartitionListener } | undefined
  private assigned = false

  constructor(session: ModelSession, log: ModelLog, group: string | undefined) {
    this.session = session
    this.log = log
    this.group = group
  }

  assign(positions: readonly (TopicPartition & { readonly offset: number | 'earliest' })[]): void {
    this.positions.clear()
    for (const { topic, partition, offset } of positions) {
      this.seek(topic, partition, offset === 'earliest' ? 0 : offset)
    }
  }

  async subscribe(topics: readonly string[], listener: PartitionListener): Promise<void> {
    this.subscribed = { topics, listener }
  }

  async poll(): Promise<readonly FetchedPartition[]> {
    await this.assignAll()
    return this.session.call('poll', () => {
      const fetched: FetchedPartition[] = []
      for (const position of this.positions.values()) {
        const answer = this.log.fetch(position.topic, position.partition, position.offset)
        if (answer.nextOffset === position.offset) continue
        position.offset = answer.nextOffset
        fetched.push(answer)
      }
      return fetched
    })
  }

  seek(topic: string, partition: number, offset: number): void {
    this.positions.set(partitionName(topic, partition), { topic, partition, offset })
  }

  position(topic: string, partition: number): number {
    return this.positions.get(partitionName(topic, partition))!.offset
  }

  assignment(): readonly TopicPartition[] {
    return [...this.positions.values()].map(({ topic, partition }) => ({ topic, partition }))
  }

  committed(
    partitions: readonly TopicPartition[],
  ): Promise<ReadonlyMap<string, { readonly offset: number }>> {
    return this.session.call('committed', () => {
      const offsets = this.log.groupOffsets(this.group ?? '')
      const found = partitions.flatMap(({ topic, partition }) => {
        const offset = offsets.get(partitionName(topic, partition))
        return offset === undefined ? [] : [[partitionName(topic, partition), { offset }] as const]
      })
      return new Map(found)
    })
  }

  commit(offsets: readonly OffsetToCommit[]): Promise<void> {
    const named = offsets.map(
      ({ topic, partition, offset }) => [partitionName(topic, partition), offset] as const,
    )
    return this.session.call('commitOffsets', () => this.log.commitOffsets(this.group ?? '', new Map(named)))
  }

  groupMetadata(): GroupMetadata {
    return { group: this.group ?? '', generation: 1, memberId: 'member', groupInstanceId: null }
  }

  async close(): Promise<void> {
    if (this.assigned) await this.subscribed?.listener.onRevoked(this.assignment())
  }

  private async assignAll(): Promise<void> {
    if (this.subscribed === undefined || this.assigned) return
    this.assigned = true
    const partitions = this.subscribed.topics.flatMap((topic) =>
      Array.from({ length: this.log.partitionCount(topic) }, (_, partition) => ({ topic, partition })),
    )
    const committed = this.log.groupOffsets(this.group ?? '')
    for (const { topic, partition } of partitions) {
      this.seek(topic, partition, committed.get(partitionName(topic, partition)) ?? 0)
    }
    await this.subscribed.listener.onAssigned(partitions)
  }
}
