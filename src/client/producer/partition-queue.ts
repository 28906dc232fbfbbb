/**
 * The batches of one partition, and the sequence numbers by which the broker tells whether one is missing or was
 * seen before (KIP-98, KIP-360).
 *
 * 1. Batches are sent in the order in which they came, several at a time over one connection. A batch gets its
 *    sequence when it is sent first, and keeps it when it is sent again.
 * 2. When one has to be sent again, nothing more is sent until all that are under way are answered. Then those that
 *    failed go to the front in their old order. So the order of a partition survives any failure.
 * 3. A batch that is given up leaves a gap. If the broker refused it, or it was never under way, those behind it
 *    cannot have been written: they get new sequences from the gap on. If nobody knows whether it was written, those
 *    behind it are sent once more as they are. A broker that has it takes them; one that has not answers
 *    OUT_OF_ORDER_SEQUENCE_NUMBER, which proves that they were not written either, and a new epoch begins at 0.
 * 4. A new epoch is taken on when nothing is under way, so no two epochs are ever mixed.
 * 5. A broker that knows nothing of a producer takes any first sequence from it, so two batches under way could change
 *    places. Until one was acknowledged, and again after a long rest, only one is under way.
 *
 * Never: give other numbers to a batch that may have been written.
 */
import { invariant } from '../../core/invariant.ts'
import { sequenceAfter } from '../../protocol/record-batch/sequence.ts'
import type { NegotiatedConnection } from '../connection/negotiated.ts'
import type { PendingBatch, ProducerEpoch } from './pending-batch.ts'

const NONE = -1
/** Brokers forget a producer after a day without a batch (producer.id.expiration.ms). */
const REMEMBERED_MS = 3_600_000

export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  /** Whether the open transaction knows of the partition. */
  added = false
  /** Nothing is sent before this time: the pause after a failure. */
  notBeforeMs = 0
  /** Bytes of the last batch that was sent: how large the next builder is made. */
  lastSizeBytes = 0
  private readonly waiting: PendingBatch[] = []
  private readonly inFlight: PendingBatch[] = []
  /** Failed, to be sent again when nothing is in flight. */
  private readonly again: PendingBatch[] = []
  /** Over which the batches in flight went. */
  private connection: NegotiatedConnection | undefined
  private epoch: ProducerEpoch | undefined
  private nextSequence = 0
  /** The producer id that the broker knows from a batch of ours, and when it last got one. */
  private knownProducerId = NONE
  private knownMs = 0
  /** Where a batch is missing that was surely not written, or NONE. */
  private gapAt = NONE
  /** A batch was given up of which nobody knows whether it was written. */
  private unsureGap = false
  /** The broker has lost our sequence: only a new epoch helps. */
  private broken = false

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0 && this.inFlight.length === 0 && this.again.length === 0
  }

  /** Under which identity its sequences run. */
  get currentEpoch(): ProducerEpoch | undefined {
    return this.epoch
  }

  /** The next batch to be sent. */
  get head(): PendingBatch | undefined {
    return this.waiting[0]
  }

  /** The batch that takes more records. */
  get openBatch(): PendingBatch | undefined {
    const last = this.waiting.at(-1)
    return last?.open ? last : undefined
  }

  /** Sequences can only go on in a new epoch. */
  get needsEpoch(): boolean {
    return this.inFlight.length === 0 && (this.broken || this.unsureGap)
  }

  push(batch: PendingBatch): void {
    const last = this.waiting.at(-1)
    if (last !== undefined) last.open = false
    this.waiting.push(batch)
  }

  /** Whether the head may go out over `connection` now. */
  maySend(connection: NegotiatedConnection, inFlightMax: number, nowMs: number): boolean {
    if (this.waiting.length === 0 || this.again.length > 0 || this.needsEpoch) return false
    if (this.inFlight.length === 0) return true
    if (this.gapAt !== NONE || this.unsureGap || !this.isKnown(nowMs)) return false
    return this.inFlight.length < inFlightMax && this.connection === connection
  }

  /** Takes the head for sending; it gets a sequence of `epoch` unless it has one. */
  take(connection: NegotiatedConnection, epoch: ProducerEpoch | undefined): PendingBatch {
    const batch = this.waiting.shift()
    invariant(batch !== undefined, 'a batch is taken from a queue that has one')
    if (epoch !== undefined && batch.baseSequence < 0) {
      if (this.epoch !== epoch && this.inFlight.length === 0) {
        this.epoch = epoch
        this.nextSequence = 0
      }
      invariant(this.epoch !== undefined, 'a queue with batches in flight has an epoch')
      batch.number(this.epoch, this.nextSequence)
      this.nextSequence = sequenceAfter(this.nextSequence, batch.recordCount)
    }
    batch.attempts++
    this.connection = connection
    this.inFlight.push(batch)
    this.lastSizeBytes = batch.builder.sizeBytes
    return batch
  }

  acknowledge(batch: PendingBatch, nowMs: number): void {
    this.land(batch)
    this.knownProducerId = batch.epoch?.producerId ?? NONE
    this.knownMs = nowMs
    this.settle()
  }

  /** It goes out again, with the same sequence. */
  retry(batch: PendingBatch): void {
    this.land(batch)
    this.again.push(batch)
    this.settle()
  }

  /** The broker says that batches before this one are missing. It goes out again, in a new epoch if need be. */
  outOfOrder(batch: PendingBatch): void {
    this.land(batch)
    const first = ![...this.inFlight, ...this.again].some(({ serial }) => serial < batch.serial)
    if (first && this.gapAt === NONE) this.broken = true
    this.again.push(batch)
    this.settle()
  }

  /** Gives a batch in flight up. */
  drop(batch: PendingBatch): void {
    this.land(batch)
    this.leaveGap(batch)
    this.settle()
  }

  /** Gives up batches that wait: all, or those that `which` picks. Returns them. */
  dropWaiting(which: (batch: PendingBatch) => boolean = () => true): PendingBatch[] {
    const dropped: PendingBatch[] = []
    for (const list of [this.again, this.waiting]) {
      const kept: PendingBatch[] = []
      for (const batch of list) (which(batch) ? dropped : kept).push(batch)
      if (kept.length === list.length) continue
      list.splice(0, list.length, ...kept)
    }
    for (const batch of dropped) this.leaveGap(batch)
    this.settle()
    return dropped
  }

  /** Closes the batch that takes records, so that it is sent without waiting for more. */
  closeOpen(): void {
    const open = this.openBatch
    if (open !== undefined) open.open = false
  }

  /** The next batch starts a new epoch. */
  restart(): void {
    invariant(this.inFlight.length === 0, 'an epoch ends when nothing is in flight')
    this.epoch = undefined
    this.nextSequence = 0
    this.broken = false
    this.unsureGap = false
    this.gapAt = NONE
    for (const batch of this.waiting) if (batch.baseSequence >= 0) batch.unnumber()
  }

  /** Whether the broker can tell that a batch of the present producer is missing. */
  private isKnown(nowMs: number): boolean {
    return this.knownProducerId === this.epoch?.producerId && nowMs - this.knownMs < REMEMBERED_MS
  }

  private land(batch: PendingBatch): void {
    const index = this.inFlight.indexOf(batch)
    invariant(index >= 0, 'only a batch in flight is answered')
    this.inFlight.splice(index, 1)
  }

  private leaveGap(batch: PendingBatch): void {
    const { baseSequence, unsure } = batch
    if (baseSequence < 0) return
    const behindGap = this.gapAt !== NONE && isBefore(this.gapAt, baseSequence)
    if (behindGap) return
    if (unsure) this.unsureGap = true
    else this.gapAt = baseSequence
  }

  /** Once nothing is in flight: what failed goes to the front, with its sequences or, behind a gap, without. */
  private settle(): void {
    if (this.inFlight.length > 0) return
    const { again, waiting } = this
    again.sort((a, b) => a.serial - b.serial)
    waiting.unshift(...again.splice(0))
    if (this.broken) return
    const hasNumbered = (waiting[0]?.baseSequence ?? NONE) !== NONE
    // The answer to the next batch tells what became of the one that nobody knows about.
    if (this.unsureGap && hasNumbered) this.unsureGap = false
    else if (this.gapAt !== NONE && !this.unsureGap) {
      for (const batch of waiting) if (batch.baseSequence !== NONE) batch.unnumber()
      this.nextSequence = this.gapAt
    }
    this.gapAt = NONE
  }
}

/** Sequences have 31 bits and wrap. */
function isBefore(a: number, b: number): boolean {
  return ((a - b) << 1) >> 1 < 0
}
