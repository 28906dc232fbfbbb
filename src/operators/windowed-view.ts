/** How a table of windows that gives a result with every record is looked up in the windows that its operator keeps. */
import type { StateStore, StoreSpec } from '../state/store.ts'
import type { AnyAggregator } from './aggregator.ts'
import type { Held, TableView } from './operator.ts'
import type { Windowed } from './windowed.ts'

/** The state of a window with the largest timestamp in it. */
export type FoundWindow = readonly [state: unknown, timestampMs: number, ...rest: unknown[]]

export function windowedView<S extends StateStore>(
  spec: StoreSpec<S>,
  { result }: Pick<AnyAggregator<unknown>, 'result'>,
  find: (store: S, window: Windowed<unknown>) => FoundWindow | undefined,
): TableView {
  return {
    versioned: false,
    stores: [spec],
    open(context) {
      const store = context.store(spec)
      const latest = (key: unknown): Held | undefined => {
        const [state, timestampMs] = find(store, key as Windowed<unknown>) ?? [null, 0]
        const value = state === null || state === undefined ? undefined : result(state)
        return value === null || value === undefined ? undefined : { value, timestampMs }
      }
      return { latest, asOf: latest }
    },
  }
}
