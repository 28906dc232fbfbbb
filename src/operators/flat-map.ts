import type { KeyValue } from './map.ts'
import { type OperatorSpec, type RecordFunction, statelessOperator } from './operator.ts'

/** One record in, any number out, with new values; the key stays. */
export function flatMapValuesOperator(expand: RecordFunction<Iterable<unknown>>): OperatorSpec {
  return statelessOperator('flat-map-values', (output, record) => ({
    process(key, value, timestampMs) {
      for (const part of expand(value, key, record)) output.process(key, part, timestampMs)
    },
  }))
}

/** One record in, any number out, with new keys and values. */
export function flatMapOperator(expand: RecordFunction<Iterable<KeyValue<unknown, unknown>>>): OperatorSpec {
  return statelessOperator('flat-map', (output, record) => ({
    process(key, value, timestampMs) {
      for (const part of expand(value, key, record)) output.process(part.key, part.value, timestampMs)
    },
  }))
}
