/** The options of a stream's methods. */
import type { Duration } from '../core/duration.ts'
import type { SerdeOrSchema } from '../core/serde.ts'
import type { RecordMetadata } from '../operators/operator.ts'

/** The part of the plan's names that comes from the user. */
export interface NameOption {
  /** What stores, internal topics and the picture of the flow call it. */
  readonly name?: string
}

/** How the new keys are written where records move to another task. Texts need none. */
export interface KeyOption<K> {
  readonly key: SerdeOrSchema<K>
}

export interface ToOptions<K, V> {
  /** How keys are written. Default: as the stream's keys are. */
  readonly key?: SerdeOrSchema<K>
  /** How values are written. Default: JSON. */
  readonly value?: SerdeOrSchema<V>
}

export interface DeduplicateOptions<K, V> extends NameOption {
  /** How far apart in time two records with one id are still the same. */
  readonly within: Duration
  /** Default: the key. */
  readonly id?: (value: V, key: K, record: RecordMetadata) => unknown
}

export interface PrintOptions<K, V> extends NameOption {
  /** Default: the name of what is printed. */
  readonly label?: string
  readonly line?: (value: V, key: K, record: RecordMetadata) => string
}

export interface RepartitionOptions<K, V> extends NameOption {
  /** Default: as many as what it is joined with has, else as many as tasks write it. */
  readonly partitions?: number
  /** How keys are written. Default: as the stream's keys are. */
  readonly key?: SerdeOrSchema<K>
  /** How values are written. Default: JSON. */
  readonly value?: SerdeOrSchema<V>
}

export interface StreamJoinOptions extends NameOption {
  /** How far apart the times of two records may be, in either direction or each for itself. */
  readonly within: Duration | { readonly before: Duration; readonly after: Duration }
  /** How long past that a late record still finds its partners. Default 0. */
  readonly grace?: Duration
}

export interface TableJoinOptions extends NameOption {
  /**
   * How long a record waits for older versions of the table that come late, by stream time; at most the table's
   * `history`, which it needs. Default 0. What waits lies in a store as JSON, and has no headers afterwards.
   */
  readonly grace?: Duration
}

export interface GlobalJoinOptions<K, V, G> {
  /** The key of the global table that a record is joined by; null for none. */
  readonly on: (value: V, key: K) => G | null
}
