/**
 * State per window and key, in memory, ordered by window start so that closed windows are found at once.
 *
 * Changelog: key bytes followed by the window's start as 8 bytes (the order of Kafka Streams' window keys)
 * → state bytes.
 */
import { readInt64 } from '../core/integer-fields.ts'
import type { Serde } from '../core/serde.ts'
import { Changes, type Tracked } from './changes.ts'
import { restoring } from './scratch.ts'
import {
  type ChangelogRecord,
  type ChangelogWriter,
  mapKeyOf,
  type StateStore,
  type StoreSpec,
} from './store.ts'

/** One key's state in one window. `state` may be changed in place; `touch` must follow. */
export interface WindowEntry<K, S> extends Tracked {
  readonly key: K
  readonly startMs: number
  state: S
}

export class WindowStore<K, S> implements StateStore {
  readonly name: string
  private readonly keySerde: Serde<K>
  private readonly stateSerde: Serde<S>
  private readonly windows = new Map<number, Map<string | number, WindowEntry<K, S>>>()
  private readonly changes: Changes<WindowEntry<K, S>>
  private count = 0
  private lastStartMs = Number.NaN
  private lastWindow: Map<string | number, WindowEntry<K, S>> | undefined
  private firstStartMs = Number.POSITIVE_INFINITY

  constructor(name: string, keySerde: Serde<K>, stateSerde: Serde<S>) {
    this.name = name
    this.keySerde = keySerde
    this.stateSerde = stateSerde
    this.changes = new Changes({
      key: ({ key, startMs }, into) => {
        keySerde.write(key, into)
        into.int64Number(startMs)
      },
      value: ({ state }, into) => stateSerde.write(state, into),
      timestampMs: ({ startMs }) => startMs,
    })
  }

  get entryCount(): number {
    return this.count
  }

  /** The start of the oldest window held; Infinity when there is none. */
  get oldestStartMs(): number {
    return this.firstStartMs
  }

  find(startMs: number, key: K): WindowEntry<K, S> | undefined {
    if (startMs !== this.lastStartMs) {
      this.lastWindow = this.windows.get(startMs)
      this.lastStartMs = startMs
    }
    return this.lastWindow?.get(mapKeyOf(key))
  }

  /** Adds the state of a key that the window does not hold yet. */
  add(startMs: number, key: K, state: S): void {
    const entry: WindowEntry<K, S> = { key, startMs, state, dirty: false, removed: false, persisted: false }
    this.changes.note(entry)
    this.insert(entry)
  }

  /** Tells the store that the entry's state was changed. */
  touch(entry: WindowEntry<K, S>): void {
    this.changes.note(entry)
  }

  /** The keys of one window. */
  *window(startMs: number): Generator<WindowEntry<K, S>> {
    yield* this.windows.get(startMs)?.values() ?? []
  }

  /** Starts of the windows held, oldest first. */
  starts(): number[] {
    return [...this.windows.keys()].sort((a, b) => a - b)
  }

  /** Drops a window with all its keys. */
  removeWindow(startMs: number): void {
    const window = this.windows.get(startMs)
    if (window === undefined) return
    for (const entry of window.values()) {
      entry.removed = true
      this.touch(entry)
    }
    this.count -= window.size
    this.windows.delete(startMs)
    if (startMs === this.lastStartMs) this.lastStartMs = Number.NaN
    if (startMs === this.firstStartMs) {
      this.firstStartMs = Number.POSITIVE_INFINITY
      for (const start of this.windows.keys()) this.firstStartMs = Math.min(this.firstStartMs, start)
    }
  }

  flush(changelog: ChangelogWriter): number {
    return this.changes.flush(changelog)
  }

  restore(record: ChangelogRecord): void {
    restoring(this.name, record, 8, () => {
      const key = this.keySerde.read(record.body, record.keyStart, record.keyEnd - 8)
      const startMs = readInt64(record.body, record.keyEnd - 8)
      this.lastStartMs = Number.NaN
      const window = this.windows.get(startMs)
      const before = window?.get(mapKeyOf(key))
      if (record.valueStart < 0) {
        if (window === undefined || before === undefined) return
        window.delete(mapKeyOf(key))
        this.count--
        if (window.size === 0) this.removeWindow(startMs)
        return
      }
      const state = this.stateSerde.read(record.body, record.valueStart, record.valueEnd)
      if (before === undefined)
        this.insert({ key, startMs, state, dirty: false, removed: false, persisted: true })
      else before.state = state
    })
  }

  private insert(entry: WindowEntry<K, S>): void {
    let window = this.windows.get(entry.startMs)
    if (window === undefined) {
      window = new Map()
      this.windows.set(entry.startMs, window)
      if (entry.startMs < this.firstStartMs) this.firstStartMs = entry.startMs
      this.lastStartMs = Number.NaN
    }
    window.set(mapKeyOf(entry.key), entry)
    this.count++
  }
}

export function windowStore<K, S>(
  name: string,
  keySerde: Serde<K>,
  stateSerde: Serde<S>,
): StoreSpec<WindowStore<K, S>> {
  return { name, kind: 'window', create: () => new WindowStore(name, keySerde, stateSerde) }
}
