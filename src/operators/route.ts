import { MillraceError } from '../core/errors.ts'
import { type OperatorSpec, type RecordFunction, statelessOperator } from './operator.ts'
import { PortOutput } from './port.ts'

/**
 * Gives each record to the port of the topic that `topicOf` answers.
 *
 * A topic that is not among `topics` is a fault of the record: it is put aside as one that could not be processed.
 */
export function routeOperator(topics: readonly string[], topicOf: RecordFunction<string>): OperatorSpec {
  const portOf = new Map(topics.map((topic, port) => [topic, port]))
  return statelessOperator('route', (output, record) => {
    const ports = new PortOutput(output)
    return {
      process(key, value, timestampMs) {
        const topic = topicOf(value, key, record)
        const port = portOf.get(topic)
        if (port === undefined) {
          throw new MillraceError('MR_RECORD_INVALID', `it should go to "${topic}"`, {
            hint: `to() was told of ${topics.join(', ')}: name every topic that a record may go to.`,
          })
        }
        ports.process(port, key, value, timestampMs)
      },
    }
  })
}
