/**
 * Every error code that Millrace can raise: one line per code, printed into docs/reference/errors.md.
 *
 * `exit` is the exit status of the command line when the error ends it:
 * 1 failed, 2 wrong usage or config, 3 not found, 4 conflict, 5 cannot reach, 6 refused, 7 data error.
 * `retriable` says that the same call may succeed later without a change by the caller.
 */
export interface ErrorKind {
  /** What the code stands for, one sentence, for the reference page. */
  readonly means: string
  readonly retriable: boolean
  readonly exit: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 124
}

const kind = (exit: ErrorKind['exit'], means: string, retriable = false): ErrorKind => ({
  means,
  retriable,
  exit,
})

export const errorRegister = {
  MR_INVARIANT: kind(1, 'A condition that the program relies on does not hold: a defect in Millrace.'),
  MR_CLOSED: kind(1, 'The object was closed before or during the call.'),
  MR_TIMEOUT: kind(124, 'Something that was waited for did not happen within its deadline.', true),
  MR_ABORTED: kind(1, 'The caller ended the operation before it was done.'),
  MR_LIMIT: kind(7, 'A named limit of a queue, buffer or message was passed.'),

  MR_USAGE: kind(2, 'A command was called with unknown or missing arguments.'),
  MR_TEST_FAILED: kind(8, 'Tests that were run have failed, or there were none.'),
  MR_NODE_VERSION: kind(2, 'The running Node.js is older than the oldest one supported.'),
  MR_CONFIG_NOT_FOUND: kind(2, 'No configuration file was found where one was named.'),
  MR_CONFIG_INVALID: kind(2, 'A configuration file cannot be loaded, or a value in it is not legal.'),
  MR_DURATION_INVALID: kind(2, 'A text is not a duration such as 30s or "5 minutes".'),
  MR_SIZE_INVALID: kind(2, 'A text is not a size such as 64KiB or "512 MB".'),
  MR_OPTION_INVALID: kind(2, 'An option of a source, sink, store or operator has an illegal value.'),

  MR_PORT_IN_USE: kind(4, 'A port that must be listened on belongs to another process.'),
  MR_LISTEN_EXPOSED: kind(2, 'A server would be open to other machines though nobody has to log in.'),
  MR_DATA_DIRECTORY_LOCKED: kind(4, 'The data directory is in use by another process.'),
  MR_DISK_FULL: kind(1, 'The disk has no room for a write; nothing was acknowledged.', true),
  MR_DISK_FAILED: kind(1, 'The operating system refused a read, write or sync of a file.'),
  MR_FILE_NOT_FOUND: kind(3, 'A file or directory that was named does not exist.'),

  MR_BYTES_TRUNCATED: kind(7, 'Bytes end before the value that they announce.'),
  MR_BYTES_INVALID: kind(7, 'Bytes do not follow the format that they should have.'),
  MR_CHECKSUM: kind(7, 'Stored or received bytes do not match their checksum.'),
  MR_COMPRESSION_UNSUPPORTED: kind(7, 'A compression codec is not available in this process.'),
  MR_COMPRESSION_INVALID: kind(7, 'Compressed bytes cannot be decompressed, or grow past the limit.'),

  MR_LOG_CORRUPT: kind(
    7,
    'A log holds damaged bytes, or lost records that were on the disk; it is read-only.',
  ),
  MR_LOG_READ_ONLY: kind(1, 'A partition takes no records since a write or sync of its files failed.'),
  MR_LOG_APPEND_REFUSED: kind(7, 'A batch breaks a rule of its producer, its transaction or its topic.'),
  MR_LOG_DIRECTORY_INVALID: kind(7, 'A file of the data directory cannot be read, or is of another version.'),
  MR_OFFSET_OUT_OF_RANGE: kind(3, 'An offset lies outside of what the partition holds.'),

  MR_PROTOCOL_VERSION_UNSUPPORTED: kind(5, 'Client and broker share no version of a request.'),
  MR_PROTOCOL_REQUEST_INVALID: kind(7, 'A request or response frame cannot be read.'),
  MR_PROTOCOL_VALUE_INVALID: kind(
    1,
    'A value of the wrong type, range or length was given for a protocol field.',
  ),
  MR_PROTOCOL_FIELD_UNSUPPORTED: kind(
    5,
    'A request sets a field that the version shared with the broker lacks.',
  ),

  MR_INSTANCE_UNREACHABLE: kind(5, 'No Millrace answers at the port of the page on this machine.', true),
  MR_BROKER_UNREACHABLE: kind(5, 'No broker answers at the addresses given.', true),
  MR_TLS_FAILED: kind(5, 'A connection under TLS was refused, or a certificate or key cannot be used.'),
  MR_CONNECTION_LOST: kind(5, 'The connection to a broker ended before the answer came.', true),
  MR_KAFKA: kind(1, 'A broker answered with an error code of the Kafka protocol.'),
  MR_TOPIC_UNKNOWN: kind(3, 'A topic that was named does not exist.'),
  MR_TOPIC_EXISTS: kind(4, 'A topic that should be created is already there.'),
  MR_TOPIC_NAME_INVALID: kind(2, 'A topic name has illegal characters or length.'),
  MR_RECORD_TOO_LARGE: kind(7, 'A record is larger than a batch may be.'),
  MR_OFFSET_UNKNOWN: kind(3, 'A consumer has no position to start from, and its reset policy is none.'),
  MR_CONSUMER_BUSY: kind(1, 'A consumer was polled while another poll of it was under way.'),
  MR_TRANSACTION_STATE: kind(1, 'A call does not fit the state of the transaction.'),
  MR_PRODUCER_FENCED: kind(1, 'A newer producer with the same transactional id has taken over.'),
  MR_GROUP_UNKNOWN: kind(3, 'A consumer group that was named does not exist.'),
  MR_GROUP_ACTIVE: kind(4, 'A consumer group has members, and only one without them can be changed so.'),
  MR_GROUP_LOST: kind(1, 'The consumer is no longer a member of its group.', true),
  MR_MIRROR_REFUSED: kind(4, 'A topic cannot be mirrored onto what the other cluster has under its name.'),

  MR_RECORD_INVALID: kind(7, 'A record does not match its schema or cannot be decoded.'),
  MR_SCHEMA_ASYNC: kind(2, 'A schema validates asynchronously, which the hot path cannot wait for.'),
  MR_FUNCTION_FAILED: kind(7, 'A function of the user threw while it processed a record.'),

  MR_DEPENDENCY_MISSING: kind(2, 'A package that is needed for what is asked for is not installed.'),
  MR_REGISTRY_UNREACHABLE: kind(5, 'No schema registry answers at the addresses given.', true),
  MR_REGISTRY_REFUSED: kind(6, 'A schema registry refused a call, or its answer makes no sense.'),
  MR_SCHEMA_UNKNOWN: kind(7, 'A schema, a subject or a version is not in the schema registry.'),
  MR_SCHEMA_NOT_LOADED: kind(7, 'The schema of a record is being fetched; the same call works soon.', true),
  MR_SCHEMA_INVALID: kind(2, 'A schema cannot be used as it is written.'),
  MR_SCHEMA_INCOMPATIBLE: kind(4, 'A schema breaks the compatibility with another one.'),

  MR_PLAN_INVALID: kind(2, 'A pipeline cannot be planned as it is written.'),
  MR_PLAN_NOT_COPARTITIONED: kind(2, 'Two sides of a join have different numbers of partitions.'),
  MR_PLAN_NAME_TAKEN: kind(2, 'Two parts of a pipeline have the same name.'),
  MR_STATE_CORRUPT: kind(7, 'A changelog record cannot be read back into its store.'),
  MR_STORE_UNKNOWN: kind(3, 'A query names a store that is not there, or that is not for queries.'),
  MR_STORE_KIND: kind(2, 'A query asks a store for what stores of its kind cannot tell.'),
  MR_STORE_MOVING: kind(
    5,
    'The state that a query asks for is being moved or restored, or held elsewhere.',
    true,
  ),
  MR_QUERY_INVALID: kind(2, 'A query has an illegal key, time, limit or cursor.'),
  MR_TASK_FAILED: kind(1, 'A task of a pipeline stopped with an error.'),
  MR_PIPELINE_UNKNOWN: kind(3, 'A pipeline that was named does not run here.'),
  MR_PIPELINE_RUNS_ELSEWHERE: kind(4, 'A pipeline that is started runs in another process already.'),
  MR_PIPELINE_ENDED: kind(4, 'A pipeline has come to the end of its input and takes no decisions any more.'),
  MR_OPERATOR_UNKNOWN: kind(3, 'A decision names an operator that is not there, or that parks no keys.'),
  MR_KEY_NOT_PARKED: kind(3, 'A decision is about a key whose records do not wait for one that fails.'),

  MR_SOURCE_FAILED: kind(1, 'A source cannot be read.'),
  MR_SOURCE_FILE_CHANGED: kind(
    7,
    'A spooled file changed after it was taken up, or its name was used again.',
  ),
  MR_SINK_FAILED: kind(1, 'A sink refused records.'),

  MR_HTTP_REQUEST_INVALID: kind(2, 'An HTTP request has an illegal method, parameter or body.'),
  MR_HTTP_REFUSED: kind(6, 'An HTTP request came from another site, or for a host name that is not served.'),
  MR_HTTP_NOT_FOUND: kind(3, 'Nothing is served at the address of an HTTP request.'),
  MR_HTTP_FAILED: kind(1, 'An HTTP request failed inside Millrace; the log has the cause.'),
} as const satisfies Record<`MR_${string}`, ErrorKind>

/** One of the registered codes. */
export type ErrorCode = keyof typeof errorRegister
