import { MillraceError } from './errors.ts'

const TOPIC_NAME_LENGTH_MAX = 249

/**
 * Kafka's rule for topic names: 1 to 249 of `a-z A-Z 0-9 . _ -`, not `.` or `..`.
 * Returns why `name` is not legal, or undefined when it is.
 */
export function topicNameFault(name: string): string | undefined {
  if (name.length === 0) return 'it is empty'
  if (name.length > TOPIC_NAME_LENGTH_MAX) return `it is longer than ${TOPIC_NAME_LENGTH_MAX} characters`
  if (name === '.' || name === '..') return '"." and ".." are not allowed'
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) return 'only letters, digits, ".", "_" and "-" are allowed'
  return undefined
}

/** @throws MR_TOPIC_NAME_INVALID */
export function checkTopicName(name: string): void {
  const fault = topicNameFault(name)
  if (fault !== undefined) {
    throw new MillraceError('MR_TOPIC_NAME_INVALID', `"${name}" is not a topic name: ${fault}`, {
      hint: 'Use 1 to 249 letters, digits, ".", "_" or "-".',
    })
  }
}
