/**
 * The aborted transactions whose end lies in a segment.
 *
 * Entries of 34 bytes: version int16 = 0, producer id int64, first offset int64, last offset int64 (that of the
 * marker), last stable offset int64 (after the marker was written). In the order of their markers.
 */
import { readInt16, readInt64, writeInt16, writeInt64 } from '../core/integer-fields.ts'
import type { Disk } from '../platform/disk.ts'
import { IndexFile } from './index-file.ts'

export const ABORTED_ENTRY_BYTES = 34
const VERSION = 0

export interface AbortedEntry {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly lastStableOffset: number
}

export class TransactionIndex {
  readonly file: IndexFile

  constructor(disk: Disk, path: string) {
    this.file = new IndexFile({ disk, path, entryBytes: ABORTED_ENTRY_BYTES })
  }

  get count(): number {
    return this.file.count
  }

  entry(number: number): AbortedEntry {
    const { bytes } = this.file
    const at = number * ABORTED_ENTRY_BYTES
    return {
      producerId: readInt64(bytes, at + 2),
      firstOffset: readInt64(bytes, at + 10),
      lastOffset: readInt64(bytes, at + 18),
      lastStableOffset: readInt64(bytes, at + 26),
    }
  }

  *entries(): Generator<AbortedEntry> {
    for (let number = 0; number < this.count; number++) yield this.entry(number)
  }

  append(aborted: AbortedEntry): void {
    const at = this.file.add()
    const { bytes } = this.file
    writeInt16(bytes, at, VERSION)
    writeInt64(bytes, at + 2, aborted.producerId)
    writeInt64(bytes, at + 10, aborted.firstOffset)
    writeInt64(bytes, at + 18, aborted.lastOffset)
    writeInt64(bytes, at + 26, aborted.lastStableOffset)
  }

  /** Why the entries cannot belong to the segment that starts at `baseOffset`, or undefined. */
  fault(baseOffset: number): string | undefined {
    let before = baseOffset - 1
    for (let number = 0; number < this.count; number++) {
      const version = readInt16(this.file.bytes, number * ABORTED_ENTRY_BYTES)
      if (version !== VERSION) return `entry ${number} has version ${version}`
      const { producerId, firstOffset, lastOffset, lastStableOffset } = this.entry(number)
      if (producerId < 0 || firstOffset < 0 || firstOffset > lastOffset) return `entry ${number} is not sound`
      if (lastStableOffset < 0 || lastStableOffset > lastOffset + 1) return `entry ${number} is not sound`
      if (lastOffset <= before) return `entry ${number} is out of order`
      before = lastOffset
    }
    return undefined
  }
}
