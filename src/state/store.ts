/**
 * What all state stores share: they hold a task's state in memory and tell their changelog what changed.
 *
 * A store is a cache of its changelog topic: `flush` writes the last value of each key that changed since the
 * previous flush (at commit, in the same transaction as the task's outputs), `restore` puts a changelog record
 * back. Nothing else makes state durable.
 */
import type { ByteWriter } from '../core/byte-writer.ts'
import type { Serde } from '../core/serde.ts'

/** Where a store writes its changes: one changelog partition. */
export interface ChangelogWriter {
  /** `value` null removes the key. The writers are read during the call only. */
  write(key: ByteWriter, value: ByteWriter | null, timestampMs: number): void
}

export interface StateStore {
  readonly name: string
  /** Entries held now. */
  readonly entryCount: number
  /** Writes what changed since the last flush; returns the number of changelog records. */
  flush(changelog: ChangelogWriter): number
  /**
   * Puts one changelog record back. `valueStart` is -1 for a tombstone.
   *
   * @throws MR_STATE_CORRUPT when the bytes are not a record of this store
   */
  restore(record: ChangelogRecord): void
}

/** One changelog record as ranges of a batch, read during the call only. */
export interface ChangelogRecord {
  readonly body: Buffer
  readonly keyStart: number
  readonly keyEnd: number
  readonly valueStart: number
  readonly valueEnd: number
  readonly timestampMs: number
}

/** How a store is made, and what its changelog topic is called after. */
export interface StoreSpec<S extends StateStore = StateStore> {
  readonly name: string
  readonly kind: 'key-value' | 'window' | 'session' | 'versioned' | 'join-buffer' | 'grouped' | 'waiting'
  /** How queries see it; without it the store is its operator's own affair. */
  readonly queried?: QueriedStore
  /** Of kind `versioned`: for how long older versions are known. */
  readonly historyMs?: number
  create(): S
}

/** What queries from outside need to know of a store. */
export interface QueriedStore {
  readonly keySerde: Serde<unknown>
  /** What an entry shows of the state that is kept for it; undefined hides it. */
  readonly show: (state: unknown) => unknown
  /** Windows: the end of the one that begins at `startMs`. */
  readonly windowEndMs?: (startMs: number) => number
  /**
   * Which tasks hold an entry: the one of its key's partition, every task, or whichever saw the record. Default:
   * `by-key`.
   */
  readonly held?: 'by-key' | 'everywhere' | 'anywhere'
  /** Another name that it may be asked for by: that of a table. */
  readonly alias?: string
}

/** A store whose entries may be queried. */
export function queried<S extends StateStore>(spec: StoreSpec<S>, shown: QueriedStore): StoreSpec<S> {
  return { ...spec, queried: shown }
}

/**
 * What a key is called in a JavaScript Map, the same for keys whose bytes are the same: itself when it is a string or
 * number, of bytes a text with one character per byte, else its JSON text. A bigint is the number that it stands for,
 * or its digits where no number is exact.
 */
export function mapKeyOf(key: unknown): string | number {
  if (typeof key === 'string' || typeof key === 'number') return key
  if (key instanceof Uint8Array) return bytesText(key)
  if (typeof key === 'bigint') return plainInteger(key)
  return isFlat(key) ? JSON.stringify(key) : JSON.stringify(key, plainPart)
}

/** What JSON says as it is, and much faster than with a function per part: most keys of several fields. */
function isFlat(key: unknown): boolean {
  if (typeof key !== 'object' || key === null) return true
  for (const part of Object.values(key))
    if (typeof part === 'bigint' || (typeof part === 'object' && part !== null)) return false
  return true
}

/** Bytes are a Buffer or a Uint8Array, as they come from a batch, a user or another thread. */
function bytesText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).latin1Slice()
}

function plainInteger(value: bigint): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value.toString()
}

function plainPart(this: unknown, name: string, value: unknown): unknown {
  // A Buffer has become an object of its own by `toJSON` before it comes here.
  const part = (this as Readonly<Record<string, unknown>>)[name]
  if (part instanceof Uint8Array) return bytesText(part)
  return typeof value === 'bigint' ? plainInteger(value) : value
}
