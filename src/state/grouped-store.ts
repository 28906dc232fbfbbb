/**
 * Values by a group and a key within it, in memory: all of a group are found at once, in the order of their keys'
 * bytes.
 *
 * Changelog: length of the group's bytes as 4 bytes, group bytes, key bytes (the order of Kafka Streams' foreign-key
 * subscriptions) → value bytes.
 */
import type { Serde } from '../core/serde.ts'
import { keyScratch, restoring, valueScratch } from './scratch.ts'
import {
  type ChangelogRecord,
  type ChangelogWriter,
  mapKeyOf,
  type StateStore,
  type StoreSpec,
} from './store.ts'

export interface GroupedEntry<G, K, V> {
  readonly group: G
  readonly key: K
  /** undefined: deleted, kept until the changelog knows. */
  value: V | undefined
  timestampMs: number
  readonly keyBytes: Buffer
  dirty: boolean
}

export class GroupedStore<G, K, V> implements StateStore {
  readonly name: string
  private readonly groupSerde: Serde<G>
  private readonly keySerde: Serde<K>
  private readonly valueSerde: Serde<V>
  private readonly groups = new Map<string | number, Map<string | number, GroupedEntry<G, K, V>>>()
  private dirty: GroupedEntry<G, K, V>[] = []
  private count = 0

  constructor(name: string, groupSerde: Serde<G>, keySerde: Serde<K>, valueSerde: Serde<V>) {
    this.name = name
    this.groupSerde = groupSerde
    this.keySerde = keySerde
    this.valueSerde = valueSerde
  }

  get entryCount(): number {
    return this.count
  }

  get(group: G, key: K): V | undefined {
    return this.groups.get(mapKeyOf(group))?.get(mapKeyOf(key))?.value
  }

  /** The entries of a group, by the bytes of their keys. */
  group(group: G): readonly GroupedEntry<G, K, V>[] {
    return [...(this.groups.get(mapKeyOf(group))?.values() ?? [])]
      .filter(({ value }) => value !== undefined)
      .toSorted((a, b) => Buffer.compare(a.keyBytes, b.keyBytes))
  }

  /** `undefined` deletes. */
  put(group: G, key: K, value: V | undefined, timestampMs: number): void {
    const entry = this.entry(group, key, value !== undefined)
    if (entry === undefined) return
    this.count += Number(value !== undefined) - Number(entry.value !== undefined)
    entry.value = value
    entry.timestampMs = timestampMs
    if (entry.dirty) return
    entry.dirty = true
    this.dirty.push(entry)
  }

  flush(changelog: ChangelogWriter): number {
    const changed = this.dirty
    this.dirty = []
    for (const entry of changed) {
      entry.dirty = false
      valueScratch.clear()
      this.groupSerde.write(entry.group, valueScratch)
      keyScratch.clear()
      keyScratch.uint32(valueScratch.length)
      keyScratch.raw(valueScratch.copy())
      keyScratch.raw(entry.keyBytes)
      if (entry.value === undefined) {
        this.forget(entry)
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
    restoring(this.name, record, 4, () => {
      const groupEnd = record.keyStart + 4 + record.body.readUInt32BE(record.keyStart)
      const group = this.groupSerde.read(record.body, record.keyStart + 4, groupEnd)
      const key = this.keySerde.read(record.body, groupEnd, record.keyEnd)
      const entry = this.entry(group, key, record.valueStart >= 0)
      if (entry === undefined) return
      if (record.valueStart < 0) {
        this.count -= Number(entry.value !== undefined)
        this.forget(entry)
        return
      }
      const value = this.valueSerde.read(record.body, record.valueStart, record.valueEnd)
      this.count += Number(value !== undefined) - Number(entry.value !== undefined)
      entry.value = value
      entry.timestampMs = record.timestampMs
    })
  }

  private entry(group: G, key: K, make: boolean): GroupedEntry<G, K, V> | undefined {
    const groupKey = mapKeyOf(group)
    let entries = this.groups.get(groupKey)
    const held = entries?.get(mapKeyOf(key))
    if (held !== undefined || !make) return held
    keyScratch.clear()
    this.keySerde.write(key, keyScratch)
    const entry = { group, key, value: undefined, timestampMs: 0, keyBytes: keyScratch.copy(), dirty: false }
    if (entries === undefined) {
      entries = new Map()
      this.groups.set(groupKey, entries)
    }
    entries.set(mapKeyOf(key), entry)
    return entry
  }

  private forget(entry: GroupedEntry<G, K, V>): void {
    const entries = this.groups.get(mapKeyOf(entry.group))
    entries?.delete(mapKeyOf(entry.key))
    if (entries?.size === 0) this.groups.delete(mapKeyOf(entry.group))
  }
}

export function groupedStore<G, K, V>(
  name: string,
  groupSerde: Serde<G>,
  keySerde: Serde<K>,
  valueSerde: Serde<V>,
): StoreSpec<GroupedStore<G, K, V>> {
  const create = () => new GroupedStore(name, groupSerde, keySerde, valueSerde)
  return { name, kind: 'grouped', create }
}
