/**
 * One side of a stream-stream join: every record of the last while, by key and time, duplicates kept.
 *
 * Records leave by buckets of time, so that expiry costs nothing per record.
 * Changelog: key bytes, timestamp as 8 bytes and a sequence number as 4 (the order of Kafka Streams' join
 * stores) → value bytes.
 */
import type { Serde } from '../core/serde.ts'
import { keyScratch, readInt64, restoring, valueScratch } from './scratch.ts'
import {
  type ChangelogRecord,
  type ChangelogWriter,
  mapKeyOf,
  type StateStore,
  type StoreSpec,
} from './store.ts'

const BUCKETS_PER_RETENTION = 8

interface Buffered<K, V> {
  readonly key: K
  readonly timestampMs: number
  readonly sequence: number
  readonly value: V
  removed: boolean
  persisted: boolean
}

export class JoinBuffer<K, V> implements StateStore {
  readonly name: string
  private readonly keySerde: Serde<K>
  private readonly valueSerde: Serde<V>
  private readonly bucketMs: number
  private readonly byKey = new Map<string | number, Buffered<K, V>[]>()
  private readonly buckets = new Map<number, Buffered<K, V>[]>()
  private changes: Buffered<K, V>[] = []
  private count = 0
  private sequence = 0
  private oldestBucket = Number.POSITIVE_INFINITY

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>, retentionMs: number) {
    this.name = name
    this.keySerde = keySerde
    this.valueSerde = valueSerde
    this.bucketMs = Math.max(1, Math.ceil(retentionMs / BUCKETS_PER_RETENTION))
  }

  get entryCount(): number {
    return this.count
  }

  add(key: K, value: V, timestampMs: number): void {
    this.sequence = (this.sequence + 1) >>> 0
    const record = { key, timestampMs, sequence: this.sequence, value, removed: false, persisted: false }
    this.changes.push(record)
    this.insert(record)
  }

  /** Calls `each` for the key's records from `fromMs` to `toMs`, both included, in the order of their time. */
  forEach(key: K, fromMs: number, toMs: number, each: (value: V, timestampMs: number) => void): void {
    const records = this.byKey.get(mapKeyOf(key))
    if (records === undefined) return
    for (const record of records) {
      if (record.timestampMs > toMs) break
      if (record.timestampMs >= fromMs) each(record.value, record.timestampMs)
    }
  }

  /** The time up to which the oldest records could be dropped together; Infinity when there are none. */
  get oldestBucketEndMs(): number {
    return (this.oldestBucket + 1) * this.bucketMs
  }

  /** Drops records older than `horizonMs`, whole buckets at a time. */
  expire(horizonMs: number): void {
    for (const [bucket, records] of this.buckets) {
      if ((bucket + 1) * this.bucketMs > horizonMs) continue
      this.buckets.delete(bucket)
      for (const record of records) {
        if (record.removed) continue
        this.unlink(record)
        if (record.persisted) this.changes.push(record)
      }
    }
    this.oldestBucket = Number.POSITIVE_INFINITY
    for (const bucket of this.buckets.keys()) this.oldestBucket = Math.min(this.oldestBucket, bucket)
  }

  flush(changelog: ChangelogWriter): number {
    const changed = this.changes
    this.changes = []
    let written = 0
    for (const record of changed) {
      if (record.removed && !record.persisted) continue
      record.persisted = true
      written++
      keyScratch.clear()
      this.keySerde.write(record.key, keyScratch)
      keyScratch.int64Number(record.timestampMs)
      keyScratch.uint32(record.sequence)
      if (record.removed) {
        changelog.write(keyScratch, null, record.timestampMs)
      } else {
        valueScratch.clear()
        this.valueSerde.write(record.value, valueScratch)
        changelog.write(keyScratch, valueScratch, record.timestampMs)
      }
    }
    return written
  }

  restore(record: ChangelogRecord): void {
    restoring(this.name, record, 12, () => {
      const key = this.keySerde.read(record.body, record.keyStart, record.keyEnd - 12)
      const timestampMs = readInt64(record.body, record.keyEnd - 12)
      const sequence = record.body.readUInt32BE(record.keyEnd - 4)
      const same = (held: Buffered<K, V>): boolean =>
        held.sequence === sequence && held.timestampMs === timestampMs
      const before = this.byKey.get(mapKeyOf(key))?.find(same)
      if (before !== undefined) this.unlink(before)
      if (record.valueStart < 0) return
      const value = this.valueSerde.read(record.body, record.valueStart, record.valueEnd)
      this.sequence = Math.max(this.sequence, sequence)
      this.insert({ key, timestampMs, sequence, value, removed: false, persisted: true })
    })
  }

  private insert(record: Buffered<K, V>): void {
    const mapKey = mapKeyOf(record.key)
    const records = this.byKey.get(mapKey)
    if (records === undefined) this.byKey.set(mapKey, [record])
    else {
      let at = records.length
      while (at > 0 && records[at - 1]!.timestampMs > record.timestampMs) at--
      records.splice(at, 0, record)
    }
    const bucket = Math.floor(record.timestampMs / this.bucketMs)
    const bucketed = this.buckets.get(bucket)
    if (bucketed === undefined) {
      this.buckets.set(bucket, [record])
      this.oldestBucket = Math.min(this.oldestBucket, bucket)
    } else bucketed.push(record)
    this.count++
  }

  private unlink(record: Buffered<K, V>): void {
    record.removed = true
    this.count--
    const mapKey = mapKeyOf(record.key)
    const records = this.byKey.get(mapKey)
    if (records === undefined) return
    if (records.length === 1) this.byKey.delete(mapKey)
    else records.splice(records.indexOf(record), 1)
  }
}

export function joinBuffer<K, V>(
  name: string,
  keySerde: Serde<K>,
  valueSerde: Serde<V>,
  retentionMs: number,
): StoreSpec<JoinBuffer<K, V>> {
  return { name, kind: 'join-buffer', create: () => new JoinBuffer(name, keySerde, valueSerde, retentionMs) }
}
