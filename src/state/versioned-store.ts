/**
 * Every version of a key's value within a history, so that a record is joined with what was true at its time.
 *
 * A version holds from its timestamp until the next one of its key; `undefined` says that there was none. Rules of
 * Kafka Streams (RocksDBVersionedStore, KIP-889):
 * - The store's time is the largest timestamp that was put into it. A version older than that less the history is
 *   not taken.
 * - The latest version of a key never expires. The others do once no time within the history can see them, and a
 *   time before the history sees only what is still the latest.
 * Changelog: key bytes followed by the version's timestamp as 8 bytes → value bytes, empty for "none".
 */
import { readInt64 } from '../core/integer-fields.ts'
import type { Serde } from '../core/serde.ts'
import { keyScratch, restoring, valueScratch } from './scratch.ts'
import {
  type ChangelogRecord,
  type ChangelogWriter,
  mapKeyOf,
  type StateStore,
  type StoreSpec,
} from './store.ts'

interface Version<V> {
  readonly fromMs: number
  value: V | undefined
}

/** What became of a version that was put: it is not the latest of its key, or too old to be taken. */
export type Taken = 'latest' | 'earlier' | 'expired'

interface Change<K> {
  readonly key: K
  readonly fromMs: number
}

export class VersionedStore<K, V> implements StateStore {
  readonly name: string
  readonly historyMs: number
  private readonly keySerde: Serde<K>
  private readonly valueSerde: Serde<V>
  /** Versions of each key, oldest first. */
  private readonly byKey = new Map<string | number, { readonly key: K; readonly versions: Version<V>[] }>()
  private changes: Change<K>[] = []
  /** Deletions, about in the order of their time: once one is the last version of its key for long, the key goes. */
  private deletions: Change<K>[] = []
  private count = 0
  private observedMs = Number.NEGATIVE_INFINITY

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>, historyMs: number) {
    this.name = name
    this.keySerde = keySerde
    this.valueSerde = valueSerde
    this.historyMs = historyMs
  }

  get entryCount(): number {
    return this.count
  }

  /** The value that held at `asOfMs`, with the time from which it held. */
  asOf(key: K, asOfMs: number): { readonly value: V; readonly timestampMs: number } | undefined {
    const versions = this.byKey.get(mapKeyOf(key))?.versions
    if (versions === undefined) return undefined
    const last = versions.length - 1
    const forgotten = asOfMs < this.horizonMs
    for (let at = last; at >= (forgotten ? last : 0); at--) {
      const { fromMs, value } = versions[at]!
      if (fromMs <= asOfMs) return value === undefined ? undefined : { value, timestampMs: fromMs }
    }
    return undefined
  }

  /** The latest value. */
  latest(key: K): { readonly value: V; readonly timestampMs: number } | undefined {
    return this.asOf(key, Number.POSITIVE_INFINITY)
  }

  /** Every key of which a version is kept. */
  *keys(): Generator<K> {
    for (const { key } of this.byKey.values()) yield key
  }

  /** Adds a version, or replaces the one of the same time, and drops what left the history. */
  put(key: K, value: V | undefined, fromMs: number): Taken {
    if (fromMs < this.horizonMs) return 'expired'
    this.observedMs = Math.max(this.observedMs, fromMs)
    this.set(key, value, fromMs)
    this.changes.push({ key, fromMs })
    this.expire(key)
    this.forgetDeleted()
    return this.byKey.get(mapKeyOf(key))?.versions.at(-1)?.fromMs === fromMs ? 'latest' : 'earlier'
  }

  flush(changelog: ChangelogWriter): number {
    const changed = this.changes
    this.changes = []
    for (const { key, fromMs } of changed) {
      keyScratch.clear()
      this.keySerde.write(key, keyScratch)
      keyScratch.int64Number(fromMs)
      const version = this.byKey.get(mapKeyOf(key))?.versions.find((held) => held.fromMs === fromMs)
      valueScratch.clear()
      if (version?.value !== undefined) this.valueSerde.write(version.value, valueScratch)
      changelog.write(keyScratch, version === undefined ? null : valueScratch, fromMs)
    }
    return changed.length
  }

  restore(record: ChangelogRecord): void {
    restoring(this.name, record, 8, () => {
      const key = this.keySerde.read(record.body, record.keyStart, record.keyEnd - 8)
      const fromMs = readInt64(record.body, record.keyEnd - 8)
      if (record.valueStart < 0) this.drop(key, fromMs)
      else {
        const none = record.valueStart === record.valueEnd
        const value = none ? undefined : this.valueSerde.read(record.body, record.valueStart, record.valueEnd)
        this.set(key, value, fromMs)
      }
    })
  }

  private set(key: K, value: V | undefined, fromMs: number): void {
    const mapKey = mapKeyOf(key)
    let held = this.byKey.get(mapKey)
    if (held === undefined) {
      held = { key, versions: [] }
      this.byKey.set(mapKey, held)
    }
    const { versions } = held
    this.observedMs = Math.max(this.observedMs, fromMs)
    if (value === undefined) this.deletions.push({ key, fromMs })
    let at = versions.length
    while (at > 0 && versions[at - 1]!.fromMs > fromMs) at--
    if (at > 0 && versions[at - 1]!.fromMs === fromMs) {
      versions[at - 1]!.value = value
      return
    }
    versions.splice(at, 0, { fromMs, value })
    this.count++
  }

  private get horizonMs(): number {
    return this.observedMs - this.historyMs
  }

  /** Drops the versions before the one that held where the history begins. */
  private expire(key: K): void {
    const { horizonMs } = this
    const versions = this.byKey.get(mapKeyOf(key))?.versions
    if (versions === undefined) return
    while (versions.length > 1 && versions[1]!.fromMs <= horizonMs) {
      const dropped = versions.shift() as Version<V>
      this.count--
      this.changes.push({ key, fromMs: dropped.fromMs })
    }
  }

  private forgetDeleted(): void {
    let gone = 0
    for (const { key, fromMs } of this.deletions) {
      if (fromMs >= this.horizonMs) break
      gone++
      const versions = this.byKey.get(mapKeyOf(key))?.versions
      if (versions?.length !== 1 || versions[0]!.fromMs !== fromMs || versions[0]!.value !== undefined)
        continue
      this.drop(key, fromMs)
      this.changes.push({ key, fromMs })
    }
    if (gone > 0) this.deletions = this.deletions.slice(gone)
  }

  private drop(key: K, fromMs: number): void {
    const mapKey = mapKeyOf(key)
    const versions = this.byKey.get(mapKey)?.versions
    const at = versions?.findIndex((version) => version.fromMs === fromMs) ?? -1
    if (versions === undefined || at < 0) return
    versions.splice(at, 1)
    this.count--
    if (versions.length === 0) this.byKey.delete(mapKey)
  }
}

export function versionedStore<K, V>(
  name: string,
  keySerde: Serde<K>,
  valueSerde: Serde<V>,
  historyMs: number,
): StoreSpec<VersionedStore<K, V>> {
  return {
    name,
    kind: 'versioned',
    historyMs,
    create: () => new VersionedStore(name, keySerde, valueSerde, historyMs),
  }
}
