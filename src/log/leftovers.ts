/**
 * Puts a partition's folder in order before its log is opened: what an earlier run left unfinished is undone or
 * finished.
 *
 * - `.deleted` and `.cleaned` files, and drafts (`.tmp`), go.
 * - A `.swap` log is the whole result of a compaction: the segments that it stands for go, then it takes their
 *   place.
 * - An index without its log means that a log file is missing: that is reported, not passed over.
 */
import type { Logger } from '../core/logger.ts'
import { type Disk, joinPath } from '../platform/disk.ts'
import { lastOffsetOf } from '../protocol/record-batch/layout.ts'
import { scanBatches } from './batch-scan.ts'
import {
  CLEANED_SUFFIX,
  DELETED_SUFFIX,
  type LogFileName,
  logFileName,
  parseLogFileName,
  SNAPSHOT_SUFFIX,
  SWAP_SUFFIX,
  segmentSuffixes,
} from './file-names.ts'

const DRAFT_SUFFIX = '.tmp'

export interface FolderFiles {
  /** First offsets of the segments, in order. */
  readonly baseOffsets: readonly number[]
  /** Offsets of the producer snapshots, in order. */
  readonly snapshots: readonly number[]
  /** Paths of log files that must have been there, since their indexes are. */
  readonly missing: readonly string[]
}

type Named = LogFileName & { readonly name: string }

export function tidyFolder(disk: Disk, directory: string, logger: Logger): FolderFiles {
  finishDeletions(disk, directory)
  for (const { name } of disk.list(directory)) {
    if (parseLogFileName(name)?.stage !== CLEANED_SUFFIX && !name.endsWith(DRAFT_SUFFIX)) continue
    disk.remove(joinPath(directory, name))
  }
  for (const { baseOffset } of named(disk, directory).filter(isSwapLog))
    finishSwap(disk, directory, baseOffset, logger)
  return present(disk, directory)
}

/** A deleted log takes its indexes with it; it goes last, so that indexes without a log always mean a loss. */
function finishDeletions(disk: Disk, directory: string): void {
  const files = named(disk, directory)
  const logs = new Set(
    files
      .filter(({ stage, suffix }) => stage === '' && suffix === '.log')
      .map(({ baseOffset }) => baseOffset),
  )
  const deletedLogs = files.filter(({ stage, suffix }) => stage === DELETED_SUFFIX && suffix === '.log')
  const gone = new Set(
    deletedLogs.map(({ baseOffset }) => baseOffset).filter((baseOffset) => !logs.has(baseOffset)),
  )
  for (const { name, stage, suffix, baseOffset } of files) {
    const deleted = stage === DELETED_SUFFIX && suffix !== '.log'
    const orphan = stage === '' && suffix !== SNAPSHOT_SUFFIX && gone.has(baseOffset)
    if (deleted || orphan) disk.remove(joinPath(directory, name))
  }
  if (deletedLogs.length === 0) return
  disk.syncDirectory(directory)
  for (const { name } of deletedLogs) disk.remove(joinPath(directory, name))
}

function named(disk: Disk, directory: string): Named[] {
  return disk.list(directory).flatMap(({ name, directory: isDirectory }) => {
    const parsed = isDirectory ? undefined : parseLogFileName(name)
    return parsed === undefined ? [] : [{ ...parsed, name }]
  })
}

const isSwapLog = (file: LogFileName): boolean => file.stage === SWAP_SUFFIX && file.suffix === '.log'

function finishSwap(disk: Disk, directory: string, baseOffset: number, logger: Logger): void {
  const path = joinPath(directory, `${logFileName(baseOffset, '.log')}${SWAP_SUFFIX}`)
  // Without records it stands for the first of its segments: the others hold nothing but what may go later.
  const lastOffset = Math.max(baseOffset, lastOffsetIn(disk, path))
  for (const file of named(disk, directory)) {
    const replaced = file.stage === '' && file.baseOffset >= baseOffset && file.baseOffset <= lastOffset
    if (replaced && file.suffix !== SNAPSHOT_SUFFIX) disk.remove(joinPath(directory, file.name))
  }
  disk.syncDirectory(directory)
  // The log last: until it has its name, the next start does all of this again.
  for (const suffix of [...segmentSuffixes].reverse()) {
    const name = logFileName(baseOffset, suffix)
    const from = joinPath(directory, `${name}${SWAP_SUFFIX}`)
    if (disk.exists(from)) disk.rename(from, joinPath(directory, name))
  }
  disk.syncDirectory(directory)
  logger.info({ file: path }, 'finished a compaction that was cut short')
}

function lastOffsetIn(disk: Disk, path: string): number {
  const file = disk.open(path, 'read')
  try {
    let lastOffset = -1
    scanBatches(file, 0, file.size(), ({ bytes, start }) => {
      lastOffset = lastOffsetOf(bytes, start)
      return true
    })
    return lastOffset
  } finally {
    file.close()
  }
}

function present(disk: Disk, directory: string): FolderFiles {
  const files = named(disk, directory)
  // Indexes of a swap whose log has its name already, or never got that far.
  for (const file of files) if (file.stage !== '') disk.remove(joinPath(directory, file.name))
  const settled = files.filter((file) => file.stage === '')
  const offsetsOf = (suffix: LogFileName['suffix']): number[] =>
    settled.filter((file) => file.suffix === suffix).map((file) => file.baseOffset)
  const baseOffsets = offsetsOf('.log')
  const logs = new Set(baseOffsets)
  const missing: string[] = []
  for (const file of settled) {
    if (file.suffix === SNAPSHOT_SUFFIX || logs.has(file.baseOffset)) continue
    const path = joinPath(directory, file.name)
    if (disk.stat(path).sizeBytes === 0) disk.remove(path)
    else missing.push(joinPath(directory, logFileName(file.baseOffset, '.log')))
  }
  return { baseOffsets, snapshots: offsetsOf(SNAPSHOT_SUFFIX), missing: [...new Set(missing)] }
}
