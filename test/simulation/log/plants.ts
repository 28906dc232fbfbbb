/** Faults that are planted to see that the checker finds them: at least one per kind of anomaly. */
import { MillraceError } from '../../../src/core/errors.ts'
import type { LogDirectory } from '../../../src/log/log-directory.ts'
import { batchOf } from '../../../src/log/log-fixture.ts'
import type {
  AppendControlOptions,
  AppendOptions,
  AppendResult,
  ReadOptions,
  ReadResult,
} from '../../../src/log/log-types.ts'
import type { PartitionLog } from '../../../src/log/partition-log.ts'
import { readFile } from '../../../src/platform/disk.ts'
import type { SimulatedDisk } from '../../../src/platform/simulated/disk.ts'
import { forEachBatch } from '../../../src/protocol/record-batch/for-each-batch.ts'
import {
  attributesOf,
  baseOffsetOf,
  HEADER_BYTES,
  isControl,
  isTransactional,
  producerIdOf,
  setBaseOffset,
  writeCrc,
} from '../../../src/protocol/record-batch/layout.ts'
import type { AnomalyKind } from './anomaly.ts'

export interface Plant {
  /** Stands between the test and the log. */
  readonly wrap?: (log: PartitionLog) => PartitionLog
  readonly beforeOpen?: (disk: SimulatedDisk) => void
  readonly afterOpen?: (disk: SimulatedDisk) => void
  readonly clean?: (directory: LogDirectory, nowMs: number) => Promise<void>
}

export interface PlantedFault extends Plant {
  readonly name: string
  /** What the checker may call it: what it meets first depends on the seed. */
  readonly foundAs: readonly AnomalyKind[]
}

type Calls = {
  [N in keyof PartitionLog]?: PartitionLog[N] extends (...values: infer A) => infer R
    ? (log: PartitionLog, ...values: A) => R
    : (log: PartitionLog) => PartitionLog[N]
}

/** A log of which some calls do something else. Getters are replaced by functions of the log alone. */
function mutated(calls: Calls): (log: PartitionLog) => PartitionLog {
  return (log) =>
    new Proxy(log, {
      get(_, name) {
        const call = calls[name as keyof PartitionLog] as ((...values: unknown[]) => unknown) | undefined
        const own = Reflect.get(log, name, log) as unknown
        if (call === undefined) return typeof own === 'function' ? own.bind(log) : own
        return typeof own === 'function' ? (...values: unknown[]) => call(log, ...values) : call(log)
      },
    })
}

/** A log whose answers to reads are changed, each n-th of those that have more than one batch. */
function readsChanged(change: (result: ReadResult, log: PartitionLog) => ReadResult): Plant {
  let reads = 0
  return {
    wrap: mutated({
      read: (log, options: ReadOptions) => {
        const result = log.read(options)
        reads++
        return reads % 5 === 0 && result.bytes.length > 0 ? change(result, log) : result
      },
    }),
  }
}

function batches(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = []
  forEachBatch(bytes, (start, end) => void parts.push(Buffer.from(bytes.subarray(start, end))))
  return parts
}

const logFiles = (disk: SimulatedDisk): string[] =>
  disk.exists('/data')
    ? disk.list('/data').flatMap(({ name, directory }) => {
        if (!directory) return []
        const files = disk.list(`/data/${name}`).filter((file) => file.name.endsWith('.log'))
        return files.map((file) => `/data/${name}/${file.name}`)
      })
    : []

function overwrite(disk: SimulatedDisk, path: string, change: (bytes: Buffer) => Buffer): void {
  const bytes = change(readFile(disk, path))
  const file = disk.open(path, 'write')
  file.truncate(0)
  file.write(bytes, 0, bytes.length, 0)
  file.syncNow()
  file.close()
}

/** Cuts the last batch off the last segment of each partition, before the log sees it: with what was promised. */
function cutLastBatch(disk: SimulatedDisk): void {
  for (const path of lastSegments(disk)) {
    overwrite(disk, path, (bytes) => Buffer.concat(batches(bytes).slice(0, -1)))
  }
}

function lastSegments(disk: SimulatedDisk): string[] {
  const byFolder = Map.groupBy(logFiles(disk), (path) => path.slice(0, path.lastIndexOf('/')))
  return [...byFolder.values()].map((paths) => paths.at(-1)!)
}

let wrapped = 0

export const plantedFaults: readonly PlantedFault[] = [
  {
    name: 'a disk that says a file is synced and does not sync it',
    foundAs: ['lost-write', 'cut-too-much', 'false-alarm', 'lost-producer-state'],
    wrap: mutated({
      // The log says that everything is on the disk, while it may be in memory.
      flushed: () => Promise.resolve(),
      recoveryPoint: (log) => log.endOffset,
    }),
  },
  {
    name: 'a recovery that cuts a sound batch off',
    foundAs: ['cut-too-much', 'lost-write', 'false-alarm'],
    beforeOpen: cutLastBatch,
  },
  {
    name: 'a batch that is appended twice',
    foundAs: ['duplicate', 'phantom'],
    wrap: mutated({
      append: (log, bytes: Buffer, options: AppendOptions): AppendResult => {
        const again = Buffer.from(bytes)
        const result = log.append(bytes, options)
        wrapped++
        // What producers send with sequences a log knows again.
        if (wrapped % 20 === 0 && producerIdOf(again, 0) < 0) log.append(again, options)
        return result
      },
    }),
  },
  {
    name: 'offsets that move by one in an answer',
    foundAs: ['inconsistent-offsets', 'poll-skip', 'phantom'],
    ...readsChanged((result) => {
      const [first, ...rest] = batches(result.bytes)
      setBaseOffset(first!, 0, baseOffsetOf(first!, 0) + 1)
      return { ...result, bytes: Buffer.concat([first!, ...rest]) }
    }),
  },
  {
    name: 'a record that nobody wrote',
    foundAs: ['phantom', 'inconsistent-offsets'],
    ...readsChanged((result, log) => {
      const made = batchOf([{ key: 'k1', value: 'nobody' }], { baseOffset: log.endOffset })
      return { ...result, bytes: Buffer.concat([result.bytes, made]) }
    }),
  },
  {
    name: 'a bit of a record that changes on its way to the reader',
    foundAs: ['inconsistent-offsets'],
    ...readsChanged((result) => {
      const parts = batches(result.bytes)
      const plain = parts.find(
        (part) => (attributesOf(part, 0) & 7) === 0 && !isControl(attributesOf(part, 0)),
      )
      if (plain === undefined || plain.length < HEADER_BYTES + 30) return result
      plain[plain.length - 4]! ^= 1
      writeCrc(plain, 0, plain.length)
      return { ...result, bytes: Buffer.concat(parts) }
    }),
  },
  {
    name: 'aborted transactions that readers are not told of',
    foundAs: ['aborted-read'],
    wrap: mutated({
      read: (log, options: ReadOptions) => ({ ...log.read(options), abortedTransactions: [] }),
    }),
  },
  {
    name: 'committed transactions that readers are told to leave out',
    foundAs: ['torn-transaction'],
    wrap: mutated({
      read: (log, options: ReadOptions) => {
        const result = log.read(options)
        const firstOffset = options.fromOffset
        const told = log.producers().map(({ producerId }) => ({ producerId, firstOffset }))
        return { ...result, abortedTransactions: options.isolation === 'read_committed' ? told : [] }
      },
    }),
  },
  {
    name: 'a last stable offset behind open transactions',
    foundAs: ['wrong-bounds'],
    wrap: mutated({
      read: (log, options: ReadOptions) => {
        const result = log.read(options)
        return { ...result, lastStableOffset: result.highWatermark }
      },
    }),
  },
  {
    name: 'records of open transactions in the answer to read_committed',
    foundAs: ['uncommitted-read'],
    wrap: mutated({
      read: (log, options: ReadOptions) => {
        const result = log.read(options)
        const { bytes } = log.read({ ...options, isolation: 'read_uncommitted' })
        return { ...result, bytes }
      },
    }),
  },
  {
    name: 'an answer that begins again behind its end',
    foundAs: ['nonmonotonic-poll'],
    ...readsChanged((result) => ({ ...result, bytes: Buffer.concat([result.bytes, result.bytes]) })),
  },
  {
    name: 'an answer without its first batch',
    foundAs: ['poll-skip'],
    ...readsChanged((result) => {
      const parts = batches(result.bytes)
      return parts.length < 2 ? result : { ...result, bytes: Buffer.concat(parts.slice(1)) }
    }),
  },
  {
    name: 'a reader that never gets to the end',
    foundAs: ['poll-skip', 'lost-write'],
    wrap: mutated({
      read: (log, options: ReadOptions) => {
        const result = log.read(options)
        return options.fromOffset > 30 ? { ...result, bytes: Buffer.alloc(0) } : result
      },
    }),
  },
  {
    name: 'transactions that a reader of everything is told are aborted',
    foundAs: ['unseen'],
    wrap: mutated({
      read: (log, options: ReadOptions) => {
        const result = log.read(options)
        if (options.isolation === 'read_committed') return result
        const abortedTransactions = batches(result.bytes)
          .filter((batch) => isTransactional(attributesOf(batch, 0)))
          .map((batch) => ({ producerId: producerIdOf(batch, 0), firstOffset: baseOffsetOf(batch, 0) }))
        return { ...result, abortedTransactions }
      },
    }),
  },
  {
    name: 'producers that are forgotten at a restart',
    foundAs: ['lost-producer-state', 'duplicate', 'lost-fence'],
    wrap: (log) => {
      log.expireProducers(Number.MAX_SAFE_INTEGER, 0)
      return log
    },
  },
  {
    name: 'producers that are forgotten while the log works',
    foundAs: ['lost-producer-state', 'duplicate', 'lost-fence'],
    wrap: mutated({
      append: (log, bytes: Buffer, options: AppendOptions): AppendResult => {
        wrapped++
        if (wrapped % 40 === 0) log.expireProducers(Number.MAX_SAFE_INTEGER, 0)
        return log.append(bytes, options)
      },
    }),
  },
  {
    name: 'epochs that are not held against the producer',
    foundAs: ['lost-fence', 'duplicate'],
    wrap: mutated({
      appendControl: (log, options: AppendControlOptions) => {
        return log.appendControl({ ...options, coordinatorEpoch: 1000 })
      },
    }),
  },
  {
    name: 'deleted records that come back with a restart',
    foundAs: ['resurrected-records', 'lost-producer-state', 'false-alarm'],
    beforeOpen: (disk) => {
      if (disk.exists('/data/log-start-offset-checkpoint')) disk.remove('/data/log-start-offset-checkpoint')
    },
  },
  {
    name: 'a retention that takes what it must keep',
    foundAs: ['early-deletion'],
    clean: (directory, nowMs) => directory.clean(nowMs + 3 * 86_400_000),
  },
  {
    name: 'deletions that take one record too many',
    foundAs: ['early-deletion'],
    wrap: mutated({
      deleteRecordsBefore: (log, offset: number) => {
        return log.deleteRecordsBefore(offset < 0 ? offset : Math.min(offset + 1, log.highWatermark))
      },
    }),
  },
  {
    name: 'an index that points between batches',
    foundAs: ['index-misfit'],
    afterOpen: (disk) => {
      for (const log of logFiles(disk)) {
        const path = log.replace(/\.log$/, '.index')
        if (disk.exists(path) && disk.stat(path).sizeBytes > 0) disk.flipBit(path, 56)
      }
    },
  },
  {
    name: 'a lookup by time that finds the next record',
    foundAs: ['wrong-time-lookup'],
    wrap: mutated({
      offsetForTimestamp: (log, timestampMs: number) => log.offsetForTimestamp(timestampMs + 2),
    }),
  },
  {
    name: 'a log that says that it is damaged',
    foundAs: ['false-alarm'],
    wrap: mutated({ fault: () => new MillraceError('MR_LOG_CORRUPT', 'damaged') }),
  },
  {
    name: 'an error without a name',
    foundAs: ['broken'],
    wrap: mutated({
      append: (log, bytes: Buffer, options: AppendOptions): AppendResult => {
        wrapped++
        if (wrapped % 10 === 0) throw new TypeError('x is not a function')
        return log.append(bytes, options)
      },
    }),
  },
  {
    name: 'a log that refuses appends though its disk is in order',
    foundAs: ['wedged'],
    wrap: mutated({
      append: (log, bytes: Buffer, options: AppendOptions): AppendResult => {
        wrapped++
        if (wrapped % 10 === 0) throw new MillraceError('MR_LOG_READ_ONLY', 'no')
        return log.append(bytes, options)
      },
    }),
  },
]
