import { type OperatorSpec, type RecordFunction, statelessOperator } from './operator.ts'

/** One record in, one out, with a new value; the key stays. */
export function mapValuesOperator(change: RecordFunction<unknown>): OperatorSpec {
  return statelessOperator('map-values', (output, record) => ({
    process(key, value, timestampMs) {
      output.process(key, change(value, key, record), timestampMs)
    },
  }))
}

/** A key and a value: what `map` and `flatMap` give back. */
export interface KeyValue<K, V> {
  readonly key: K
  readonly value: V
}

/** One record in, one out, with a new key and value. */
export function mapOperator(change: RecordFunction<KeyValue<unknown, unknown>>): OperatorSpec {
  return statelessOperator('map', (output, record) => ({
    process(key, value, timestampMs) {
      const changed = change(value, key, record)
      output.process(changed.key, changed.value, timestampMs)
    },
  }))
}

/** A new key; the value stays. */
export function selectKeyOperator(keyOf: RecordFunction<unknown>): OperatorSpec {
  return statelessOperator('select-key', (output, record) => ({
    process(key, value, timestampMs) {
      output.process(keyOf(value, key, record), value, timestampMs)
    },
  }))
}
