import { type OperatorSpec, statelessOperator } from './operator.ts'

/** Lets through the records for which `keep` answers true. */
export function filterOperator(keep: (value: unknown, key: unknown) => boolean): OperatorSpec {
  return statelessOperator('filter', (output) => ({
    process(key, value, timestampMs) {
      if (keep(value, key)) output.process(key, value, timestampMs)
    },
  }))
}
