/**
 * What a log must know of an idempotent producer, computed from what was appended and nothing else: which batch it
 * must take next, which it has, which it must refuse (KIP-98, KIP-890 as Kafka's broker applies them).
 */
import { sequenceAfter } from '../../../src/protocol/record-batch/sequence.ts'

const BATCHES_KNOWN = 5

export interface SentBatch {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly count: number
  readonly transactional: boolean
}

interface KnownBatch {
  readonly baseSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
}

export type Expectation =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'duplicate'; readonly baseOffset: number; readonly newest: boolean }
  | { readonly kind: 'refused'; readonly why: 'epoch' | 'sequence' | 'transaction' | 'coordinator' }

const accepted: Expectation = { kind: 'accepted' }

export class ProducerModel {
  epoch = -1
  coordinatorEpoch = -1
  /** The first offset of its open transaction, or -1. */
  openFrom = -1
  private batches: KnownBatch[] = []

  get lastSequence(): number {
    return this.batches.at(-1)?.lastSequence ?? -1
  }

  /** What must come of a batch that is sent now. */
  expectation(batch: SentBatch): Expectation {
    const lastSequence = sequenceAfter(batch.baseSequence, batch.count - 1)
    if (batch.producerEpoch === this.epoch) {
      const known = this.batches.find(
        (other) => other.baseSequence === batch.baseSequence && other.lastSequence === lastSequence,
      )
      if (known !== undefined) {
        return { kind: 'duplicate', baseOffset: known.baseOffset, newest: known === this.batches.at(-1) }
      }
    }
    if (batch.producerEpoch < this.epoch) return { kind: 'refused', why: 'epoch' }
    if (this.epoch >= 0) {
      const goesOn = batch.producerEpoch === this.epoch && this.batches.length > 0
      const next = goesOn ? sequenceAfter(this.lastSequence, 1) : 0
      if (batch.baseSequence !== next) return { kind: 'refused', why: 'sequence' }
    }
    if (this.openFrom >= 0 && !batch.transactional) return { kind: 'refused', why: 'transaction' }
    return accepted
  }

  markerExpectation(marker: {
    readonly producerEpoch: number
    readonly coordinatorEpoch: number
    readonly transactionVersion: 1 | 2
  }): Expectation {
    const repeated = marker.producerEpoch === this.epoch && this.openFrom < 0
    const tooOld =
      marker.transactionVersion === 2 && !repeated
        ? marker.producerEpoch <= this.epoch
        : marker.producerEpoch < this.epoch
    if (tooOld) return { kind: 'refused', why: 'epoch' }
    if (marker.coordinatorEpoch < this.coordinatorEpoch) return { kind: 'refused', why: 'coordinator' }
    return accepted
  }

  append(batch: SentBatch, baseOffset: number): void {
    this.moveToEpoch(batch.producerEpoch)
    const { baseSequence, count } = batch
    const lastSequence = sequenceAfter(baseSequence, count - 1)
    this.batches = [...this.batches.slice(1 - BATCHES_KNOWN), { baseSequence, lastSequence, baseOffset }]
    if (batch.transactional && this.openFrom < 0) this.openFrom = baseOffset
  }

  end(producerEpoch: number, coordinatorEpoch: number): void {
    this.moveToEpoch(producerEpoch)
    this.coordinatorEpoch = coordinatorEpoch
    this.openFrom = -1
  }

  private moveToEpoch(epoch: number): void {
    if (epoch === this.epoch) return
    this.epoch = epoch
    this.batches = []
  }
}
