/**
 * The producer snapshots in a partition's folder: one at the start of each segment, one at the end of the log.
 *
 * That at the start of a segment is synced before the segment takes records: older segments, from which the states
 * would be computed, may be deleted or compacted at any time. That at the end is not: a torn one does not match its
 * checksum, and an older one is used instead.
 */
import type { Logger } from '../core/logger.ts'
import { type Disk, joinPath, readFile } from '../platform/disk.ts'
import { logFileName, SNAPSHOT_SUFFIX } from './file-names.ts'
import { decodeSnapshot, encodeSnapshot } from './producer-snapshot.ts'
import type { ProducerState } from './producer-state.ts'

export class Snapshots {
  private readonly disk: Disk
  private readonly directory: string
  private readonly logger: Logger
  private offsets: number[]

  constructor(disk: Disk, directory: string, logger: Logger, offsets: readonly number[]) {
    this.disk = disk
    this.directory = directory
    this.logger = logger
    this.offsets = [...offsets]
  }

  /** Writes the states as of `offset`; `durable`: they survive a power cut once the folder is synced. */
  take(state: ProducerState, offset: number, options: { readonly durable: boolean }): void {
    const path = this.pathOf(offset)
    const bytes = encodeSnapshot(state.all())
    const file = this.disk.open(path, 'create')
    try {
      file.truncate(0)
      file.write(bytes, 0, bytes.length, 0)
      if (options.durable) file.syncNow()
    } finally {
      file.close()
    }
    if (!this.offsets.includes(offset)) this.offsets = [...this.offsets, offset].sort((a, b) => a - b)
  }

  /** True when there is a snapshot as of `offset`. */
  has(offset: number): boolean {
    return this.offsets.includes(offset)
  }

  /** Loads the snapshot as of exactly `offset` into `state`, which is empty. Returns whether there is a usable one. */
  load(state: ProducerState, offset: number, nowMs: number): boolean {
    if (!this.offsets.includes(offset)) return false
    const entries = decodeSnapshot(readFile(this.disk, this.pathOf(offset)))
    if (typeof entries === 'string') {
      this.logger.warn({ file: this.pathOf(offset), why: entries }, 'drops a producer snapshot')
      this.remove(offset)
      return false
    }
    for (const entry of entries) {
      entry.lastSeenMs = nowMs
      state.load(entry)
    }
    return true
  }

  /** Removes snapshots that are neither at the start of a segment nor the newest. */
  keepOnly(baseOffsets: ReadonlySet<number>): void {
    const newest = this.offsets.at(-1)
    for (const offset of [...this.offsets]) {
      if (offset !== newest && !baseOffsets.has(offset)) this.remove(offset)
    }
  }

  /** Removes snapshots behind `offset`. */
  removeAfter(offset: number): void {
    for (const at of this.offsets.filter((other) => other > offset)) this.remove(at)
  }

  private remove(offset: number): void {
    this.offsets = this.offsets.filter((at) => at !== offset)
    const path = this.pathOf(offset)
    if (this.disk.exists(path)) this.disk.remove(path)
  }

  private pathOf(offset: number): string {
    return joinPath(this.directory, logFileName(offset, SNAPSHOT_SUFFIX))
  }
}
