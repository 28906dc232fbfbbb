/**
 * Aggregates every `size` records of a key, in the order in which they are processed; a window begins every `every`
 * records. Time plays no part, so no record is late and a window that is not full is never closed.
 *
 * Results: `close` one per full window, `update` one per record and window that holds it. The windows of a key are
 * told apart by the times of their first and last record, both included: the smallest and the largest.
 */
import { json, type Serde } from '../core/serde.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import type { AnyAggregator } from './aggregator.ts'
import type { OperatorSpec } from './operator.ts'

export interface CountAggregateOptions {
  readonly store: string
  readonly keySerde: Serde<unknown>
  readonly aggregator: AnyAggregator<unknown>
  readonly size: number
  /** Equal to the size for windows that follow each other. */
  readonly every: number
  readonly emit: 'close' | 'update'
}

interface CountWindow {
  state: unknown
  records: number
  fromMs: number
  toMs: number
}

interface Held {
  /** Records until the next window begins. */
  skip: number
  /** Oldest first. */
  open: CountWindow[]
}

export function countAggregateOperator(options: CountAggregateOptions): OperatorSpec {
  const { aggregator, size, every, emit } = options
  const storeSpec = keyValueStore<unknown, Held>(options.store, options.keySerde, json<Held>())
  return {
    kind: 'count-window-aggregate',
    stores: [storeSpec],
    outputDelayMs: 0,
    keyed: true,
    create(_name, context, output) {
      const store = context.store(storeSpec)
      const give = (key: unknown, { state, fromMs, toMs }: CountWindow): void =>
        output.process(
          { key, windowStartMs: fromMs, windowEndMs: toMs },
          state === null || state === undefined ? null : aggregator.result(state),
          toMs,
        )
      return {
        inputs: [
          {
            process(key, value, timestampMs) {
              if (key === null || key === undefined) return
              const held = store.get(key) ?? { skip: 0, open: [] }
              const begun: CountWindow[] =
                held.skip === 0
                  ? [{ state: aggregator.init(), records: 0, fromMs: timestampMs, toMs: timestampMs }]
                  : []
              const open = [...held.open, ...begun]
              // What may fail comes before anything is changed.
              const states = open.map(({ state }) => aggregator.add(state ?? aggregator.init(), value, key))
              held.open = open
              held.skip = (held.skip === 0 ? every : held.skip) - 1
              for (const [at, window] of open.entries()) {
                window.state = states[at]
                window.records++
                window.fromMs = Math.min(window.fromMs, timestampMs)
                window.toMs = Math.max(window.toMs, timestampMs)
              }
              const full = held.open[0]?.records === size ? held.open.shift() : undefined
              store.put(key, held, timestampMs)
              if (full !== undefined) give(key, full)
              if (emit === 'update') for (const window of held.open) give(key, window)
            },
          },
        ],
      }
    },
  }
}
