import { type OperatorSpec, statelessOperator } from './operator.ts'

/** Shows each record to a function and passes it on as it is. */
export function peekOperator(look: (value: unknown, key: unknown) => void): OperatorSpec {
  return statelessOperator('peek', (output) => ({
    process(key, value, timestampMs) {
      look(value, key)
      output.process(key, value, timestampMs)
    },
  }))
}
