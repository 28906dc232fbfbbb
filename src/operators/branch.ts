import { type OperatorSpec, type RecordFunction, statelessOperator } from './operator.ts'
import { PortOutput } from './port.ts'

/**
 * Gives each record to the first port whose condition it meets, and to no other (Kafka Streams' BranchedKStream).
 * What meets none goes to the port behind the last when `hasDefault`, else nowhere.
 */
export function branchOperator(
  conditions: readonly RecordFunction<boolean>[],
  hasDefault: boolean,
): OperatorSpec {
  return statelessOperator('branch', (output, record) => {
    const ports = new PortOutput(output)
    return {
      process(key, value, timestampMs) {
        let port = 0
        while (port < conditions.length && !conditions[port]!(value, key, record)) port++
        if (port < conditions.length || hasDefault) ports.process(port, key, value, timestampMs)
      },
    }
  })
}
