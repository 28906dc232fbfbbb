import type { KeyValue } from './map.ts'
import { type OperatorSpec, statelessOperator } from './operator.ts'

/** One record in, any number out, with new values; the key stays. */
export function flatMapValuesOperator(
  expand: (value: unknown, key: unknown) => Iterable<unknown>,
): OperatorSpec {
  return statelessOperator('flat-map-values', (output) => ({
    process(key, value, timestampMs) {
      for (const part of expand(value, key)) output.process(key, part, timestampMs)
    },
  }))
}

/** One record in, any number out, with new keys and values. */
export function flatMapOperator(
  expand: (value: unknown, key: unknown) => Iterable<KeyValue<unknown, unknown>>,
): OperatorSpec {
  return statelessOperator('flat-map', (output) => ({
    process(key, value, timestampMs) {
      for (const part of expand(value, key)) output.process(part.key, part.value, timestampMs)
    },
  }))
}
