/**
 * Every metric of the broker: the one list from which `/metrics` and docs/reference/metrics.md are printed.
 *
 * Names of a JMX exporter (its example configuration for Kafka, lower case) and of kafka_exporter, so that dashboards
 * and alerts for Kafka show this broker; what those have no name for is `millrace_broker_…`, in base units.
 */
import type { MetricKind } from './prometheus-text.ts'

const counter = (help: string, ...labels: readonly string[]): MetricKind => ({
  type: 'counter',
  help,
  labels,
})
const gauge = (help: string, ...labels: readonly string[]): MetricKind => ({ type: 'gauge', help, labels })

const partition = ['topic', 'partition'] as const
const inGroup = ['consumergroup', 'topic'] as const

export const metricTable = {
  kafka_server_brokertopicmetrics_messagesin_total: counter(
    'Records taken in; without a topic of all.',
    'topic',
  ),
  kafka_server_brokertopicmetrics_bytesin_total: counter(
    'Bytes of records taken in; without a topic of all.',
    'topic',
  ),
  kafka_server_brokertopicmetrics_bytesout_total: counter(
    'Bytes of records given out; without a topic of all.',
    'topic',
  ),
  kafka_server_brokertopicmetrics_totalproducerequests_total: counter(
    'Batches that were to be written; without a topic of all.',
    'topic',
  ),
  kafka_server_brokertopicmetrics_failedproducerequests_total: counter(
    'Of these, batches that were refused.',
    'topic',
  ),
  kafka_server_brokertopicmetrics_totalfetchrequests_total: counter(
    'Reads of a partition; without a topic of all.',
    'topic',
  ),
  kafka_server_brokertopicmetrics_failedfetchrequests_total: counter(
    'Of these, reads that were refused.',
    'topic',
  ),

  kafka_network_requestmetrics_requests_total: counter('Requests by API and version.', 'request', 'version'),
  kafka_network_requestmetrics_totaltimems: {
    type: 'summary',
    help: 'From a request to its answer, waiting included, in ms: percentiles of the last one to two minutes.',
    labels: ['request'],
  },
  kafka_server_socket_server_metrics_connection_count: gauge('Open connections of a listener.', 'listener'),
  kafka_server_socket_server_metrics_connection_creation_total: counter(
    'Connections that came in.',
    'listener',
  ),
  kafka_server_socket_server_metrics_successful_authentication_total: counter(
    'Logins that were right.',
    'listener',
  ),
  kafka_server_socket_server_metrics_failed_authentication_total: counter(
    'Logins that were wrong.',
    'listener',
  ),
  kafka_network_socketserver_memorypoolused: gauge('Bytes held for requests that are still arriving.'),
  kafka_server_delayedoperationpurgatory_purgatorysize: gauge(
    'Fetches that wait for records.',
    'delayedOperation',
  ),
  kafka_server_fetchsessioncache_numincrementalfetchsessions: gauge('Fetch sessions that are kept.'),

  kafka_server_replicamanager_partitioncount: gauge('Partitions.'),
  kafka_server_replicamanager_leadercount: gauge('Partitions that are led: all.'),
  kafka_server_replicamanager_underreplicatedpartitions: gauge('Always 0: one node.'),
  kafka_server_replicamanager_offlinereplicacount: gauge(
    'Partitions that take no records since their files failed.',
  ),
  kafka_controller_kafkacontroller_activecontrollercount: gauge('Always 1: this broker.'),
  kafka_controller_kafkacontroller_offlinepartitionscount: gauge(
    'Partitions that take no records since their files failed.',
  ),
  kafka_controller_kafkacontroller_globaltopiccount: gauge('Topics.'),
  kafka_controller_kafkacontroller_globalpartitioncount: gauge('Partitions.'),
  kafka_coordinator_group_groupmetadatamanager_numgroups: gauge('Groups, with members or with offsets only.'),

  kafka_log_log_size: gauge('Bytes on the disk.', ...partition),
  kafka_log_log_logstartoffset: gauge('The first offset that is kept.', ...partition),
  kafka_log_log_logendoffset: gauge('The offset that the next record gets.', ...partition),

  kafka_brokers: gauge('Brokers in the cluster: 1.'),
  kafka_broker_info: gauge(
    'Always 1; the labels say which broker, and where clients are told to connect.',
    'id',
    'address',
  ),
  kafka_topic_partitions: gauge('Partitions of a topic.', 'topic'),
  kafka_topic_partition_current_offset: gauge('The offset that the next record gets.', ...partition),
  kafka_topic_partition_oldest_offset: gauge('The first offset that is kept.', ...partition),
  kafka_topic_partition_leader: gauge('The id of the broker.', ...partition),
  kafka_topic_partition_leader_is_preferred: gauge('Always 1.', ...partition),
  kafka_topic_partition_replicas: gauge('Always 1: one node.', ...partition),
  kafka_topic_partition_in_sync_replica: gauge('Always 1: one node.', ...partition),
  kafka_topic_partition_under_replicated_partition: gauge('Always 0: one node.', ...partition),
  kafka_consumergroup_members: gauge('Members of a group.', 'consumergroup'),
  kafka_consumergroup_current_offset: gauge(
    'The offset that a group has committed.',
    ...inGroup,
    'partition',
  ),
  kafka_consumergroup_current_offset_sum: gauge('The same, all partitions of a topic together.', ...inGroup),
  kafka_consumergroup_lag: gauge('Records that a group has not committed yet.', ...inGroup, 'partition'),
  kafka_consumergroup_lag_sum: gauge('The same, all partitions of a topic together.', ...inGroup),

  millrace_broker_request_duration_seconds: {
    type: 'histogram',
    help: 'From a request to its answer, waiting included, since the start.',
    labels: ['api'],
  },
  millrace_broker_request_failures_total: counter('Requests that ended their connection.', 'api'),
  millrace_broker_in_process_connections: gauge(
    'Connections of this process: pipelines, agents, sinks, page.',
  ),
  millrace_broker_connections_refused_total: counter(
    'Connections that were one too many, or of nobody known.',
  ),
  millrace_broker_response_memory_bytes: gauge('Held for answers that clients have not read.'),
  millrace_broker_transactional_ids: gauge('Transactional ids that are known.'),
  millrace_broker_metrics_left_out: gauge(
    'Topics and groups beyond the first 1,000 of each, which have no series of their own.',
    'of',
  ),
} as const satisfies Readonly<Record<string, MetricKind>>

export type MetricName = keyof typeof metricTable
