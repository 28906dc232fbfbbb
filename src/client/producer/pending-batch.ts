/** A batch between the moment it was handed over and its acknowledgement. */
import { invariant } from '../../core/invariant.ts'
import type { RecordBatchBuilder, SealOptions } from '../../protocol/record-batch/record-batch-builder.ts'
import type { Receipt } from './receipt.ts'

/** A producer id with its epoch. A new object is a new identity: compared by reference. */
export interface ProducerEpoch {
  readonly producerId: number
  readonly epoch: number
}

/** A batch that waits for the numbers of its producer: one that was built, or one that stood in another log. */
export interface BatchToSend extends Readonly<Pick<RecordBatchBuilder, 'recordCount' | 'sizeBytes'>> {
  /** May be called again with other numbers. The memory belongs to the caller. */
  seal(options: SealOptions): Buffer
}

export interface PendingBatchOptions {
  readonly serial: number
  readonly builder: BatchToSend
  readonly receipt: Receipt
  readonly createdMs: number
  readonly deadlineMs: number
  /** More records are added as long as it was not sent. */
  readonly open: boolean
}

export class PendingBatch {
  /** Goes up with every batch of the producer: the order in which they were handed over. */
  readonly serial: number
  readonly builder: BatchToSend
  readonly receipt: Receipt
  readonly createdMs: number
  readonly deadlineMs: number
  open: boolean
  /** Bytes that count against the memory budget. */
  countedBytes = 0
  epoch: ProducerEpoch | undefined
  /** -1 until the batch is sent by an idempotent producer. */
  baseSequence = -1
  attempts = 0
  /** An attempt ended without an answer, so the batch may have been written. */
  unsure = false
  private bytes: Buffer | undefined

  constructor(options: PendingBatchOptions) {
    this.serial = options.serial
    this.builder = options.builder
    this.receipt = options.receipt
    this.createdMs = options.createdMs
    this.deadlineMs = options.deadlineMs
    this.open = options.open
  }

  get recordCount(): number {
    return this.builder.recordCount
  }

  get sizeBytes(): number {
    return this.bytes?.length ?? this.builder.sizeBytes
  }

  /** Gives it its numbers. Only a batch that was surely not written may get other ones. */
  number(epoch: ProducerEpoch, baseSequence: number): void {
    invariant(this.baseSequence < 0, 'a batch is numbered once')
    this.epoch = epoch
    this.baseSequence = baseSequence
    this.bytes = undefined
  }

  unnumber(): void {
    this.epoch = undefined
    this.baseSequence = -1
    this.bytes = undefined
  }

  /** The bytes to send: the same ones each time, as long as the numbers are. */
  seal(transactional: boolean): Buffer {
    this.open = false
    this.bytes ??= this.builder.seal(
      this.epoch === undefined
        ? {}
        : {
            producerId: this.epoch.producerId,
            producerEpoch: this.epoch.epoch,
            baseSequence: this.baseSequence,
            transactional,
          },
    )
    return this.bytes
  }
}
