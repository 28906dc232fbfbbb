/**
 * Views: how one operator looks up a value of another table. A table that is kept in a store is looked up there; what
 * is derived from it (filtered, mapped, joined) is computed when it is asked for, so that it needs no second store.
 */
import type { KeyValueStore } from '../state/key-value-store.ts'
import type { StateStore, StoreSpec } from '../state/store.ts'
import type { VersionedStore } from '../state/versioned-store.ts'
import type { Held, TableView } from './operator.ts'

export type TableStoreSpec =
  | { readonly versioned: false; readonly spec: StoreSpec<KeyValueStore<unknown, unknown>> }
  | { readonly versioned: true; readonly spec: StoreSpec<VersionedStore<unknown, unknown>> }

/** The view of a table that is kept in a store. */
export function storeView(table: TableStoreSpec): TableView {
  const stores: readonly StoreSpec<StateStore>[] = [table.spec]
  if (table.versioned) {
    return { versioned: true, stores, open: (context) => context.store(table.spec) }
  }
  return {
    versioned: false,
    stores,
    open(context) {
      const store = context.store(table.spec)
      const latest = (key: unknown): Held | undefined => store.held(key)
      return { latest, asOf: latest }
    },
  }
}

/** The view of a table whose values are those of another, changed or left out one by one. */
export function derivedView(parent: TableView, change: (value: unknown, key: unknown) => unknown): TableView {
  return {
    versioned: parent.versioned,
    stores: parent.stores,
    open(context) {
      const reader = parent.open(context)
      const derive = (key: unknown, held: Held | undefined): Held | undefined => {
        if (held === undefined) return undefined
        const value = change(held.value, key)
        return value === null || value === undefined ? undefined : { value, timestampMs: held.timestampMs }
      }
      return {
        latest: (key) => derive(key, reader.latest(key)),
        asOf: (key, timeMs) => derive(key, reader.asOf(key, timeMs)),
      }
    },
  }
}
