/**
 * The offset index of a segment: from an offset to a place in the file from which it is found.
 *
 * Entries of 8 bytes: offset int32 (from the segment's first), position int32. An entry stands for a batch: the
 * offset is its last one, the position is where it starts. There is one about every index.interval.bytes.
 */
import { readInt32, writeInt32 } from '../core/integer-fields.ts'
import type { Disk } from '../platform/disk.ts'
import { IndexFile } from './index-file.ts'

const ENTRY_BYTES = 8

export interface OffsetEntry {
  /** The last offset of a batch. */
  readonly offset: number
  /** Where the batch starts. */
  readonly position: number
}

export class OffsetIndex {
  readonly file: IndexFile
  private readonly baseOffset: number

  constructor(disk: Disk, path: string, baseOffset: number) {
    this.file = new IndexFile({ disk, path, entryBytes: ENTRY_BYTES })
    this.baseOffset = baseOffset
  }

  get count(): number {
    return this.file.count
  }

  get sizeBytes(): number {
    return this.file.count * ENTRY_BYTES
  }

  entry(number: number): OffsetEntry {
    const at = number * ENTRY_BYTES
    return {
      offset: this.baseOffset + readInt32(this.file.bytes, at),
      position: readInt32(this.file.bytes, at + 4),
    }
  }

  last(): OffsetEntry | undefined {
    return this.count === 0 ? undefined : this.entry(this.count - 1)
  }

  append(offset: number, position: number): void {
    const at = this.file.add()
    writeInt32(this.file.bytes, at, offset - this.baseOffset)
    writeInt32(this.file.bytes, at + 4, position)
  }

  /** The number of the last entry whose offset is not after `offset`, or -1. */
  floor(offset: number): number {
    const wanted = offset - this.baseOffset
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (readInt32(this.file.bytes, middle * ENTRY_BYTES) <= wanted) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** Why the entries cannot belong to a log of `logBytes`, or undefined. */
  fault(logBytes: number): string | undefined {
    let before: OffsetEntry = { offset: this.baseOffset - 1, position: -1 }
    for (let number = 0; number < this.count; number++) {
      const entry = this.entry(number)
      if (entry.offset <= before.offset || entry.position <= before.position)
        return `entry ${number} is out of order`
      if (entry.position >= logBytes) return `entry ${number} points behind the end of the log`
      before = entry
    }
    return undefined
  }
}
