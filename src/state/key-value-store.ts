/** Latest value per key, in memory. Changelog: key bytes → value bytes. */
import type { Serde } from '../core/serde.ts'
import { keyScratch, restoring, valueScratch } from './scratch.ts'
import {
  type ChangelogRecord,
  type ChangelogWriter,
  mapKeyOf,
  type StateStore,
  type StoreSpec,
} from './store.ts'

interface Entry<K, V> {
  readonly key: K
  /** undefined: deleted, kept until the changelog knows. */
  value: V | undefined
  timestampMs: number
  dirty: boolean
}

export class KeyValueStore<K, V> implements StateStore {
  readonly name: string
  private readonly keySerde: Serde<K>
  private readonly valueSerde: Serde<V>
  private readonly entries = new Map<string | number, Entry<K, V>>()
  private dirty: Entry<K, V>[] = []

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>) {
    this.name = name
    this.keySerde = keySerde
    this.valueSerde = valueSerde
  }

  get entryCount(): number {
    return this.entries.size
  }

  get(key: K): V | undefined {
    return this.entries.get(mapKeyOf(key))?.value
  }

  /** The value with its timestamp: a view that later changes of the key move. */
  held(key: K): { readonly value: V; readonly timestampMs: number } | undefined {
    const entry = this.entries.get(mapKeyOf(key))
    return entry?.value === undefined ? undefined : (entry as { value: V; timestampMs: number })
  }

  /** `undefined` deletes. A value that was changed in place must be put again. */
  put(key: K, value: V | undefined, timestampMs: number): void {
    const mapKey = mapKeyOf(key)
    let entry = this.entries.get(mapKey)
    if (entry === undefined) {
      if (value === undefined) return
      entry = { key, value, timestampMs, dirty: false }
      this.entries.set(mapKey, entry)
    }
    entry.value = value
    entry.timestampMs = timestampMs
    if (!entry.dirty) {
      entry.dirty = true
      this.dirty.push(entry)
    }
  }

  /** Every key with its value, in the order in which keys first came. */
  *all(): Generator<readonly [K, V]> {
    for (const entry of this.entries.values()) {
      if (entry.value !== undefined) yield [entry.key, entry.value]
    }
  }

  flush(changelog: ChangelogWriter): number {
    const changed = this.dirty
    this.dirty = []
    for (const entry of changed) {
      entry.dirty = false
      keyScratch.clear()
      this.keySerde.write(entry.key, keyScratch)
      if (entry.value === undefined) {
        this.entries.delete(mapKeyOf(entry.key))
        changelog.write(keyScratch, null, entry.timestampMs)
      } else {
        valueScratch.clear()
        this.valueSerde.write(entry.value, valueScratch)
        changelog.write(keyScratch, valueScratch, entry.timestampMs)
      }
    }
    return changed.length
  }

  restore(record: ChangelogRecord): void {
    restoring(this.name, record, 0, () => {
      const key = this.keySerde.read(record.body, record.keyStart, record.keyEnd)
      if (record.valueStart < 0) {
        this.entries.delete(mapKeyOf(key))
        return
      }
      const value = this.valueSerde.read(record.body, record.valueStart, record.valueEnd)
      this.entries.set(mapKeyOf(key), { key, value, timestampMs: record.timestampMs, dirty: false })
    })
  }
}

export function keyValueStore<K, V>(
  name: string,
  keySerde: Serde<K>,
  valueSerde: Serde<V>,
): StoreSpec<KeyValueStore<K, V>> {
  return { name, kind: 'key-value', create: () => new KeyValueStore(name, keySerde, valueSerde) }
}
