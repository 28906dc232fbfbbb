/** `millrace/kafka`: a Kafka client for the embedded broker and for any Kafka cluster. */
import { nodePlatform } from '../platform/node/platform.ts'
import type { ClusterOptions } from './cluster.ts'
import { type Kafka, kafkaOn } from './connect.ts'

export { isMillraceError, MillraceError } from '../core/errors.ts'
export type { StoredRecord, TopicPartition } from '../core/record.ts'
export type { TlsClientOptions } from '../platform/net.ts'
export { RecordBatchBuilder } from '../protocol/record-batch/record-batch-builder.ts'
export { RecordBatchReader } from '../protocol/record-batch/record-batch-reader.ts'
export type { Acl, AclFilter, AclOperation, AclResourceType } from './admin/acls.ts'
export { type Admin, type AdminOptions, createAdmin } from './admin/admin.ts'
export type {
  ClusterDescription,
  PartitionSize,
  TransactionDescription,
  TransactionListing,
} from './admin/cluster.ts'
export type { ConfigEntry, ConfigResource, ConfigResourceType, ConfigSource } from './admin/configs.ts'
export type { GroupDescription, GroupListing, GroupMember } from './admin/groups.ts'
export type { ActiveProducer } from './admin/offsets.ts'
export type { CreateTopicsOptions, NewTopic, TopicDescription } from './admin/topics.ts'
export type { IsolationLevel, OffsetAtTime, OffsetTime } from './cluster/list-offsets.ts'
export { Cluster, type ClusterOptions } from './cluster.ts'
export type { Kafka, Transaction } from './connect.ts'
export type { PasswordLogin, SaslOptions, TokenLogin } from './connection/sasl/sasl-options.ts'
export type { Assignor, AssignorInput, AssignorMember, AssignorOutput } from './consumer/assignor.ts'
export { cooperativeStickyAssignor } from './consumer/assignors/cooperative-sticky.ts'
export { rangeAssignor } from './consumer/assignors/range.ts'
export { roundRobinAssignor } from './consumer/assignors/round-robin.ts'
export { stickyAssignor } from './consumer/assignors/sticky.ts'
export {
  type CommittedOffset,
  type Consumer,
  type ConsumerOptions,
  createConsumer,
  type FetchedBatches,
  type StartPosition,
  type SubscriptionCallbacks,
} from './consumer/consumer.ts'
export { recordsOf } from './consumer/records.ts'
export type { GroupMetadata, OffsetToCommit } from './group-metadata.ts'
export {
  createProducer,
  type Producer,
  type ProducerOptions,
  type RecordMetadata,
  type RecordToSend,
} from './producer/producer.ts'

export interface KafkaOptions extends Omit<ClusterOptions, 'platform'> {
  /** Time, chance and network; the machine's own by default. */
  readonly platform?: ClusterOptions['platform']
}

/**
 * Connects to a cluster; nothing is sent before something is asked for.
 *
 * ```ts
 * const kafka = connect({ brokers: ['localhost:9092'] })
 * await kafka.producer().send({ topic: 'departed', key: 'LH-400', value: '{"gate":"B12"}' })
 * ```
 * @throws MR_OPTION_INVALID
 */
export function connect(options: KafkaOptions): Kafka {
  return kafkaOn({ ...options, platform: options.platform ?? nodePlatform() })
}
