/**
 * Aggregates the values that a table has now, by group: a replaced value is taken back before the new one is added
 * (Kafka Streams' KTableAggregate). Each change gives one result, with the larger of its timestamp and the last
 * result's. A state of null or undefined forgets the group; the result is then a tombstone.
 */
import type { Serde } from '../core/serde.ts'
import { keptStore, keptView } from './aggregate.ts'
import type { AnyReversibleAggregator } from './aggregator.ts'
import type { BeforeFlag, OperatorSpec } from './operator.ts'
import { replacedResult } from './replaced-result.ts'
import type { GroupChange } from './table-group.ts'

export interface TableAggregateOptions {
  readonly store: string
  readonly keySerde: Serde<unknown>
  readonly aggregator: AnyReversibleAggregator<unknown>
}

export function tableAggregateOperator(options: TableAggregateOptions): OperatorSpec {
  const { aggregator } = options
  const before: BeforeFlag = { wanted: false }
  const storeSpec = keptStore(options)
  return {
    kind: 'table-aggregate',
    stores: [storeSpec],
    outputDelayMs: 0,
    before,
    view: keptView(storeSpec, aggregator),
    keyed: true,
    create(_name, context, output) {
      const store = context.store(storeSpec)
      return {
        inputs: [
          {
            process(key, value, timestampMs) {
              if (key === null || key === undefined) return
              const { before: from, after: to } = value as GroupChange
              const kept = store.get(key)
              const latestMs = kept === undefined ? timestampMs : Math.max(timestampMs, kept.timestampMs)
              let state = kept?.state
              const replaced = replacedResult(before, aggregator, state)
              if (from !== undefined && state !== undefined) state = aggregator.subtract(state, from, key)
              if (to !== undefined) state = aggregator.add(state ?? aggregator.init(), to, key)
              if (state === null || state === undefined) {
                store.put(key, undefined, latestMs)
                output.process(key, null, latestMs, replaced)
                return
              }
              store.put(key, { state, timestampMs: latestMs }, latestMs)
              output.process(key, aggregator.result(state), latestMs, replaced)
            },
          },
        ],
      }
    },
  }
}
