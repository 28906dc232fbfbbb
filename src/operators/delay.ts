/**
 * Holds each record back until stream time reaches the time that it is due, and passes it on with that time as its
 * timestamp. Records due at one time leave in the order in which they came; one that is due already passes at once.
 *
 * `holdOperator` gives records their own timestamps, as a join with a grace needs it (Kafka Streams, KIP-923).
 */
import { MillraceError } from '../core/errors.ts'
import { json, type Serde } from '../core/serde.ts'
import { windowStore } from '../state/window-store.ts'
import { DeadlineHeap } from './deadline-heap.ts'
import { metadataOf, type OperatorSpec, type RecordMetadata } from './operator.ts'

export interface DelayOptions {
  readonly store: string
  /** When a record is due, milliseconds since the epoch. */
  readonly dueMs: (value: unknown, key: unknown, timestampMs: number, record: RecordMetadata) => number
}

interface Delayed {
  readonly key: unknown
  readonly value: unknown
}

const sequenceSerde: Serde<number> = json<number>()

/** Holds each record back until stream time is `byMs` behind its timestamp, which it keeps. */
export function holdOperator({
  store,
  byMs,
}: {
  readonly store: string
  readonly byMs: number
}): OperatorSpec {
  return heldBack({ store, dueMs: (_value, _key, timestampMs) => timestampMs + byMs }, 'hold', byMs)
}

export function delayOperator(options: DelayOptions): OperatorSpec {
  return heldBack(options, 'delay', 0)
}

/** @param lagMs how far before the time that a record is due the timestamp is that it gets */
function heldBack({ store: storeName, dueMs }: DelayOptions, kind: string, lagMs: number): OperatorSpec {
  // By due time and a sequence number.
  const storeSpec = windowStore<number, Delayed>(storeName, sequenceSerde, json<Delayed>())
  return {
    kind,
    stores: [storeSpec],
    outputDelayMs: lagMs,
    keyed: false,
    create(_name, context, output) {
      const store = context.store(storeSpec)
      const record = metadataOf(context)
      const known = new Set<number>()
      let sequence = 0
      let heap: DeadlineHeap<number> | undefined
      const due = (): DeadlineHeap<number> => {
        if (heap !== undefined) return heap
        heap = new DeadlineHeap()
        for (const timeMs of store.starts()) {
          known.add(timeMs)
          heap.push(timeMs, timeMs)
          for (const { key } of store.window(timeMs)) sequence = Math.max(sequence, key + 1)
        }
        return heap
      }
      return {
        inputs: [
          {
            process(key, value, timestampMs) {
              const timeMs = dueMs(value, key, timestampMs, record)
              if (!Number.isSafeInteger(timeMs)) {
                throw new MillraceError(
                  'MR_RECORD_INVALID',
                  `it is due at ${timeMs}, not at whole milliseconds`,
                )
              }
              if (timeMs <= context.streamTimeMs()) {
                output.process(key, value, Math.max(timeMs - lagMs, timestampMs))
                return
              }
              const times = due()
              store.add(timeMs, sequence++, { key, value })
              if (known.has(timeMs)) return
              known.add(timeMs)
              times.push(timeMs, timeMs)
            },
          },
        ],
        nextDeadlineMs: () => due().firstMs,
        advance(streamTimeMs) {
          const times = due()
          while (times.size > 0 && times.firstMs <= streamTimeMs) {
            const timeMs = times.pop()
            known.delete(timeMs)
            const held = [...store.window(timeMs)].sort((a, b) => a.key - b.key)
            store.removeWindow(timeMs)
            for (const { state } of held) output.process(state.key, state.value, timeMs - lagMs)
          }
        },
      }
    },
  }
}
