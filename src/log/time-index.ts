/**
 * The time index of a segment: from a timestamp to an offset.
 *
 * Entries of 12 bytes: timestamp int64, offset int32 (from the segment's first). An entry says that no record up
 * to the offset is later than the timestamp; the offset is the last one of the batch that has that timestamp.
 * Both only grow from entry to entry.
 */
import { readInt32, readInt64, writeInt32, writeInt64 } from '../core/integer-fields.ts'
import type { Disk } from '../platform/disk.ts'
import { IndexFile } from './index-file.ts'

const ENTRY_BYTES = 12

export interface TimeEntry {
  readonly timestampMs: number
  readonly offset: number
}

export class TimeIndex {
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

  entry(number: number): TimeEntry {
    const at = number * ENTRY_BYTES
    return {
      timestampMs: readInt64(this.file.bytes, at),
      offset: this.baseOffset + readInt32(this.file.bytes, at + 8),
    }
  }

  last(): TimeEntry | undefined {
    return this.count === 0 ? undefined : this.entry(this.count - 1)
  }

  /** Adds an entry if its timestamp is later than that of the last one. */
  append(timestampMs: number, offset: number): void {
    const last = this.last()
    if (timestampMs <= (last?.timestampMs ?? -1)) return
    const at = this.file.add()
    writeInt64(this.file.bytes, at, timestampMs)
    writeInt32(this.file.bytes, at + 8, offset - this.baseOffset)
  }

  /** The last entry that is not later than `timestampMs`, or undefined. */
  floor(timestampMs: number): TimeEntry | undefined {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (readInt64(this.file.bytes, middle * ENTRY_BYTES) <= timestampMs) low = middle + 1
      else high = middle
    }
    return low === 0 ? undefined : this.entry(low - 1)
  }

  /** Why the entries cannot belong to a segment, or undefined. */
  fault(): string | undefined {
    let before: TimeEntry = { timestampMs: -1, offset: this.baseOffset - 1 }
    for (let number = 0; number < this.count; number++) {
      const entry = this.entry(number)
      if (entry.timestampMs <= before.timestampMs || entry.offset <= before.offset)
        return `entry ${number} is out of order`
      before = entry
    }
    return undefined
  }
}
