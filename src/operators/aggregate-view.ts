/** How the table of an aggregate is looked up in the states that its operator keeps. */
import type { StateStore, StoreSpec } from '../state/store.ts'
import type { AnyAggregator } from './aggregator.ts'
import type { Held, TableView } from './operator.ts'

/** A state with the largest timestamp in it. */
export type FoundState = readonly [state: unknown, timestampMs: number, ...rest: unknown[]]

export function aggregateView<S extends StateStore, K>(
  spec: StoreSpec<S>,
  { result }: Pick<AnyAggregator<unknown>, 'result'>,
  find: (store: S, key: K) => FoundState | undefined,
): TableView {
  return {
    versioned: false,
    stores: [spec],
    open(context) {
      const store = context.store(spec)
      const latest = (key: unknown): Held | undefined => {
        const [state, timestampMs] = find(store, key as K) ?? [null, 0]
        const value = state === null || state === undefined ? undefined : result(state)
        return value === null || value === undefined ? undefined : { value, timestampMs }
      }
      return { latest, asOf: latest }
    },
  }
}
