/**
 * Holds the changes of a table back, so that of several to one key within a while only the last is passed on.
 *
 * As Kafka Streams' Suppressed.untilTimeLimit: a key waits from its first change that is held, and a later one takes
 * its place without starting the wait anew. Keys leave by the time of that first change, each with its last value and
 * that value's timestamp. When more than `recordsMax` keys wait, the oldest leave early, or the pipeline stops.
 */
import { MillraceError } from '../core/errors.ts'
import { json, type Serde } from '../core/serde.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import type { BeforeFlag, OperatorSpec } from './operator.ts'

export interface SuppressOptions {
  readonly store: string
  readonly keySerde: Serde<unknown>
  readonly waitMs: number
  readonly recordsMax: number
  readonly whenFull: 'emit' | 'fail'
}

interface Waiting {
  value: unknown
  timestampMs: number
  readonly sinceMs: number
  /** What the first change that is held replaced, which is what was passed on last. */
  readonly before?: unknown
}

export function suppressOperator(options: SuppressOptions): OperatorSpec {
  const { waitMs, recordsMax, whenFull } = options
  const flag: BeforeFlag = { wanted: false }
  const storeSpec = keyValueStore<unknown, Waiting>(options.store, options.keySerde, json<Waiting>())
  return {
    kind: 'suppress',
    stores: [storeSpec],
    outputDelayMs: waitMs,
    before: flag,
    keyed: true,
    create(name, context, output) {
      const store = context.store(storeSpec)
      let heap: DeadlineHeap<unknown> | undefined
      /** Made on first use, after the store was restored. */
      const waiting = (): DeadlineHeap<unknown> => {
        if (heap !== undefined) return heap
        heap = new DeadlineHeap()
        for (const [key, { sinceMs }] of store.all()) heap.push(sinceMs, key)
        return heap
      }
      const emitFirst = (): void => {
        const key = waiting().pop()
        const held = store.get(key)
        if (held === undefined) return
        store.put(key, undefined, held.timestampMs)
        output.process(key, held.value, held.timestampMs, held.before)
      }
      const emitDue = (streamTimeMs: number): void => {
        const keys = waiting()
        while (keys.size > 0 && keys.firstMs + waitMs <= streamTimeMs) emitFirst()
      }
      return {
        inputs: [
          {
            process(key, value, timestampMs, before) {
              if (key === null || key === undefined) return
              const keys = waiting()
              const held = store.get(key)
              if (held === undefined) keys.push(timestampMs, key)
              const sinceMs = held?.sinceMs ?? timestampMs
              const replaced = held === undefined ? before : held.before
              const told = flag.wanted && typeof replaced !== 'symbol' ? { before: replaced } : {}
              store.put(key, { value: value ?? null, timestampMs, sinceMs, ...told }, timestampMs)
              emitDue(context.streamTimeMs())
              if (keys.size <= recordsMax) return
              if (whenFull === 'emit') emitFirst()
              else {
                throw new MillraceError(
                  'MR_RECORD_INVALID',
                  `"${name}" holds back more than ${recordsMax} keys`,
                  {
                    hint: "Give suppress() a larger recordsMax, or whenFull: 'emit' to let the oldest go early.",
                  },
                )
              }
            },
          },
        ],
        nextDeadlineMs: () => waiting().firstMs + waitMs,
        advance: emitDue,
      }
    },
  }
}
