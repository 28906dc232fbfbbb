/**
 * Removes segments in two steps: their files are renamed at once and removed after a while, since other threads
 * may be reading them.
 */
import { messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { type Disk, directoryOf } from '../platform/disk.ts'
import { DELETED_SUFFIX, segmentSuffixes } from './file-names.ts'
import type { Segment } from './segment.ts'
import type { SegmentList } from './segment-list.ts'

export class SegmentRemoval {
  private readonly disk: Disk
  private readonly segments: SegmentList
  private readonly logger: Logger
  private renamed: { readonly path: string; readonly atMs: number }[] = []

  constructor(disk: Disk, segments: SegmentList, logger: Logger) {
    this.disk = disk
    this.segments = segments
    this.logger = logger
  }

  /** Takes segments out of the log. */
  take(segments: readonly Segment[], nowMs: number): void {
    // First what is noted of them: a noted segment that is not there counts as lost.
    this.segments.sums.forget(segments.map((segment) => segment.baseOffset))
    for (const segment of segments) {
      this.rename(segment, nowMs)
      this.segments.drop(segment)
    }
  }

  /** Renames the files of a segment that is still in the list. */
  rename(segment: Segment, nowMs: number): void {
    // The log last: indexes without a log would mean that it was lost.
    for (const suffix of [...segmentSuffixes].reverse()) {
      const path = segment.pathOf(suffix)
      if (!this.disk.exists(path)) continue
      const deleted = `${path}${DELETED_SUFFIX}`
      this.disk.rename(path, deleted)
      // A segment may have been made, and taken out, under this name before.
      this.renamed = this.renamed.filter((file) => file.path !== deleted)
      this.renamed.push({ path: deleted, atMs: nowMs })
    }
  }

  /** Removes the files of segments that were taken out `delayMs` ago or before; with 0 all of them. */
  removeFiles(nowMs: number, delayMs: number): void {
    const due = this.renamed.filter(({ atMs }) => delayMs === 0 || nowMs - atMs >= delayMs)
    this.renamed = this.renamed.filter((file) => !due.includes(file))
    if (due.length === 0) return
    // The new names first: a power cut must not bring back an index of a log that is gone.
    this.disk.syncDirectory(directoryOf(due[0]!.path))
    for (const { path } of due) {
      try {
        this.disk.remove(path)
      } catch (error) {
        // The next start removes it.
        this.logger.warn({ file: path }, `cannot remove a deleted file: ${messageOf(error)}`)
      }
    }
  }
}
