/**
 * What a coordinator keeps in a partition of its internal topic: records with keys, of which the last one counts.
 *
 * `append` writes one batch before the coordinator's memory changes; `replay` hands every record back at start,
 * in the order of the log, with the marks that end transactions.
 */

import type { AppendResult } from '../log/log-types.ts'
import type { Clock } from '../platform/clock.ts'
import { readControlMarker } from '../protocol/record-batch/control-batch.ts'
import { forEachBatch } from '../protocol/record-batch/for-each-batch.ts'
import { RecordBatchBuilder } from '../protocol/record-batch/record-batch-builder.ts'
import { RecordBatchReader } from '../protocol/record-batch/record-batch-reader.ts'
import type { Partition } from './topics/partition.ts'

export interface CoordinatorRecord {
  readonly key: Buffer
  /** Null takes the key away. */
  readonly value: Buffer | null
}

export interface ReplayedRecord extends CoordinatorRecord {
  readonly offset: number
  /** Of a record that is part of a transaction; else -1. */
  readonly transactionProducerId: number
}

export interface ReplayVisitor {
  record(record: ReplayedRecord): void
  marker(marker: { readonly producerId: number; readonly commit: boolean }): void
}

const REPLAY_BYTES = 1 << 20

export class CoordinatorLog {
  readonly partition: Partition
  private readonly clock: Clock

  constructor(partition: Partition, clock: Clock) {
    this.partition = partition
    this.clock = clock
  }

  /**
   * Writes records as one batch, as part of a producer's transaction if one is given.
   *
   * @throws what `PartitionLog.append` throws; nothing is written then
   */
  append(
    records: readonly CoordinatorRecord[],
    producer?: { readonly id: number; readonly epoch: number },
  ): AppendResult {
    const nowMs = this.clock.nowMs()
    const builder = new RecordBatchBuilder({ initialBytes: 512 })
    for (const { key, value } of records) builder.append(nowMs, key, value)
    const bytes = builder.seal(
      producer === undefined
        ? {}
        : { producerId: producer.id, producerEpoch: producer.epoch, transactional: true },
    )
    return this.partition.append(bytes, 'coordinator')
  }

  /** Resolves when what was appended is as safe as the topic's `flush` setting asks; undefined when it is now. */
  settled(result: AppendResult): Promise<void> | undefined {
    return result.waitForFlush ? this.partition.log.flushed(result.lastOffset) : undefined
  }

  /** Reads everything; a log with damage is left alone, since its coordinator does not serve. */
  replay(visitor: ReplayVisitor): void {
    const { log } = this.partition
    if (log.fault !== undefined) return
    const reader = new RecordBatchReader({ decompressedBytesMax: Number.MAX_SAFE_INTEGER })
    let offset = log.logStartOffset
    while (offset < log.endOffset) {
      const { bytes } = log.read({ fromOffset: offset, maxBytes: REPLAY_BYTES })
      if (bytes.length === 0) return
      forEachBatch(bytes, (start) => {
        reader.reset(bytes, start)
        offset = reader.lastOffset + 1
        if (reader.isControl) replayMarker(bytes, start, reader.producerId, visitor)
        else replayRecords(reader, visitor)
      })
    }
  }
}

function replayMarker(bytes: Buffer, start: number, producerId: number, visitor: ReplayVisitor): void {
  const marker = readControlMarker(bytes, start)
  if (marker !== undefined) visitor.marker({ producerId, commit: marker.type === 'commit' })
}

function replayRecords(reader: RecordBatchReader, visitor: ReplayVisitor): void {
  const transactionProducerId = reader.isTransactional ? reader.producerId : -1
  while (reader.next()) {
    if (reader.keyStart < 0) continue
    // Copies: what is kept must not hold on to the whole chunk that was read.
    visitor.record({
      key: Buffer.from(reader.body.subarray(reader.keyStart, reader.keyEnd)),
      value:
        reader.valueStart < 0 ? null : Buffer.from(reader.body.subarray(reader.valueStart, reader.valueEnd)),
      offset: reader.offset,
      transactionProducerId,
    })
  }
}
