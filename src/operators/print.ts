import { type OperatorSpec, type RecordFunction, statelessOperator } from './operator.ts'

export interface PrintOptions {
  readonly label: string
  readonly line: RecordFunction<string>
  /** Takes one line without its end. */
  readonly write: (line: string) => void
}

/** Shows each record as a line `[label]: text`, the form of Kafka Streams' `print`, and gives nothing on. */
export function printOperator({ label, line, write }: PrintOptions): OperatorSpec {
  return statelessOperator('print', (_output, record) => ({
    process(key, value) {
      write(`[${label}]: ${line(value, key, record)}`)
    },
  }))
}
