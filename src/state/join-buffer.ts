/**
 * One side of a stream-stream join: every record of the last while, by key and time, duplicates kept.
 *
 * Records leave by buckets of time, so that expiry costs nothing per record. Each knows whether it has met a partner.
 * Changelog: key bytes, timestamp as 8 bytes and a sequence number as 4 (the order of Kafka Streams' join
 * stores) → 1 byte (0 waits for a partner, 1 has met one, 2 was given out alone), value bytes.
 */
import { readInt64 } from '../core/integer-fields.ts'
import { invariant } from '../core/invariant.ts'
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

const BUCKETS_PER_RETENTION = 8

/** A record of one side. */
export interface JoinRecord<K, V> {
  readonly key: K
  readonly timestampMs: number
  readonly value: V
  readonly met: Met
}

/** `no`: it waits for a partner. `alone`: it was given out without one. */
export type Met = 'no' | 'yes' | 'alone'
const metStates: readonly Met[] = ['no', 'yes', 'alone']

interface Buffered<K, V> extends JoinRecord<K, V>, Tracked {
  readonly sequence: number
  met: Met
}

export class JoinBuffer<K, V> implements StateStore {
  readonly name: string
  private readonly keySerde: Serde<K>
  private readonly valueSerde: Serde<V>
  private readonly bucketMs: number
  private readonly byKey = new Map<string | number, Buffered<K, V>[]>()
  private readonly buckets = new Map<number, Buffered<K, V>[]>()
  private readonly changes: Changes<Buffered<K, V>>
  private count = 0
  private sequence = 0
  private newest = Number.NEGATIVE_INFINITY
  private oldestBucket = Number.POSITIVE_INFINITY

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>, retentionMs: number) {
    this.name = name
    this.keySerde = keySerde
    this.valueSerde = valueSerde
    this.changes = new Changes({
      key: ({ key, timestampMs, sequence }, into) => {
        keySerde.write(key, into)
        into.int64Number(timestampMs)
        into.uint32(sequence)
      },
      value: ({ met, value }, into) => {
        into.int8(metStates.indexOf(met))
        valueSerde.write(value, into)
      },
      timestampMs: ({ timestampMs }) => timestampMs,
    })
    this.bucketMs = Math.max(1, Math.ceil(retentionMs / BUCKETS_PER_RETENTION))
  }

  get entryCount(): number {
    return this.count
  }

  /** The largest timestamp ever added; -Infinity before the first. */
  get newestMs(): number {
    return this.newest
  }

  add(key: K, value: V, timestampMs: number, met: Met): JoinRecord<K, V> {
    this.sequence = (this.sequence + 1) >>> 0
    const { sequence } = this
    const record = { key, timestampMs, sequence, value, met, removed: false, persisted: false, dirty: false }
    this.changes.note(record)
    this.insert(record)
    return record
  }

  /** Notes what became of a record. */
  mark(record: JoinRecord<K, V>, met: Met): void {
    const buffered = record as Buffered<K, V>
    if (buffered.met === met) return
    buffered.met = met
    this.changes.note(buffered)
  }

  /** Calls `each` for the key's records from `fromMs` to `toMs`, both included, in the order of their time. */
  forEach(key: K, fromMs: number, toMs: number, each: (record: JoinRecord<K, V>) => void): void {
    const records = this.byKey.get(mapKeyOf(key))
    if (records === undefined) return
    for (const record of records) {
      if (record.timestampMs > toMs) break
      if (record.timestampMs >= fromMs) each(record)
    }
  }

  /** Every record. */
  *all(): Generator<JoinRecord<K, V>> {
    for (const records of this.byKey.values()) yield* records
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
        if (record.persisted) this.changes.note(record)
      }
    }
    this.oldestBucket = Number.POSITIVE_INFINITY
    for (const bucket of this.buckets.keys()) this.oldestBucket = Math.min(this.oldestBucket, bucket)
  }

  flush(changelog: ChangelogWriter): number {
    return this.changes.flush(changelog)
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
      const value = this.valueSerde.read(record.body, record.valueStart + 1, record.valueEnd)
      const met = metStates[record.body[record.valueStart] ?? -1]
      invariant(met !== undefined, 'the first byte of a join record says what became of it')
      this.sequence = Math.max(this.sequence, sequence)
      const held = { key, timestampMs, sequence, value, met, removed: false, persisted: true, dirty: false }
      this.insert(held)
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
    this.newest = Math.max(this.newest, record.timestampMs)
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
