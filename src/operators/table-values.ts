/**
 * A table made of another by changing or leaving out its values one by one: filter and mapValues of a table.
 *
 * `change` answers null where the new table has no value. As in Kafka Streams (KTableFilter, KTableMapValues):
 * - a filtered table passes a deletion on for every value that it leaves out, unless it is told what was there before
 *   and there was nothing;
 * - a table that is kept in a store knows by itself what was there before.
 */
import type { KeyValueStore } from '../state/key-value-store.ts'
import type { StoreSpec } from '../state/store.ts'
import { type BeforeFlag, type OperatorSpec, outOfOrder } from './operator.ts'

export interface TableValuesOptions {
  readonly kind: 'table-filter' | 'table-map-values'
  readonly change: (value: unknown, key: unknown) => unknown
  /** Where the values are kept to be queried; undefined when they are computed on demand. */
  readonly store: StoreSpec<KeyValueStore<unknown, unknown>> | undefined
  readonly before: BeforeFlag
  /** Its values are those of a versioned table: every one that is left out is a deletion of its time. */
  readonly versioned: boolean
}

export function tableValuesOperator(options: TableValuesOptions): OperatorSpec {
  const { kind, store: storeSpec, before: flag, versioned } = options
  const knows = kind === 'table-filter' && !versioned
  const change = (value: unknown, key: unknown): unknown =>
    value === null || value === undefined ? null : (options.change(value, key) ?? null)
  return {
    kind,
    stores: storeSpec === undefined ? [] : [storeSpec],
    outputDelayMs: 0,
    timely: true,
    keyed: storeSpec !== undefined,
    create(_name, context, output) {
      const store = storeSpec === undefined ? undefined : context.store(storeSpec)
      const replaced = (key: unknown, before: unknown): unknown => {
        // Kept values are the latest that came: they have no order but that.
        if (store !== undefined && (flag.wanted || before === outOfOrder)) return store.get(key) ?? null
        return !flag.wanted || before === outOfOrder ? before : change(before, key)
      }
      return {
        inputs: [
          {
            process(key, value, timestampMs, before) {
              const changed = change(value, key)
              const was = replaced(key, before)
              if (knows && flag.wanted && changed === null && was === null) return
              store?.put(key, changed ?? undefined, timestampMs)
              output.process(key, changed, timestampMs, was)
            },
          },
        ],
      }
    },
  }
}
