/**
 * Lets the first of several records with one id through: a record is a duplicate when one with its key and id was let
 * through whose time is no further than `withinMs` from its own, before or after.
 *
 * An id is remembered until stream time has passed its record by more than twice that. So every record that comes no
 * more than `withinMs` behind stream time is told rightly, in whatever order; one that comes later cannot be told and
 * is late.
 */
import { json } from '../core/serde.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import { metadataOf, type OperatorSpec, type RecordFunction } from './operator.ts'

export interface DeduplicateOptions {
  readonly store: string
  readonly withinMs: number
  /** Undefined: the key is the id. */
  readonly idOf: RecordFunction<unknown> | undefined
}

export function deduplicateOperator({ store: storeName, withinMs, idOf }: DeduplicateOptions): OperatorSpec {
  // Per key and id the times of the records that were let through, oldest first.
  const storeSpec = keyValueStore<unknown, number[]>(storeName, json<unknown>(), json<number[]>())
  const keptMs = 2 * withinMs
  return {
    kind: 'deduplicate',
    stores: [storeSpec],
    outputDelayMs: 0,
    keyed: true,
    create(name, context, output) {
      const store = context.store(storeSpec)
      const record = metadataOf(context)
      let heap: DeadlineHeap<unknown> | undefined
      /** Made on first use, after the store was restored. */
      const expiring = (): DeadlineHeap<unknown> => {
        if (heap !== undefined) return heap
        heap = new DeadlineHeap()
        for (const [id, times] of store.all()) for (const timeMs of times) heap.push(timeMs + keptMs + 1, id)
        return heap
      }
      return {
        inputs: [
          {
            process(key, value, timestampMs) {
              if (key === null || key === undefined) return
              if (timestampMs + withinMs < context.streamTimeMs()) {
                context.late({ operator: name, key, value, timestampMs, windowEndMs: timestampMs + withinMs })
                return
              }
              const ids = expiring()
              const id = idOf === undefined ? [key] : [key, idOf(value, key, record)]
              const times = store.get(id) ?? []
              if (times.some((timeMs) => Math.abs(timeMs - timestampMs) <= withinMs)) return
              store.put(
                id,
                [...times, timestampMs].sort((a, b) => a - b),
                timestampMs,
              )
              ids.push(timestampMs + keptMs + 1, id)
              output.process(key, value, timestampMs)
            },
          },
        ],
        nextDeadlineMs: () => expiring().firstMs,
        advance(streamTimeMs) {
          const ids = expiring()
          while (ids.size > 0 && ids.firstMs <= streamTimeMs) {
            const timeMs = ids.firstMs - keptMs - 1
            const id = ids.pop()
            const left = store.get(id)?.filter((held) => held !== timeMs) ?? []
            store.put(id, left.length === 0 ? undefined : left, timeMs)
          }
        },
      }
    },
  }
}
