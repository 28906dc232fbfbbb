/**
 * Gives the late records of an operator to a stream of their own: port 0 has its results, port 1 the late records.
 * Those that `takes` does not want go where they went before.
 */
import type { OperatorSpec } from './operator.ts'
import { PortOutput } from './port.ts'

export const RESULTS_PORT = 0
export const LATE_PORT = 1

export function withLateOutput(
  spec: OperatorSpec,
  takes: (value: unknown) => boolean = () => true,
): OperatorSpec {
  return {
    ...spec,
    create(name, context, output) {
      const ports = new PortOutput(output)
      return spec.create(
        name,
        {
          ...context,
          late(record) {
            const { key, value, timestampMs } = record
            if (takes(value)) ports.process(LATE_PORT, key, value, timestampMs)
            else context.late(record)
          },
        },
        {
          process: (key, value, timestampMs, before) =>
            ports.process(RESULTS_PORT, key, value, timestampMs, before),
        },
      )
    },
  }
}
