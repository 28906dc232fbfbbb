import { type OperatorSpec, statelessOperator } from './operator.ts'
import { PortOutput } from './port.ts'

/** Marks the records of one of the streams that are aggregated together; `dropNull` passes over null values. */
export function cogroupInputOperator(port: number, dropNull: boolean): OperatorSpec {
  return statelessOperator('cogroup-input', (output) => {
    const ports = new PortOutput(output)
    return {
      process(key, value, timestampMs) {
        if (dropNull && (value === null || value === undefined)) return
        ports.process(port, key, value, timestampMs)
      },
    }
  })
}
