import { type OperatorSpec, statelessOperator } from './operator.ts'

/** One record in, one out, with a new value; the key stays. */
export function mapValuesOperator(change: (value: unknown, key: unknown) => unknown): OperatorSpec {
  return statelessOperator('map-values', (output) => ({
    process(key, value, timestampMs) {
      output.process(key, change(value, key), timestampMs)
    },
  }))
}

/** A key and a value: what `map` and `flatMap` give back. */
export interface KeyValue<K, V> {
  readonly key: K
  readonly value: V
}

/** One record in, one out, with a new key and value. */
export function mapOperator(
  change: (value: unknown, key: unknown) => KeyValue<unknown, unknown>,
): OperatorSpec {
  return statelessOperator('map', (output) => ({
    process(key, value, timestampMs) {
      const changed = change(value, key)
      output.process(changed.key, changed.value, timestampMs)
    },
  }))
}

/** A new key; the value stays. */
export function selectKeyOperator(keyOf: (value: unknown, key: unknown) => unknown): OperatorSpec {
  return statelessOperator('select-key', (output) => ({
    process(key, value, timestampMs) {
      output.process(keyOf(value, key), value, timestampMs)
    },
  }))
}
