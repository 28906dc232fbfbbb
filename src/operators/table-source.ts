/**
 * Keeps the values of a table and passes every change on; a null value deletes. Without a cache: each change is seen.
 *
 * As Kafka Streams' KTableSource: the last record of a key wins, whatever its timestamp. A versioned table takes
 * records in any order within its history and says which came out of order (KIP-914); older ones it does not take.
 */
import type { KeyValueStore } from '../state/key-value-store.ts'
import type { StoreSpec } from '../state/store.ts'
import type { VersionedStore } from '../state/versioned-store.ts'
import { type OperatorSpec, outOfOrder } from './operator.ts'

/** A table of latest values. */
export function tableSourceOperator(storeSpec: StoreSpec<KeyValueStore<unknown, unknown>>): OperatorSpec {
  return {
    kind: 'table',
    stores: [storeSpec],
    outputDelayMs: 0,
    timely: true,
    keyed: true,
    create(_name, context, output) {
      const store = context.store(storeSpec)
      return {
        inputs: [
          {
            process(key, value, timestampMs) {
              if (key === null || key === undefined) return
              const before = store.get(key) ?? null
              store.put(key, value ?? undefined, timestampMs)
              output.process(key, value, timestampMs, before)
            },
          },
        ],
      }
    },
  }
}

/** A table that remembers its versions. */
export function versionedTableSourceOperator(
  storeSpec: StoreSpec<VersionedStore<unknown, unknown>>,
): OperatorSpec {
  return {
    kind: 'versioned-table',
    stores: [storeSpec],
    outputDelayMs: 0,
    timely: true,
    keyed: true,
    create(name, context, output) {
      const store = context.store(storeSpec)
      return {
        inputs: [
          {
            process(key, value, timestampMs) {
              if (key === null || key === undefined) return
              const before = store.latest(key)?.value ?? null
              const taken = store.put(key, value ?? undefined, timestampMs)
              if (taken === 'expired') {
                const windowEndMs = timestampMs + store.historyMs
                context.late({ operator: name, key, value, timestampMs, windowEndMs })
              } else output.process(key, value, timestampMs, taken === 'latest' ? before : outOfOrder)
            },
          },
        ],
      }
    },
  }
}
