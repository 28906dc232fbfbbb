/**
 * Errors of the client: what a broker answered, with its place and what to do about it.
 *
 * One class for all: MillraceError with the code MR_KAFKA, Kafka's name and number in `context.kafkaName` and
 * `context.kafkaCode`, and `broker`, `topic`, `partition`, `group`, `transactionalId` where they are known. Four of
 * Kafka's codes have a code of their own in the register, because programs react to them.
 */
import type { ErrorCode } from '../core/error-register.ts'
import { type ErrorContext, isMillraceError, MillraceError, messageOf } from '../core/errors.ts'
import { partitionName } from '../core/record.ts'
import { ErrorCodes, errorKindOf, type KafkaErrorName } from '../protocol/error-codes.ts'

/** What a request was about; all of it may be left out. */
export interface Place {
  /** `host:port` of the broker that answered. */
  readonly broker?: string
  readonly topic?: string
  readonly partition?: number
  readonly group?: string
  readonly transactionalId?: string
}

const ownCodes: Partial<Record<KafkaErrorName, ErrorCode>> = {
  PRODUCER_FENCED: 'MR_PRODUCER_FENCED',
  INVALID_PRODUCER_EPOCH: 'MR_PRODUCER_FENCED',
  MESSAGE_TOO_LARGE: 'MR_RECORD_TOO_LARGE',
  RECORD_LIST_TOO_LARGE: 'MR_RECORD_TOO_LARGE',
  TOPIC_ALREADY_EXISTS: 'MR_TOPIC_EXISTS',
  INVALID_TOPIC_EXCEPTION: 'MR_TOPIC_NAME_INVALID',
}

const hints: Partial<Record<KafkaErrorName, string>> = {
  PRODUCER_FENCED:
    'Run one producer per transactional id at a time; the newer one goes on, this one has to be closed.',
  INVALID_PRODUCER_EPOCH:
    'A newer producer has the transactional id, or the transaction took longer than transactionTimeoutMs.',
  MESSAGE_TOO_LARGE: 'Make batchBytesMax smaller, or raise max.message.bytes of the topic.',
  RECORD_LIST_TOO_LARGE: 'Make batchBytesMax smaller, or raise segment.bytes of the topic.',
  UNKNOWN_TOPIC_OR_PARTITION: 'Create the topic first, or check its name and the number of its partitions.',
  TOPIC_AUTHORIZATION_FAILED: 'Give the user the rights it needs on the topic (READ, WRITE, DESCRIBE).',
  GROUP_AUTHORIZATION_FAILED: 'Give the user READ on the group.',
  CLUSTER_AUTHORIZATION_FAILED: 'Give the user the rights it needs on the cluster.',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'Give the user WRITE and DESCRIBE on the transactional id.',
  SASL_AUTHENTICATION_FAILED: 'Check user name, password and mechanism.',
  NOT_ENOUGH_REPLICAS: 'Bring brokers back, or lower min.insync.replicas of the topic.',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 'Bring brokers back, or lower min.insync.replicas of the topic.',
  INVALID_SESSION_TIMEOUT:
    'Choose sessionTimeoutMs within group.min.session.timeout.ms and group.max.session.timeout.ms of the broker.',
  INVALID_TRANSACTION_TIMEOUT: 'Choose transactionTimeoutMs below transaction.max.timeout.ms of the broker.',
  INCONSISTENT_GROUP_PROTOCOL: 'Give all members of the group at least one assignor in common.',
  FENCED_INSTANCE_ID: 'Give every member of the group a groupInstanceId of its own.',
  UNSUPPORTED_VERSION: 'The broker is too old for this; upgrade it, or switch the feature off.',
  OFFSET_OUT_OF_RANGE:
    'The records were deleted, or never written; set offsetReset to "earliest" or "latest".',
  ILLEGAL_GENERATION: 'The group has rebalanced; the partitions have to be assigned again before a commit.',
  UNKNOWN_MEMBER_ID: 'The member missed its session timeout or poll interval and was removed from its group.',
  REBALANCE_IN_PROGRESS: 'Poll once more, so that the rebalance can end, and commit again.',
  NON_EMPTY_GROUP: 'Stop the members of the group first.',
  INVALID_REPLICATION_FACTOR: 'Ask for no more replicas than there are brokers.',
}

/** `departed/3`, a group or a transactional id in quotes, then the broker. */
export function describePlace(place: Place): string | undefined {
  const parts: string[] = []
  if (place.topic !== undefined) {
    parts.push(place.partition === undefined ? place.topic : partitionName(place.topic, place.partition))
  }
  if (place.group !== undefined) parts.push(`group "${place.group}"`)
  if (place.transactionalId !== undefined) parts.push(`transactional id "${place.transactionalId}"`)
  if (place.broker !== undefined) parts.push(`broker ${place.broker}`)
  return parts.length === 0 ? undefined : parts.join(', ')
}

/** The error for a code in a broker's answer. `doing` is a verb with its object: `produce`, `join the group`. */
export function answerError(
  code: number,
  doing: string,
  place: Place = {},
  message?: string | null,
): MillraceError {
  const kind = errorKindOf(code)
  const name = kind.code === code ? kind.name : `error code ${code}`
  const where = describePlace(place)
  const hint = hints[kind.name]
  return new MillraceError(
    ownCodes[kind.name] ?? 'MR_KAFKA',
    `cannot ${doing}: ${message || kind.message} (${name})`,
    {
      retriable: kind.retriable,
      context: { ...(place as ErrorContext), kafkaCode: code, kafkaName: kind.name },
      ...(where === undefined ? {} : { where }),
      ...(hint === undefined ? {} : { hint }),
    },
  )
}

/** Throws when `code` is an error. */
export function checkAnswer(code: number, doing: string, place: Place = {}, message?: string | null): void {
  if (code !== ErrorCodes.NONE) throw answerError(code, doing, place, message)
}

/** The number of a Kafka code that `error` carries, or undefined. */
export function kafkaCodeIn(error: unknown): number | undefined {
  const code = isMillraceError(error) ? error.context['kafkaCode'] : undefined
  return typeof code === 'number' ? code : undefined
}

/** The connection broke or the answer did not come: the request may have had effect. */
export function isTransportError(error: unknown): boolean {
  return (
    isMillraceError(error, 'MR_CONNECTION_LOST') ||
    isMillraceError(error, 'MR_TIMEOUT') ||
    isMillraceError(error, 'MR_BROKER_UNREACHABLE')
  )
}

/** The same request may succeed later, perhaps with another broker. */
export function isRetriable(error: unknown): boolean {
  return isMillraceError(error) && error.retriable
}

/** A MillraceError of anything that was thrown. */
export function asMillraceError(thrown: unknown): MillraceError {
  if (thrown instanceof MillraceError) return thrown
  return new MillraceError('MR_INVARIANT', messageOf(thrown), { cause: thrown })
}

export function closedError(what: string): MillraceError {
  return new MillraceError('MR_CLOSED', `${what} is closed`)
}
