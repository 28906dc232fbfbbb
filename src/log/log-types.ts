/** What goes into a partition's log and what comes out: options and results of `PartitionLog`. */
import type { MillraceError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Platform } from '../platform/platform.ts'
import type { ControlType } from '../protocol/record-batch/control-batch.ts'
import type { LogConfig } from './log-config.ts'
import type { StorageTrouble } from './storage-trouble.ts'

export interface PartitionLogOptions {
  readonly platform: Pick<Platform, 'clock' | 'disk' | 'random'>
  /** The folder of the partition: `<data directory>/<topic>-<partition>`. It is made when missing. */
  readonly directory: string
  readonly topic: string
  readonly partition: number
  readonly config: LogConfig
  readonly logger: Logger
  /** The epoch that new batches get; 0 if not given. */
  readonly leaderEpoch?: number
  /** The folder was closed by `close` and not written since: files need no check of every batch. */
  readonly cleanShutdown?: boolean
  /** Everything before this offset was synced; from here on batches are checked at an unclean start. */
  readonly recoveryPoint?: number
  /** The first offset that readers may see, when records were deleted up to it. */
  readonly logStartOffset?: number
  /** Everything before this offset was compacted. */
  readonly cleanedOffset?: number
  /** Tells when the disk refuses appends; shared by the logs of a directory. One of its own if not given. */
  readonly trouble?: StorageTrouble
  /** Called before the first offset moves on: what was deleted must not come back with a later start. */
  readonly onLogStartMoved?: (logStartOffset: number) => void
}

export interface AppendOptions {
  /** `client`: every rule is checked. `coordinator`: the broker's own batches, whose producer states are trusted. */
  readonly origin: 'client' | 'coordinator'
  readonly nowMs: number
}

export interface AppendControlOptions {
  readonly type: ControlType
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
  readonly nowMs: number
  /** 2 where the producer's epoch goes up with each transaction (KIP-890); 1 if not given. */
  readonly transactionVersion?: 1 | 2
}

export interface AppendResult {
  /** The offset of the first record: that of the first time, when the batch came before. */
  readonly baseOffset: number
  readonly lastOffset: number
  /** When the topic stamps records with the time of the append; else -1. */
  readonly logAppendTimeMs: number
  readonly logStartOffset: number
  /** The batch was in the log already, and nothing was written. */
  readonly duplicate: boolean
  /** What is acknowledged must wait for `flushed(lastOffset)` first: the topic's `flush` setting asks for it. */
  readonly waitForFlush: boolean
}

export type IsolationLevel = 'read_uncommitted' | 'read_committed'

export interface ReadOptions {
  readonly fromOffset: number
  readonly maxBytes: number
  /** `read_uncommitted` if not given. */
  readonly isolation?: IsolationLevel
  /** Give the first batch whole even if it is larger than `maxBytes`; true if not given. */
  readonly minOneBatch?: boolean
  /** Where to read into: a buffer of that size, of any content. New memory if not given. */
  readonly allocate?: (sizeBytes: number) => Buffer
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface ReadResult {
  /** Whole batches, the first of which holds `fromOffset`; empty at the end. */
  readonly bytes: Buffer
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  /** With `read_committed`: the transactions whose records in `bytes` must be left out. Else empty. */
  readonly abortedTransactions: readonly AbortedTransaction[]
}

export interface TimestampOffset {
  readonly offset: number
  readonly timestampMs: number
  readonly leaderEpoch: number
}

export interface EpochEnd {
  /** -1 when the log has no such epoch. */
  readonly leaderEpoch: number
  readonly endOffset: number
}

/** A producer as DescribeProducers shows it. */
export interface ProducerSummary {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastTimestampMs: number
  readonly coordinatorEpoch: number
  /** The first offset of its transaction, or -1. */
  readonly currentTransactionFirstOffset: number
}

export interface CleanResult {
  readonly deletedSegments: number
  readonly deletedBytes: number
  /** Undefined when nothing was compacted. */
  readonly compaction: CompactionResult | undefined
}

export interface CompactionResult {
  readonly bytesBefore: number
  readonly bytesAfter: number
  readonly recordsBefore: number
  readonly recordsAfter: number
  /** Everything before this offset is compacted now. */
  readonly cleanedOffset: number
}

/** Why a partition takes no records any more. */
export type LogFault = MillraceError
