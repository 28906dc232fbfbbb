/**
 * Records that wait for something outside the pipeline, in memory, in the order in which they came.
 *
 * A record that comes and goes between two commits never reaches the changelog; what waits at a commit does, so that
 * the position of its input may move on without it.
 *
 * Changelog: the record's sequence number as 8 bytes →
 * ```
 * version int8 = 1 | flags int8 | attempts int32 | timestamp int64 | stream time int64
 * | error name, error message | key | value | origin: topic, partition int32, offset int64, timestamp int64, key, value,
 *   header count int32, per header name and value
 * ```
 * Texts and bytes have their length before them as int32, -1 for null. Error and origin are there as the flags say.
 */
import { ByteReader } from '../core/byte-reader.ts'
import type { ByteWriter } from '../core/byte-writer.ts'
import { MillraceError } from '../core/errors.ts'
import { readInt64 } from '../core/integer-fields.ts'
import { invariant } from '../core/invariant.ts'
import type { StoredRecord } from '../core/record.ts'
import type { Serde } from '../core/serde.ts'
import { Changes, type Tracked } from './changes.ts'
import { restoring } from './scratch.ts'
import type { ChangelogRecord, ChangelogWriter, StateStore, StoreSpec } from './store.ts'

const VERSION = 1
const PARKED = 1
const FAILED = 2
const HAS_ORIGIN = 4
/** -Infinity has no place among 64-bit numbers. */
const NEVER = Number.MIN_SAFE_INTEGER

/** What went wrong with a record last, as it survives a restart. */
export interface KeptError {
  /** The class of the error, or its code. */
  readonly name: string
  readonly message: string
}

/** What is known of a record that waits. */
export interface Waiting<K = unknown, V = unknown> {
  readonly key: K
  readonly value: V
  readonly timestampMs: number
  /** The stream time when it came: -Infinity when there was none yet. */
  readonly streamTimeMs: number
  /** The record of a topic that it came from; undefined when time made it. */
  readonly origin: StoredRecord | undefined
}

/** One that a store holds. What may be changed in place: `touch` must follow. */
export interface WaitingEntry<K = unknown, V = unknown> extends Waiting<K, V>, Tracked {
  /** Its place in the order: the larger, the later. */
  readonly sequence: number
  /** How often it was tried. */
  attempts: number
  /** Its key waits until it succeeds or is given up. */
  parked: boolean
  error: KeptError | undefined
}

export class WaitingStore<K = unknown, V = unknown> implements StateStore {
  readonly name: string
  private readonly entries = new Map<number, WaitingEntry<K, V>>()
  private readonly changes: Changes<WaitingEntry<K, V>>
  private readonly keySerde: Serde<K>
  private readonly valueSerde: Serde<V>
  private nextSequence = 0

  constructor(name: string, keySerde: Serde<K>, valueSerde: Serde<V>) {
    this.name = name
    this.keySerde = keySerde
    this.valueSerde = valueSerde
    this.changes = new Changes({
      key: ({ sequence }, into) => into.int64Number(sequence),
      value: (entry, into) => this.write(entry, into),
      timestampMs: ({ timestampMs }) => timestampMs,
    })
  }

  get entryCount(): number {
    return this.entries.size
  }

  /** Takes a record behind all others. */
  add(waiting: Waiting<K, V>): WaitingEntry<K, V> {
    const entry: WaitingEntry<K, V> = {
      ...waiting,
      sequence: this.nextSequence++,
      attempts: 0,
      parked: false,
      error: undefined,
      dirty: false,
      removed: false,
      persisted: false,
    }
    this.entries.set(entry.sequence, entry)
    this.changes.note(entry)
    return entry
  }

  /** Tells the store that an entry was changed. */
  touch(entry: WaitingEntry<K, V>): void {
    this.changes.note(entry)
  }

  remove(entry: WaitingEntry<K, V>): void {
    const held = this.entries.delete(entry.sequence)
    invariant(held, 'only a record that waits is taken out')
    entry.removed = true
    this.changes.note(entry)
  }

  /** All that wait, in the order in which they came. */
  all(): WaitingEntry<K, V>[] {
    return [...this.entries.values()].sort((a, b) => a.sequence - b.sequence)
  }

  flush(changelog: ChangelogWriter): number {
    return this.changes.flush(changelog)
  }

  restore(record: ChangelogRecord): void {
    restoring(this.name, record, 8, () => {
      const sequence = readInt64(record.body, record.keyStart)
      this.nextSequence = Math.max(this.nextSequence, sequence + 1)
      if (record.valueStart < 0) {
        this.entries.delete(sequence)
        return
      }
      const reader = new ByteReader(record.body, record.valueStart, record.valueEnd)
      this.entries.set(sequence, {
        ...this.read(reader, sequence),
        dirty: false,
        removed: false,
        persisted: true,
      })
    })
  }

  private write(entry: WaitingEntry<K, V>, into: ByteWriter): void {
    const { error, origin } = entry
    into.int8(VERSION)
    into.int8((entry.parked ? PARKED : 0) | (error ? FAILED : 0) | (origin ? HAS_ORIGIN : 0))
    into.int32(entry.attempts)
    into.int64Number(entry.timestampMs)
    into.int64Number(Math.max(NEVER, entry.streamTimeMs))
    if (error !== undefined) {
      writeSized(into, () => into.utf8(error.name))
      writeSized(into, () => into.utf8(error.message))
    }
    writeWith(this.keySerde, entry.key, into)
    writeWith(this.valueSerde, entry.value, into)
    if (origin !== undefined) writeOrigin(origin, into)
  }

  private read(reader: ByteReader, sequence: number): Omit<WaitingEntry<K, V>, keyof Tracked> {
    const version = reader.int8()
    if (version !== VERSION) {
      throw new MillraceError('MR_BYTES_INVALID', `a waiting record has version ${version}`)
    }
    const flags = reader.int8()
    const attempts = reader.int32()
    const timestampMs = int64(reader)
    const timeMs = int64(reader)
    const error =
      (flags & FAILED) === 0 ? undefined : { name: text(reader) ?? '', message: text(reader) ?? '' }
    return {
      sequence,
      attempts,
      parked: (flags & PARKED) !== 0,
      timestampMs,
      streamTimeMs: timeMs === NEVER ? Number.NEGATIVE_INFINITY : timeMs,
      error,
      key: readWith(this.keySerde, reader),
      value: readWith(this.valueSerde, reader),
      origin: (flags & HAS_ORIGIN) === 0 ? undefined : readOrigin(reader),
    }
  }
}

function writeOrigin(origin: StoredRecord, into: ByteWriter): void {
  writeSized(into, () => into.utf8(origin.topic))
  into.int32(origin.partition)
  into.int64Number(origin.offset)
  into.int64Number(origin.timestampMs)
  writeBytes(origin.key, into)
  writeBytes(origin.value, into)
  into.int32(origin.headers.length)
  for (const { key, value } of origin.headers) {
    writeSized(into, () => into.utf8(key))
    writeBytes(value, into)
  }
}

function readOrigin(reader: ByteReader): StoredRecord {
  const topic = text(reader) ?? ''
  const partition = reader.int32()
  const offset = int64(reader)
  const timestampMs = int64(reader)
  const key = bytes(reader)
  const value = bytes(reader)
  const count = reader.int32()
  const headers = Array.from({ length: count }, () => ({ key: text(reader) ?? '', value: bytes(reader) }))
  return { topic, partition, offset, timestampMs, key, value, headers }
}

function writeSized(into: ByteWriter, write: () => void): void {
  const at = into.reserve(4)
  write()
  into.setInt32(at, into.length - at - 4)
}

function writeBytes(value: Uint8Array | null, into: ByteWriter): void {
  if (value === null) into.int32(-1)
  else writeSized(into, () => into.raw(value))
}

function writeWith<T>(serde: Serde<T>, value: T, into: ByteWriter): void {
  if (value === null || value === undefined) into.int32(-1)
  else writeSized(into, () => serde.write(value, into))
}

function readWith<T>(serde: Serde<T>, reader: ByteReader): T {
  const length = reader.int32()
  if (length < 0) return null as T
  const start = reader.advance(length)
  return serde.read(reader.buffer, start, start + length)
}

function int64(reader: ByteReader): number {
  return readInt64(reader.buffer, reader.advance(8))
}

function text(reader: ByteReader): string | undefined {
  const length = reader.int32()
  return length < 0 ? undefined : reader.utf8(length)
}

/** A copy: what is restored outlives the batch that it was read from. */
function bytes(reader: ByteReader): Buffer | null {
  const length = reader.int32()
  return length < 0 ? null : Buffer.from(reader.bytes(length))
}

export function waitingStore<K, V>(
  name: string,
  keySerde: Serde<K>,
  valueSerde: Serde<V>,
): StoreSpec<WaitingStore<K, V>> {
  return { name, kind: 'waiting', create: () => new WaitingStore(name, keySerde, valueSerde) }
}
