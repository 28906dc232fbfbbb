/** For the tests of this room: a log on a disk in memory, and batches to put into it. */
import { type LogFields, type Logger, silentLogger } from '../core/logger.ts'
import type { Headers } from '../core/record.ts'
import type { Disk } from '../platform/disk.ts'
import { joinPath } from '../platform/disk.ts'
import type { Platform } from '../platform/platform.ts'
import { SimulatedDisk } from '../platform/simulated/disk.ts'
import { simulatedRandom } from '../platform/simulated/random.ts'
import type { CompressionCodec } from '../protocol/compression/codec.ts'
import { forEachBatch } from '../protocol/record-batch/for-each-batch.ts'
import { RecordBatchBuilder, type SealOptions } from '../protocol/record-batch/record-batch-builder.ts'
import { RecordBatchReader } from '../protocol/record-batch/record-batch-reader.ts'
import { resolveLogConfig } from './log-config.ts'
import type { PartitionLogOptions, ReadOptions } from './log-types.ts'
import { PartitionLog } from './partition-log.ts'

/** The time at which tests run unless they say otherwise. */
export const NOW_MS = 1_700_000_000_000
export const FOLDER = '/data/clicks-0'

export interface TestRecord {
  readonly key?: string | null
  readonly value?: string | null
  readonly timestampMs?: number
  readonly headers?: Headers
}

/** One batch of records; a text stands for a record with that key and value. */
export function batchOf(
  records: readonly (string | TestRecord)[],
  options: SealOptions & { readonly compression?: CompressionCodec } = {},
): Buffer {
  const builder = new RecordBatchBuilder({ compression: options.compression ?? 'none', initialBytes: 1024 })
  for (const record of records) {
    const {
      key = null,
      value = null,
      timestampMs = NOW_MS,
      headers = [],
    } = typeof record === 'string' ? { key: record, value: record } : record
    builder.append(timestampMs, bytesOf(key), bytesOf(value), headers)
  }
  return builder.seal(options)
}

const bytesOf = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text))

export interface ReadRecord {
  readonly offset: number
  readonly key: string | null
  readonly value: string | null
  readonly timestampMs: number
  readonly producerId: number
  readonly control: boolean
}

/** All records of some batches. */
export function recordsOf(bytes: Buffer): ReadRecord[] {
  const reader = new RecordBatchReader()
  const records: ReadRecord[] = []
  forEachBatch(bytes, (start) => {
    reader.reset(bytes, start)
    while (reader.next()) {
      const { offset, timestampMs, producerId, body } = reader
      const text = (from: number, to: number): string | null =>
        from < 0 ? null : body.toString('utf8', from, to)
      const key = text(reader.keyStart, reader.keyEnd)
      const value = text(reader.valueStart, reader.valueEnd)
      records.push({ offset, key, value, timestampMs, producerId, control: reader.isControl })
    }
  })
  return records
}

/** The batches in some bytes, each with what its header says and its records. */
export function batchesOf(bytes: Buffer): {
  readonly batch: Pick<
    RecordBatchReader,
    'baseOffset' | 'lastOffset' | 'producerId' | 'isControl' | 'isTransactional'
  >
  readonly records: readonly ReadRecord[]
}[] {
  const found: ReturnType<typeof batchesOf> = []
  forEachBatch(bytes, (start, end) => {
    const reader = new RecordBatchReader()
    reader.reset(bytes, start)
    found.push({ batch: reader, records: recordsOf(bytes.subarray(start, end)) })
  })
  return found
}

/** Everything that a reader sees, read in steps of `maxBytes`. */
export function readAll(log: PartitionLog, options: Partial<ReadOptions> = {}): ReadRecord[] {
  const records: ReadRecord[] = []
  let fromOffset = options.fromOffset ?? log.logStartOffset
  const reader = new RecordBatchReader()
  for (;;) {
    const { bytes } = log.read({ maxBytes: 4096, ...options, fromOffset })
    if (bytes.length === 0) return records
    records.push(...recordsOf(bytes).filter(({ offset }) => offset >= fromOffset))
    forEachBatch(bytes, (start) => {
      reader.reset(bytes, start)
      fromOffset = reader.lastOffset + 1
    })
  }
}

/** What a client with read_committed makes of the log: it leaves out what the answers call aborted. */
export function readCommitted(log: PartitionLog, maxBytes = 500): ReadRecord[] {
  const rows: ReadRecord[] = []
  let fromOffset = log.logStartOffset
  for (;;) {
    const { bytes, abortedTransactions } = log.read({
      fromOffset,
      maxBytes,
      isolation: 'read_committed',
    })
    if (bytes.length === 0) return rows
    const waiting = [...abortedTransactions].sort((a, b) => a.firstOffset - b.firstOffset)
    const aborted = new Set<number>()
    for (const { batch, records } of batchesOf(bytes)) {
      while (waiting.length > 0 && waiting[0]!.firstOffset <= batch.lastOffset)
        aborted.add(waiting.shift()!.producerId)
      if (batch.isControl) aborted.delete(batch.producerId)
      else if (!(batch.isTransactional && aborted.has(batch.producerId))) {
        rows.push(...records.filter(({ offset }) => offset >= fromOffset))
      }
      fromOffset = batch.lastOffset + 1
    }
  }
}

/** A logger that keeps what it is told. */
export function keepingLogger(): Logger & {
  readonly lines: { readonly level: string; readonly fields: LogFields; readonly message: string }[]
} {
  const lines: { readonly level: string; readonly fields: LogFields; readonly message: string }[] = []
  const keep =
    (level: string) =>
    (fields: LogFields, message: string): void => {
      lines.push({ level, fields, message })
    }
  return { lines, debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') }
}

/** A platform with a given disk, whose clock stands and whose turns come at once. */
export function testPlatform(disk: Disk): Pick<Platform, 'clock' | 'disk' | 'random'> {
  return {
    disk,
    random: simulatedRandom('log'),
    clock: {
      nowMs: () => NOW_MS,
      monotonicMs: () => 0,
      after: () => ({ cancel: () => {} }),
      nextTurn: () => Promise.resolve(),
    },
  }
}

export interface TestLogOptions extends Partial<Omit<PartitionLogOptions, 'config'>> {
  readonly disk?: Disk
  /** Settings as texts, over segments of 10 kB. */
  readonly settings?: Readonly<Record<string, string>>
}

export function testLogOptions(options: TestLogOptions = {}): PartitionLogOptions {
  const { disk = new SimulatedDisk(), settings, ...rest } = options
  return {
    platform: testPlatform(disk),
    directory: FOLDER,
    topic: 'clicks',
    partition: 0,
    logger: silentLogger,
    config: resolveLogConfig({
      'internal.segment.bytes': '10000',
      'index.interval.bytes': '500',
      ...settings,
    }),
    ...rest,
  }
}

/** A log in memory with small segments. */
export function openTestLog(options: TestLogOptions = {}): PartitionLog {
  return PartitionLog.open(testLogOptions(options))
}

/** Appends records as one batch of a client. */
export function appendTo(
  log: PartitionLog,
  records: readonly (string | TestRecord)[],
  options: Parameters<typeof batchOf>[1] & { readonly nowMs?: number } = {},
): ReturnType<PartitionLog['append']> {
  return log.append(batchOf(records, options), { origin: 'client', nowMs: options.nowMs ?? NOW_MS })
}

/** The path of a file of the test log. */
export const inFolder = (name: string): string => joinPath(FOLDER, name)
