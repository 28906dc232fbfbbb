/**
 * The error codes of Kafka's protocol (Kafka 4.3), as numbers with a name, a text and whether the same request may
 * succeed later.
 *
 * They are a table of their own and not part of the error register: a code becomes a MillraceError only where
 * Millrace gives up (`kafkaError`), and the broker turns an error back into a code at its edge (`kafkaCodeOf`).
 */
import { isMillraceError, MillraceError } from '../core/errors.ts'

type Row = readonly [code: number, retriable: boolean, message: string]

const table = {
  UNKNOWN_SERVER_ERROR: [-1, false, 'the broker failed in a way it has no code for'],
  NONE: [0, false, 'no error'],
  OFFSET_OUT_OF_RANGE: [1, false, 'the offset lies outside the partition'],
  CORRUPT_MESSAGE: [2, true, 'a batch is damaged'],
  UNKNOWN_TOPIC_OR_PARTITION: [3, true, 'the broker does not hold this topic or partition'],
  INVALID_FETCH_SIZE: [4, false, 'the fetch size is not legal'],
  LEADER_NOT_AVAILABLE: [5, true, 'the partition has no leader at the moment'],
  NOT_LEADER_OR_FOLLOWER: [6, true, 'the broker does not lead or follow this partition'],
  REQUEST_TIMED_OUT: [7, true, 'the broker did not finish in time'],
  BROKER_NOT_AVAILABLE: [8, false, 'the broker is not available'],
  REPLICA_NOT_AVAILABLE: [9, true, 'the replica is not available'],
  MESSAGE_TOO_LARGE: [10, false, 'the records are larger than the broker allows'],
  STALE_CONTROLLER_EPOCH: [11, false, 'the controller has moved to a newer epoch'],
  OFFSET_METADATA_TOO_LARGE: [12, false, 'the metadata of a committed offset is too long'],
  NETWORK_EXCEPTION: [13, true, 'the broker closed the connection before the answer'],
  COORDINATOR_LOAD_IN_PROGRESS: [14, true, 'the coordinator is still loading its state'],
  COORDINATOR_NOT_AVAILABLE: [15, true, 'the coordinator is not available'],
  NOT_COORDINATOR: [16, true, 'the broker does not coordinate this group or transaction'],
  INVALID_TOPIC_EXCEPTION: [17, false, 'the topic name is not legal, or the topic is internal'],
  RECORD_LIST_TOO_LARGE: [18, false, 'the request has more batches than a segment holds'],
  NOT_ENOUGH_REPLICAS: [19, true, 'fewer replicas are in sync than the topic asks for'],
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: [
    20,
    true,
    'the records were written, but to fewer replicas than asked for',
  ],
  INVALID_REQUIRED_ACKS: [21, false, 'the number of acknowledgements is not legal'],
  ILLEGAL_GENERATION: [22, false, 'the generation of the group has passed'],
  INCONSISTENT_GROUP_PROTOCOL: [23, false, 'the member shares no protocol with its group'],
  INVALID_GROUP_ID: [24, false, 'the group id is not legal'],
  UNKNOWN_MEMBER_ID: [25, false, 'the group does not know this member'],
  INVALID_SESSION_TIMEOUT: [26, false, 'the session timeout is outside the range of the broker'],
  REBALANCE_IN_PROGRESS: [27, false, 'the group is rebalancing; join again'],
  INVALID_COMMIT_OFFSET_SIZE: [28, false, 'the offsets to commit are too large'],
  TOPIC_AUTHORIZATION_FAILED: [29, false, 'access to the topic is denied'],
  GROUP_AUTHORIZATION_FAILED: [30, false, 'access to the group is denied'],
  CLUSTER_AUTHORIZATION_FAILED: [31, false, 'access to the cluster is denied'],
  INVALID_TIMESTAMP: [32, false, 'the timestamp of a record is out of range'],
  UNSUPPORTED_SASL_MECHANISM: [33, false, 'the broker does not offer this SASL mechanism'],
  ILLEGAL_SASL_STATE: [34, false, 'the request does not fit the state of the SASL exchange'],
  UNSUPPORTED_VERSION: [35, false, 'the version of the request is not supported'],
  TOPIC_ALREADY_EXISTS: [36, false, 'the topic exists already'],
  INVALID_PARTITIONS: [37, false, 'the number of partitions is not legal'],
  INVALID_REPLICATION_FACTOR: [
    38,
    false,
    'the replication factor is not legal, or there are too few brokers',
  ],
  INVALID_REPLICA_ASSIGNMENT: [39, false, 'the assignment of replicas is not legal'],
  INVALID_CONFIG: [40, false, 'a configuration value is not legal'],
  NOT_CONTROLLER: [41, true, 'the broker is not the controller'],
  INVALID_REQUEST: [42, false, 'the request contradicts itself or is malformed'],
  UNSUPPORTED_FOR_MESSAGE_FORMAT: [43, false, 'the record format does not support the request'],
  POLICY_VIOLATION: [44, false, 'a policy of the broker refuses the request'],
  OUT_OF_ORDER_SEQUENCE_NUMBER: [45, false, 'a batch is not the next one of its producer'],
  DUPLICATE_SEQUENCE_NUMBER: [46, false, 'the batch was written before'],
  INVALID_PRODUCER_EPOCH: [47, false, 'the producer epoch has passed: a newer producer has the id'],
  INVALID_TXN_STATE: [48, false, 'the transaction is not in a state for this request'],
  INVALID_PRODUCER_ID_MAPPING: [49, false, 'the producer id does not belong to the transactional id'],
  INVALID_TRANSACTION_TIMEOUT: [50, false, 'the transaction timeout is longer than the broker allows'],
  CONCURRENT_TRANSACTIONS: [51, true, 'another operation of the transaction is still under way'],
  TRANSACTION_COORDINATOR_FENCED: [52, false, 'the transaction coordinator has been replaced by a newer one'],
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: [53, false, 'access to the transactional id is denied'],
  SECURITY_DISABLED: [54, false, 'the broker has no authorization switched on'],
  OPERATION_NOT_ATTEMPTED: [55, false, 'the operation was not tried'],
  KAFKA_STORAGE_ERROR: [56, true, 'the disk of the broker failed'],
  LOG_DIR_NOT_FOUND: [57, false, 'the log directory is not configured on the broker'],
  SASL_AUTHENTICATION_FAILED: [58, false, 'the credentials were not accepted'],
  UNKNOWN_PRODUCER_ID: [59, false, 'the broker knows nothing of this producer id any more'],
  REASSIGNMENT_IN_PROGRESS: [60, false, 'the partition is being reassigned'],
  DELEGATION_TOKEN_AUTH_DISABLED: [61, false, 'delegation tokens are switched off'],
  DELEGATION_TOKEN_NOT_FOUND: [62, false, 'there is no such delegation token'],
  DELEGATION_TOKEN_OWNER_MISMATCH: [63, false, 'the delegation token belongs to another principal'],
  DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: [
    64,
    false,
    'delegation tokens cannot be requested over this connection',
  ],
  DELEGATION_TOKEN_AUTHORIZATION_FAILED: [65, false, 'access to the delegation token is denied'],
  DELEGATION_TOKEN_EXPIRED: [66, false, 'the delegation token has expired'],
  INVALID_PRINCIPAL_TYPE: [67, false, 'the principal type is not supported'],
  NON_EMPTY_GROUP: [68, false, 'the group has members'],
  GROUP_ID_NOT_FOUND: [69, false, 'there is no such group'],
  FETCH_SESSION_ID_NOT_FOUND: [70, true, 'the broker does not know this fetch session'],
  INVALID_FETCH_SESSION_EPOCH: [71, true, 'the epoch of the fetch session is not the next one'],
  LISTENER_NOT_FOUND: [72, true, 'the leader has no listener of the name the client uses'],
  TOPIC_DELETION_DISABLED: [73, false, 'deleting topics is switched off'],
  FENCED_LEADER_EPOCH: [74, true, 'the leader epoch of the request has passed'],
  UNKNOWN_LEADER_EPOCH: [75, true, 'the leader epoch of the request is newer than the one of the broker'],
  UNSUPPORTED_COMPRESSION_TYPE: [
    76,
    false,
    'the compression is not supported in this version of the request',
  ],
  STALE_BROKER_EPOCH: [77, false, 'the broker epoch has changed'],
  OFFSET_NOT_AVAILABLE: [78, true, 'the leader cannot tell the offset yet'],
  MEMBER_ID_REQUIRED: [79, false, 'join again with the member id of this answer'],
  PREFERRED_LEADER_NOT_AVAILABLE: [80, true, 'the preferred leader is not available'],
  GROUP_MAX_SIZE_REACHED: [81, false, 'the group has as many members as it may'],
  FENCED_INSTANCE_ID: [82, false, 'another member has taken over the instance id'],
  ELIGIBLE_LEADERS_NOT_AVAILABLE: [83, true, 'no eligible leader is available'],
  ELECTION_NOT_NEEDED: [84, true, 'the partition needs no election'],
  NO_REASSIGNMENT_IN_PROGRESS: [85, false, 'the partition is not being reassigned'],
  GROUP_SUBSCRIBED_TO_TOPIC: [86, false, 'the group is subscribed to the topic'],
  INVALID_RECORD: [87, false, 'a record was refused by the broker'],
  UNSTABLE_OFFSET_COMMIT: [88, true, 'the offsets have a transaction that is not decided'],
  THROTTLING_QUOTA_EXCEEDED: [89, true, 'the quota for such changes is used up for the moment'],
  PRODUCER_FENCED: [90, false, 'a newer producer has taken over the transactional id'],
  RESOURCE_NOT_FOUND: [91, false, 'there is no such resource'],
  DUPLICATE_RESOURCE: [92, false, 'the resource is named twice'],
  UNACCEPTABLE_CREDENTIAL: [93, false, 'the credential does not meet the rules'],
  INCONSISTENT_VOTER_SET: [94, false, 'the voters do not match those of the quorum'],
  INVALID_UPDATE_VERSION: [95, false, 'the version of the update is not legal'],
  FEATURE_UPDATE_FAILED: [96, false, 'the features could not be updated'],
  PRINCIPAL_DESERIALIZATION_FAILURE: [97, false, 'the forwarded principal cannot be read'],
  SNAPSHOT_NOT_FOUND: [98, false, 'there is no such snapshot'],
  POSITION_OUT_OF_RANGE: [99, false, 'the position lies outside the snapshot'],
  UNKNOWN_TOPIC_ID: [100, true, 'no topic has this id'],
  DUPLICATE_BROKER_REGISTRATION: [101, false, 'the broker id is registered already'],
  BROKER_ID_NOT_REGISTERED: [102, false, 'the broker id is not registered'],
  INCONSISTENT_TOPIC_ID: [103, true, 'the id of the topic in the log differs from the one in the request'],
  INCONSISTENT_CLUSTER_ID: [104, false, 'the cluster id differs from the one of the broker'],
  TRANSACTIONAL_ID_NOT_FOUND: [105, false, 'there is no such transactional id'],
  FETCH_SESSION_TOPIC_ID_ERROR: [106, true, 'the topic id does not fit the fetch session'],
  INELIGIBLE_REPLICA: [107, false, 'the replica may not be in sync'],
  NEW_LEADER_ELECTED: [108, false, 'another leader was elected'],
  OFFSET_MOVED_TO_TIERED_STORAGE: [109, false, 'the offset has moved to tiered storage'],
  FENCED_MEMBER_EPOCH: [110, false, 'the member epoch has passed'],
  UNRELEASED_INSTANCE_ID: [111, false, 'the instance id belongs to a member that has not left'],
  UNSUPPORTED_ASSIGNOR: [112, false, 'the coordinator has no such assignor'],
  STALE_MEMBER_EPOCH: [113, false, 'the member epoch is older than the one of the group'],
  MISMATCHED_ENDPOINT_TYPE: [
    114,
    false,
    'the endpoint is for brokers and not controllers, or the other way round',
  ],
  UNSUPPORTED_ENDPOINT_TYPE: [115, false, 'the endpoint type is not supported'],
  UNKNOWN_CONTROLLER_ID: [116, false, 'there is no such controller'],
  UNKNOWN_SUBSCRIPTION_ID: [117, false, 'the telemetry subscription is not known'],
  TELEMETRY_TOO_LARGE: [118, false, 'the telemetry is larger than the broker allows'],
  INVALID_REGISTRATION: [119, false, 'the registration of the broker is not legal'],
  TRANSACTION_ABORTABLE: [120, false, 'the transaction can only be aborted'],
  INVALID_RECORD_STATE: [121, false, 'the record is not in a state for this acknowledgement'],
  SHARE_SESSION_NOT_FOUND: [122, true, 'the broker does not know this share session'],
  INVALID_SHARE_SESSION_EPOCH: [123, true, 'the epoch of the share session is not the next one'],
  FENCED_STATE_EPOCH: [124, false, 'the epoch of the share state has passed'],
  INVALID_VOTER_KEY: [125, false, 'the key of the voter is not legal'],
  DUPLICATE_VOTER: [126, false, 'the voter is one already'],
  VOTER_NOT_FOUND: [127, false, 'there is no such voter'],
  INVALID_REGULAR_EXPRESSION: [128, false, 'the regular expression is not legal'],
  REBOOTSTRAP_REQUIRED: [129, false, 'the client has to look the brokers up anew'],
  STREAMS_INVALID_TOPOLOGY: [130, false, 'the topology of the streams group is not legal'],
  STREAMS_INVALID_TOPOLOGY_EPOCH: [131, false, 'the epoch of the streams topology is not legal'],
  STREAMS_TOPOLOGY_FENCED: [132, false, 'the epoch of the streams topology has passed'],
  SHARE_SESSION_LIMIT_REACHED: [133, true, 'the broker has as many share sessions as it may'],
} as const satisfies Readonly<Record<string, Row>>

export type KafkaErrorName = keyof typeof table

/** The number of each code: `ErrorCodes.UNKNOWN_TOPIC_OR_PARTITION`. */
export const ErrorCodes = Object.fromEntries(Object.entries(table).map(([name, [code]]) => [name, code])) as {
  readonly [N in KafkaErrorName]: (typeof table)[N][0]
}

export interface KafkaErrorKind {
  readonly code: number
  readonly name: KafkaErrorName
  /** The same request may succeed later, perhaps with another broker. */
  readonly retriable: boolean
  readonly message: string
}

const kinds = new Map<number, KafkaErrorKind>(
  Object.entries(table).map(([name, [code, retriable, message]]) => [
    code,
    { code, name: name as KafkaErrorName, retriable, message },
  ]),
)

const unknown = kinds.get(-1)!

/** What a code means. A code that is not known here counts as UNKNOWN_SERVER_ERROR, as in Kafka's clients. */
export function errorKindOf(code: number): KafkaErrorKind {
  return kinds.get(code) ?? unknown
}

/**
 * The error for a code that a broker answered or that the broker is about to answer.
 *
 * `where` says what it was about: `departed/3`, `group "billing"`. The number is in `context.kafkaCode`.
 */
export function kafkaError(code: number, where?: string, message?: string | null): MillraceError {
  const kind = errorKindOf(code)
  const text = message || kind.message
  const name = kind.code === code ? kind.name : `error code ${code}`
  return new MillraceError('MR_KAFKA', `${text} (${name})`, {
    ...(where === undefined ? {} : { where }),
    retriable: kind.retriable,
    context: { kafkaCode: code, kafkaName: kind.name },
  })
}

/** The code that an error stands for on the wire: its `context.kafkaCode`, or UNKNOWN_SERVER_ERROR. */
export function kafkaCodeOf(error: unknown): number {
  const code = isMillraceError(error) ? error.context['kafkaCode'] : undefined
  return typeof code === 'number' ? code : ErrorCodes.UNKNOWN_SERVER_ERROR
}

/** True when `error` carries the code of this name. */
export function isKafkaError(error: unknown, name: KafkaErrorName): boolean {
  return isMillraceError(error) && error.context['kafkaCode'] === ErrorCodes[name]
}
