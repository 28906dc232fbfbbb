/**
 * What a store has to tell its changelog: each entry once between two flushes, as it is then.
 *
 * An entry that came and went in between is not told of at all; one that the changelog holds gets a tombstone.
 */
import type { ByteWriter } from '../core/byte-writer.ts'
import { keyScratch, valueScratch } from './scratch.ts'
import type { ChangelogWriter } from './store.ts'

/** What a store notes of an entry for this; a new one is neither. */
export interface Tracked {
  /** It waits for the next flush. */
  dirty: boolean
  /** The store does not hold it any more. */
  removed: boolean
  /** The changelog holds it, so that removing it needs a tombstone. */
  persisted: boolean
}

/** How an entry is written. */
export interface EntryFormat<E> {
  key(entry: E, into: ByteWriter): void
  value(entry: E, into: ByteWriter): void
  timestampMs(entry: E): number
}

export class Changes<E extends Tracked> {
  private readonly format: EntryFormat<E>
  private entries: E[] = []

  constructor(format: EntryFormat<E>) {
    this.format = format
  }

  /** Notes that an entry is new, was changed or removed. */
  note(entry: E): void {
    if (entry.dirty) return
    entry.dirty = true
    this.entries.push(entry)
  }

  /** Writes what was noted since the last flush; returns the number of changelog records. */
  flush(changelog: ChangelogWriter): number {
    const { entries, format } = this
    this.entries = []
    let written = 0
    for (const entry of entries) {
      entry.dirty = false
      if (entry.removed && !entry.persisted) continue
      entry.persisted = true
      written++
      keyScratch.clear()
      format.key(entry, keyScratch)
      if (!entry.removed) {
        valueScratch.clear()
        format.value(entry, valueScratch)
      }
      changelog.write(keyScratch, entry.removed ? null : valueScratch, format.timestampMs(entry))
    }
    return written
  }
}
