import { type OperatorSpec, type RecordFunction, statelessOperator } from './operator.ts'

/** Shows each record to a function and passes it on as it is. */
export function peekOperator(look: RecordFunction<void>): OperatorSpec {
  return statelessOperator('peek', (output, record) => ({
    process(key, value, timestampMs) {
      look(value, key, record)
      output.process(key, value, timestampMs)
    },
  }))
}
