/** What a log knows of one idempotent producer: its epoch, its last batches, its transaction. */
import { sequenceAfter } from '../protocol/record-batch/sequence.ts'

/** So many batches of a producer are known again when they come a second time (KIP-98). */
export const PRODUCER_BATCHES_MAX = 5
const TWO_TO_31 = 2 ** 31

/** A batch that was appended. */
export interface ProducerBatch {
  readonly lastSequence: number
  readonly lastOffset: number
  /** Records of the batch less one. */
  readonly offsetDelta: number
  readonly timestampMs: number
}

export const firstOffsetOf = (batch: ProducerBatch): number => batch.lastOffset - batch.offsetDelta

export function firstSequenceOf(batch: ProducerBatch): number {
  const first = batch.lastSequence - batch.offsetDelta
  return first >= 0 ? first : first + TWO_TO_31
}

export class ProducerEntry {
  readonly producerId: number
  producerEpoch = -1
  /** The epoch of the coordinator that last ended a transaction; -1 before the first. */
  coordinatorEpoch = -1
  /** The newest timestamp of its last batch, or of its last marker. */
  lastTimestampMs = -1
  /** When the broker's clock last saw it; it expires from there. */
  lastSeenMs = 0
  /** The first offset of the transaction that is open, or -1. */
  transactionFirstOffset = -1
  /** The last batches of this epoch, oldest first. */
  batches: readonly ProducerBatch[] = []

  constructor(producerId: number) {
    this.producerId = producerId
  }

  clone(): ProducerEntry {
    const copy = new ProducerEntry(this.producerId)
    copy.producerEpoch = this.producerEpoch
    copy.coordinatorEpoch = this.coordinatorEpoch
    copy.lastTimestampMs = this.lastTimestampMs
    copy.lastSeenMs = this.lastSeenMs
    copy.transactionFirstOffset = this.transactionFirstOffset
    copy.batches = this.batches
    return copy
  }

  /** The sequence of its last record in this epoch, or -1. */
  get lastSequence(): number {
    return this.batches.at(-1)?.lastSequence ?? -1
  }

  /** The offset of its last record in this epoch, or -1. */
  get lastOffset(): number {
    return this.batches.at(-1)?.lastOffset ?? -1
  }

  /** The batch with exactly these records, if it is one of the last. */
  findBatch(producerEpoch: number, baseSequence: number, recordCount: number): ProducerBatch | undefined {
    if (producerEpoch !== this.producerEpoch) return undefined
    const lastSequence = sequenceAfter(baseSequence, recordCount - 1)
    return this.batches.find(
      (batch) => batch.lastSequence === lastSequence && firstSequenceOf(batch) === baseSequence,
    )
  }

  /** A new epoch starts with no batches. */
  moveToEpoch(producerEpoch: number): void {
    if (producerEpoch === this.producerEpoch) return
    this.producerEpoch = producerEpoch
    this.batches = []
  }

  addBatch(producerEpoch: number, batch: ProducerBatch): void {
    this.moveToEpoch(producerEpoch)
    this.batches = [...this.batches.slice(1 - PRODUCER_BATCHES_MAX), batch]
    this.lastTimestampMs = batch.timestampMs
  }
}
