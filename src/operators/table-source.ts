/** Keeps the latest value per key of a table's topic and passes every change on; a null value deletes. */
import type { KeyValueStore } from '../state/key-value-store.ts'
import type { StoreSpec } from '../state/store.ts'
import type { VersionedStore } from '../state/versioned-store.ts'
import type { OperatorSpec } from './operator.ts'

/** A table of latest values. */
export function tableSourceOperator(storeSpec: StoreSpec<KeyValueStore<unknown, unknown>>): OperatorSpec {
  return {
    kind: 'table',
    stores: [storeSpec],
    outputDelayMs: 0,
    keyed: true,
    create(_name, context, output) {
      const store = context.store(storeSpec)
      return {
        inputs: [
          {
            process(key, value, timestampMs) {
              if (key === null || key === undefined) return
              store.put(key, value ?? undefined, timestampMs)
              output.process(key, value, timestampMs)
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
    keyed: true,
    create(_name, context, output) {
      const store = context.store(storeSpec)
      return {
        inputs: [
          {
            process(key, value, timestampMs) {
              if (key === null || key === undefined) return
              store.put(key, value ?? undefined, timestampMs, context.streamTimeMs())
              output.process(key, value, timestampMs)
            },
          },
        ],
      }
    },
  }
}
