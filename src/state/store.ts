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

/** What a key is called in a JavaScript Map: itself when it is a string or number, else its JSON text. */
export function mapKeyOf(key: unknown): string | number {
  return typeof key === 'string' || typeof key === 'number' ? key : JSON.stringify(key)
}
