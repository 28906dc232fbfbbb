/**
 * The names of a partition's files, as Kafka gives them: the segment's first offset with 20 digits, a suffix for
 * what is in it, and for a while a second suffix for what is being done with it.
 */

/** The files of a segment. */
export const segmentSuffixes = ['.log', '.index', '.timeindex', '.txnindex'] as const
export type SegmentSuffix = (typeof segmentSuffixes)[number]

export const SNAPSHOT_SUFFIX = '.snapshot'
/** To be removed. */
export const DELETED_SUFFIX = '.deleted'
/** Being written by compaction, not complete. */
export const CLEANED_SUFFIX = '.cleaned'
/** Written by compaction, complete, about to take the place of others. */
export const SWAP_SUFFIX = '.swap'

export const LEADER_EPOCH_FILE = 'leader-epoch-checkpoint'
export const PARTITION_METADATA_FILE = 'partition.metadata'

export interface LogFileName {
  readonly baseOffset: number
  readonly suffix: SegmentSuffix | typeof SNAPSHOT_SUFFIX
  readonly stage: '' | typeof DELETED_SUFFIX | typeof CLEANED_SUFFIX | typeof SWAP_SUFFIX
}

const pattern = /^(\d{20})(\.log|\.index|\.timeindex|\.txnindex|\.snapshot)(\.deleted|\.cleaned|\.swap)?$/

/** What a file name says, or undefined for a file that is none of the log's segments or snapshots. */
export function parseLogFileName(name: string): LogFileName | undefined {
  const match = pattern.exec(name)
  if (match === null) return undefined
  const baseOffset = Number(match[1])
  if (!Number.isSafeInteger(baseOffset)) return undefined
  return {
    baseOffset,
    suffix: match[2] as LogFileName['suffix'],
    stage: (match[3] ?? '') as LogFileName['stage'],
  }
}

/** `00000000000000000042.log` */
export function logFileName(baseOffset: number, suffix: LogFileName['suffix']): string {
  return `${String(baseOffset).padStart(20, '0')}${suffix}`
}

/** The folder of a partition: `clicks-3`. */
export function partitionFolder(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

/** Topic and partition of a folder, or undefined for a folder that is none of a partition. */
export function parsePartitionFolder(
  name: string,
): { readonly topic: string; readonly partition: number } | undefined {
  const match = /^(.+)-(\d{1,10})$/.exec(name)
  if (match === null) return undefined
  const partition = Number(match[2])
  if (partition > 0x7fffffff || String(partition) !== match[2]) return undefined
  return { topic: match[1]!, partition }
}
