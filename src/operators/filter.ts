import { type OperatorSpec, type RecordFunction, statelessOperator } from './operator.ts'

/** Lets through the records for which `keep` answers true. */
export function filterOperator(keep: RecordFunction<boolean>): OperatorSpec {
  return statelessOperator('filter', (output, record) => ({
    process(key, value, timestampMs) {
      if (keep(value, key, record)) output.process(key, value, timestampMs)
    },
  }))
}
