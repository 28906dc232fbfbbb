/**
 * Joins each record of a stream with the value that a table holds for its key; inner.
 *
 * With a table of latest values: the value when the record is processed. With a versioned table: the value that
 * held at the record's timestamp (Kafka Streams, KIP-914). Changes of the table cause no result.
 */
import type { KeyValueStore } from '../state/key-value-store.ts'
import type { StoreSpec } from '../state/store.ts'
import type { VersionedStore } from '../state/versioned-store.ts'
import type { OperatorSpec } from './operator.ts'

/** What a joiner gets: left value, right value, key. */
export type Joiner = (left: unknown, right: unknown, key: unknown) => unknown

export type TableStoreSpec =
  | { readonly versioned: false; readonly spec: StoreSpec<KeyValueStore<unknown, unknown>> }
  | { readonly versioned: true; readonly spec: StoreSpec<VersionedStore<unknown, unknown>> }

export function streamTableJoinOperator(table: TableStoreSpec, joiner: Joiner): OperatorSpec {
  return {
    kind: table.versioned ? 'as-of-join' : 'stream-table-join',
    stores: [table.spec],
    outputDelayMs: 0,
    keyed: true,
    create(_name, context, output) {
      let lookup: (key: unknown, timestampMs: number) => unknown
      if (table.versioned) {
        const store = context.store(table.spec)
        lookup = (key, timestampMs) => store.get(key, timestampMs)
      } else {
        const store = context.store(table.spec)
        lookup = (key) => store.get(key)
      }
      return {
        inputs: [
          {
            process(key, value, timestampMs) {
              if (key === null || key === undefined) return
              const held = lookup(key, timestampMs)
              if (held !== undefined) output.process(key, joiner(value, held, key), timestampMs)
            },
          },
        ],
      }
    },
  }
}
