/**
 * Aggregates all records of a key, without a window: a table that changes with every record.
 *
 * Kafka Streams' KGroupedStream.aggregate without a cache: each record gives one result, with the larger of the
 * record's timestamp and the last result's. Records without a key or a value are passed over. An aggregator that
 * answers with null or undefined for its state forgets the key; the result is then a tombstone.
 */
import type { Serde } from '../core/serde.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { queried } from '../state/store.ts'
import { aggregateView } from './aggregate-view.ts'
import type { AnyAggregator } from './aggregator.ts'
import type { BeforeFlag, OperatorSpec, TableView } from './operator.ts'
import { replacedResult } from './replaced-result.ts'

interface Kept {
  state: unknown
  timestampMs: number
}

export interface AggregateOptions {
  readonly store: string
  readonly keySerde: Serde<unknown>
  readonly aggregator: AnyAggregator<unknown>
}

/** The states of an aggregate; a query sees their results. */
export function keptStore({
  aggregator,
  keySerde,
  store,
}: Pick<AggregateOptions, 'keySerde' | 'store'> & {
  readonly aggregator: Pick<AnyAggregator<unknown>, 'result'>
}) {
  return queried(keyValueStore<unknown, Kept>(store, keySerde, jsonState), {
    keySerde,
    show: (kept) => aggregator.result((kept as Kept).state),
  })
}

/** The table of the results. */
export function keptView(
  spec: ReturnType<typeof keptStore>,
  aggregator: Pick<AnyAggregator<unknown>, 'result'>,
): TableView {
  return aggregateView(spec, aggregator, (store, key) => {
    const kept = store.get(key)
    return kept && [kept.state, kept.timestampMs]
  })
}

export function aggregateOperator(options: AggregateOptions): OperatorSpec {
  const { aggregator } = options
  const before: BeforeFlag = { wanted: false }
  const storeSpec = keptStore(options)
  return {
    kind: 'aggregate',
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
              if (key === null || key === undefined || value === null || value === undefined) return
              const held = store.get(key)
              const replaced = replacedResult(before, aggregator, held?.state)
              const kept = held ?? { state: aggregator.init(), timestampMs }
              kept.state = aggregator.add(kept.state, value, key)
              if (timestampMs > kept.timestampMs) kept.timestampMs = timestampMs
              if (kept.state === null || kept.state === undefined) {
                store.put(key, undefined, kept.timestampMs)
                output.process(key, null, kept.timestampMs, replaced)
                return
              }
              store.put(key, kept, kept.timestampMs)
              output.process(key, aggregator.result(kept.state), kept.timestampMs, replaced)
            },
          },
        ],
      }
    },
  }
}

/** The state of an aggregate without a window: timestamp and state as JSON. */
const jsonState: Serde<Kept> = {
  name: 'aggregate-state',
  write(value, into) {
    into.utf8(JSON.stringify([value.timestampMs, value.state]))
  },
  read(bytes, start, end) {
    const [timestampMs, state] = JSON.parse(bytes.utf8Slice(start, end)) as [number, unknown]
    return { timestampMs, state }
  },
}
