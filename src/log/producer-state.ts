/**
 * The producers of a log: who may append next with which sequence, and whose transactions are open.
 *
 * An append is checked against copies (`ProducerAppend`), which take the place of the entries only once the
 * batches are in the file. Source of the rules: KIP-98 and KIP-890, as Kafka 4.3's broker applies them.
 *
 * Invariant: `ongoing` holds exactly the transactions whose producers have a first offset set, in the order of
 * these offsets, since a transaction always begins at the end of the log.
 */
import { invariant } from '../core/invariant.ts'
import type { ControlMarker } from '../protocol/record-batch/control-batch.ts'
import { sequenceAfter } from '../protocol/record-batch/sequence.ts'
import { logError } from './log-error.ts'
import type { ProducerSummary } from './log-types.ts'
import { type ProducerBatch, ProducerEntry } from './producer-entry.ts'
import type { AbortedEntry } from './transaction-index.ts'

/** A batch of a producer on its way into the log. */
export interface IncomingBatch {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
  readonly transactional: boolean
  readonly firstOffset: number
  readonly lastOffset: number
  readonly maxTimestampMs: number
}

export interface IncomingMarker extends ControlMarker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly offset: number
  readonly timestampMs: number
  /** 2: the epoch goes up with each transaction. */
  readonly transactionVersion: 1 | 2
}

/** Who appends: a client, the broker itself, or recovery, which reads what is in the log. */
export type AppendOrigin = 'client' | 'coordinator' | 'replay'

interface EndedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** Of the marker. */
  readonly lastOffset: number
}

export class ProducerState {
  private readonly entries = new Map<number, ProducerEntry>()
  /** First offset → producer, in the order of the offsets. */
  private readonly ongoing = new Map<number, number>()
  /** Ended by a marker that a power cut may take, in the order of the markers. */
  private unsynced: EndedTransaction[] = []

  get size(): number {
    return this.entries.size
  }

  get(producerId: number): ProducerEntry | undefined {
    return this.entries.get(producerId)
  }

  all(): IterableIterator<ProducerEntry> {
    return this.entries.values()
  }

  /** Puts an entry of a snapshot in. */
  load(entry: ProducerEntry): void {
    this.entries.set(entry.producerId, entry)
    if (entry.transactionFirstOffset < 0) return
    this.ongoing.set(entry.transactionFirstOffset, entry.producerId)
    const sorted = [...this.ongoing].sort((a, b) => a[0] - b[0])
    this.ongoing.clear()
    for (const [firstOffset, producerId] of sorted) this.ongoing.set(firstOffset, producerId)
  }

  clear(): void {
    this.entries.clear()
    this.ongoing.clear()
    this.unsynced = []
  }

  /** Takes over the entries of a finished append. @internal for ProducerAppend */
  replace(entry: ProducerEntry): void {
    const before = this.entries.get(entry.producerId)?.transactionFirstOffset ?? -1
    if (before !== entry.transactionFirstOffset) {
      if (before >= 0) this.ongoing.delete(before)
      if (entry.transactionFirstOffset >= 0) this.ongoing.set(entry.transactionFirstOffset, entry.producerId)
    }
    this.entries.set(entry.producerId, entry)
  }

  /** Remembers an ended transaction until its marker is on the disk. @internal for ProducerAppend */
  keepUnsynced(ended: EndedTransaction): void {
    this.unsynced.push(ended)
  }

  /** The first offset of the oldest open transaction, or `none`. */
  firstOngoingOffset(none: number): number {
    for (const firstOffset of this.ongoing.keys()) return firstOffset
    return none
  }

  /**
   * The first offset whose fate cannot be known from what lies before `endOffset`, or `endOffset`, which is the high
   * watermark or what is on the disk.
   */
  firstUnstableOffset(endOffset: number): number {
    let first = Math.min(this.firstOngoingOffset(endOffset), endOffset)
    for (let number = this.unsynced.length - 1; number >= 0; number--) {
      const ended = this.unsynced[number]!
      if (ended.lastOffset < endOffset) break
      first = Math.min(first, ended.firstOffset)
    }
    return first
  }

  /** Forgets ended transactions whose markers lie before `durableOffset`. */
  forgetSynced(durableOffset: number): void {
    const [first] = this.unsynced
    if (first === undefined || first.lastOffset >= durableOffset) return
    this.unsynced = this.unsynced.filter((ended) => ended.lastOffset >= durableOffset)
  }

  hasOngoingTransaction(producerId: number): boolean {
    return (this.entries.get(producerId)?.transactionFirstOffset ?? -1) >= 0
  }

  /** Forgets producers without an open transaction that were last seen before `seenBeforeMs`; returns how many. */
  expire(seenBeforeMs: number): number {
    let count = 0
    for (const entry of this.entries.values()) {
      if (entry.transactionFirstOffset >= 0 || entry.lastSeenMs >= seenBeforeMs) continue
      this.entries.delete(entry.producerId)
      count++
    }
    return count
  }

  summaries(): readonly ProducerSummary[] {
    return [...this.entries.values()].map((entry) => ({
      producerId: entry.producerId,
      producerEpoch: entry.producerEpoch,
      lastSequence: entry.lastSequence,
      lastTimestampMs: entry.lastTimestampMs,
      coordinatorEpoch: entry.coordinatorEpoch,
      currentTransactionFirstOffset: entry.transactionFirstOffset,
    }))
  }
}

/** One append, from its checks to the moment when it is in the file. */
export class ProducerAppend {
  private readonly state: ProducerState
  private readonly nowMs: number
  private readonly changed = new Map<number, ProducerEntry>()
  private ended: (EndedTransaction & { readonly aborted: boolean }) | undefined

  constructor(state: ProducerState, nowMs: number) {
    this.state = state
    this.nowMs = nowMs
  }

  /** The batch as it was appended before, if it is one of the producer's last. */
  duplicateOf(
    batch: Pick<IncomingBatch, 'producerId' | 'producerEpoch' | 'baseSequence' | 'recordCount'>,
  ): ProducerBatch | undefined {
    return this.state
      .get(batch.producerId)
      ?.findBatch(batch.producerEpoch, batch.baseSequence, batch.recordCount)
  }

  /**
   * Adds a batch. `client`: all rules are checked; `coordinator`: those of epoch and transaction, since its batches
   * have no sequences; `replay`: none, since the batch is in the log already.
   *
   * @throws MR_LOG_APPEND_REFUSED (INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_TXN_STATE)
   */
  add(batch: IncomingBatch, origin: AppendOrigin): void {
    const entry = this.entryOf(batch.producerId)
    if (origin !== 'replay') {
      checkEpoch(entry, batch.producerEpoch)
      if (origin === 'client') checkSequence(entry, batch)
      if (entry.transactionFirstOffset >= 0 && !batch.transactional) {
        throw refuse(
          'INVALID_TXN_STATE',
          `producer ${batch.producerId} writes outside of its open transaction`,
        )
      }
    }
    entry.addBatch(batch.producerEpoch, {
      lastSequence: sequenceAfter(batch.baseSequence, batch.recordCount - 1),
      lastOffset: batch.lastOffset,
      offsetDelta: batch.lastOffset - batch.firstOffset,
      timestampMs: batch.maxTimestampMs,
    })
    if (batch.transactional && entry.transactionFirstOffset < 0)
      entry.transactionFirstOffset = batch.firstOffset
  }

  /**
   * Adds the marker that ends a transaction; nothing is checked with `replay`.
   *
   * @throws MR_LOG_APPEND_REFUSED (INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED)
   */
  end(marker: IncomingMarker, origin: AppendOrigin): void {
    const entry = this.entryOf(marker.producerId)
    if (origin !== 'replay') checkMarker(entry, marker)
    if (entry.transactionFirstOffset >= 0) {
      invariant(this.ended === undefined, 'an append ends one transaction at most')
      this.ended = {
        producerId: marker.producerId,
        firstOffset: entry.transactionFirstOffset,
        lastOffset: marker.offset,
        aborted: marker.type === 'abort',
      }
    }
    entry.moveToEpoch(marker.producerEpoch)
    entry.coordinatorEpoch = marker.coordinatorEpoch
    entry.lastTimestampMs = marker.timestampMs
    entry.transactionFirstOffset = -1
  }

  /** Makes the changes hold. Returns what the index of aborted transactions must note, if anything. */
  commit(): AbortedEntry | undefined {
    for (const entry of this.changed.values()) this.state.replace(entry)
    const { ended } = this
    if (ended === undefined) return undefined
    this.state.keepUnsynced(ended)
    if (!ended.aborted) return undefined
    const { producerId, firstOffset, lastOffset } = ended
    const lastStableOffset = this.state.firstOngoingOffset(lastOffset + 1)
    return { producerId, firstOffset, lastOffset, lastStableOffset }
  }

  private entryOf(producerId: number): ProducerEntry {
    let entry = this.changed.get(producerId)
    if (entry === undefined) {
      entry = this.state.get(producerId)?.clone() ?? new ProducerEntry(producerId)
      entry.lastSeenMs = this.nowMs
      this.changed.set(producerId, entry)
    }
    return entry
  }
}

function refuse(
  kafkaName:
    | 'INVALID_PRODUCER_EPOCH'
    | 'OUT_OF_ORDER_SEQUENCE_NUMBER'
    | 'INVALID_TXN_STATE'
    | 'TRANSACTION_COORDINATOR_FENCED',
  message: string,
): Error {
  return logError('MR_LOG_APPEND_REFUSED', kafkaName, message)
}

function checkEpoch(entry: ProducerEntry, producerEpoch: number): void {
  if (producerEpoch >= entry.producerEpoch) return
  const message = `producer ${entry.producerId} has epoch ${entry.producerEpoch}, the batch has ${producerEpoch}`
  throw refuse('INVALID_PRODUCER_EPOCH', message)
}

function checkSequence(entry: ProducerEntry, batch: IncomingBatch): void {
  // A producer that is not known (any more) may go on with any sequence.
  if (entry.producerEpoch < 0) return
  const sameEpoch = batch.producerEpoch === entry.producerEpoch
  const expected = sameEpoch && entry.lastSequence >= 0 ? sequenceAfter(entry.lastSequence, 1) : 0
  if (batch.baseSequence === expected) return
  const message = `producer ${entry.producerId} sends sequence ${batch.baseSequence}, expected is ${expected}`
  throw refuse('OUT_OF_ORDER_SEQUENCE_NUMBER', message)
}

function checkMarker(entry: ProducerEntry, marker: IncomingMarker): void {
  const { producerId, producerEpoch, transactionVersion, coordinatorEpoch } = marker
  // With version 2 a marker has the epoch after that of the transaction; a repeated one has it already.
  const repeated = producerEpoch === entry.producerEpoch && entry.transactionFirstOffset < 0
  const stale =
    transactionVersion === 2 && !repeated
      ? producerEpoch <= entry.producerEpoch
      : producerEpoch < entry.producerEpoch
  if (stale) {
    const message = `producer ${producerId} has epoch ${entry.producerEpoch}, its marker has ${producerEpoch}`
    throw refuse('INVALID_PRODUCER_EPOCH', message)
  }
  if (coordinatorEpoch < entry.coordinatorEpoch) {
    const message = `a coordinator of epoch ${coordinatorEpoch} ends a transaction after one of epoch ${entry.coordinatorEpoch}`
    throw refuse('TRANSACTION_COORDINATOR_FENCED', message)
  }
}
