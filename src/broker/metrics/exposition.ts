/**
 * The broker's metrics as Prometheus reads them.
 *
 * Who connects must not decide how much memory a monitoring system needs: topics and groups have series of their own
 * up to a limit. Counters of topics beyond it are in `topic="other"`; offsets and groups beyond it are left out, and
 * how many is told.
 */
import type { BrokerMetrics, GroupMetrics, PartitionMetrics } from './broker-metrics.ts'
import { latencyLimitsMs } from './latency-histogram.ts'
import { type MetricName, metricTable } from './metric-table.ts'
import { PrometheusText } from './prometheus-text.ts'

/** Topics, and groups, that have series of their own. */
const NAMED_MAX = 1000
const OTHER = 'other'
const quantiles = [0.5, 0.75, 0.95, 0.98, 0.99, 0.999] as const

type Text = PrometheusText<MetricName>
type Numbers<T> = { [K in keyof T]: T[K] extends number ? K : never }[keyof T]

/** What `/metrics` answers: `text/plain; version=0.0.4`. */
export function expose(metrics: BrokerMetrics): string {
  const text: Text = new PrometheusText(metricTable)
  const byTopic = Map.groupBy(metrics.partitions, ({ topic }) => topic)
  const named = new Set([...byTopic.keys()].slice(0, NAMED_MAX))
  const partitions = metrics.partitions.filter(({ topic }) => named.has(topic))
  const groups = metrics.consumerGroups.slice(0, NAMED_MAX)
  topicCounters(text, byTopic, named)
  requests(text, metrics)
  connections(text, metrics)
  nodeGauges(text, metrics, byTopic.size)
  partitionGauges(text, metrics, partitions, byTopic)
  groupGauges(text, groups)
  const leftOut = 'millrace_broker_metrics_left_out'
  text.add(leftOut, byTopic.size - named.size, 'topics')
  text.add(leftOut, metrics.consumerGroups.length - groups.length, 'groups')
  return text.toString()
}

const topicCounterNames = [
  ['kafka_server_brokertopicmetrics_messagesin_total', 'recordsIn'],
  ['kafka_server_brokertopicmetrics_bytesin_total', 'bytesIn'],
  ['kafka_server_brokertopicmetrics_bytesout_total', 'bytesOut'],
  ['kafka_server_brokertopicmetrics_totalproducerequests_total', 'produces'],
  ['kafka_server_brokertopicmetrics_failedproducerequests_total', 'failedProduces'],
  ['kafka_server_brokertopicmetrics_totalfetchrequests_total', 'fetches'],
  ['kafka_server_brokertopicmetrics_failedfetchrequests_total', 'failedFetches'],
] as const satisfies readonly (readonly [MetricName, Numbers<PartitionMetrics>])[]

function topicCounters(
  text: Text,
  byTopic: ReadonlyMap<string, readonly PartitionMetrics[]>,
  named: ReadonlySet<string>,
): void {
  for (const [name, field] of topicCounterNames) {
    const sums = new Map<string, number>()
    let all = 0
    for (const [topic, partitions] of byTopic) {
      const sum = partitions.reduce((total, partition) => total + partition[field], 0)
      const under = named.has(topic) ? topic : OTHER
      sums.set(under, (sums.get(under) ?? 0) + sum)
      all += sum
    }
    // Kafka has both: one bean of the broker, and one per topic.
    text.add(name, all)
    for (const [topic, sum] of sums) text.add(name, sum, topic)
  }
}

function requests(text: Text, { apis, nowMs }: BrokerMetrics): void {
  for (const { byVersion, name } of apis) {
    for (const [version, count] of byVersion.entries()) {
      if (count > 0) text.add('kafka_network_requestmetrics_requests_total', count, name, version)
    }
  }
  const summary = 'kafka_network_requestmetrics_totaltimems'
  for (const { latency, name } of apis) {
    for (const quantile of quantiles) {
      const extra = ['quantile', quantile] as const
      text.addPart(summary, { suffix: '', extra }, latency.quantileMs(quantile, nowMs), name)
    }
    text.addPart(summary, { suffix: '_sum' }, latency.sumMs, name)
    text.addPart(summary, { suffix: '_count' }, latency.count, name)
  }
  const histogram = 'millrace_broker_request_duration_seconds'
  for (const { latency, name } of apis) {
    let below = 0
    for (const [at, limitMs] of [...latencyLimitsMs, Number.POSITIVE_INFINITY].entries()) {
      below += latency.counts[at]!
      const limit = Number.isFinite(limitMs) ? limitMs / 1000 : '+Inf'
      text.addPart(histogram, { suffix: '_bucket', extra: ['le', limit] }, below, name)
    }
    text.addPart(histogram, { suffix: '_sum' }, latency.sumMs / 1000, name)
    text.addPart(histogram, { suffix: '_count' }, latency.count, name)
  }
  for (const { failures, name } of apis) text.add('millrace_broker_request_failures_total', failures, name)
}

const listenerNames = [
  ['kafka_server_socket_server_metrics_connection_count', 'open'],
  ['kafka_server_socket_server_metrics_connection_creation_total', 'accepted'],
  ['kafka_server_socket_server_metrics_successful_authentication_total', 'loggedIn'],
  ['kafka_server_socket_server_metrics_failed_authentication_total', 'refusedLogins'],
] as const

function connections(text: Text, metrics: BrokerMetrics): void {
  for (const [name, field] of listenerNames) {
    for (const listener of metrics.listeners) text.add(name, listener[field], listener.listener)
  }
  text.add('kafka_network_socketserver_memorypoolused', metrics.requestMemoryBytes)
  text.add('kafka_server_delayedoperationpurgatory_purgatorysize', metrics.waitingFetches, 'Fetch')
  text.add('kafka_server_fetchsessioncache_numincrementalfetchsessions', metrics.fetchSessions)
  text.add('millrace_broker_in_process_connections', metrics.connections.inProcess)
  text.add('millrace_broker_connections_refused_total', metrics.connections.refused)
  text.add('millrace_broker_response_memory_bytes', metrics.responseMemoryBytes)
}

function nodeGauges(text: Text, metrics: BrokerMetrics, topicCount: number): void {
  const count = metrics.partitions.length
  const failed = metrics.partitions.filter(({ fault }) => fault !== undefined).length
  text.add('kafka_server_replicamanager_partitioncount', count)
  text.add('kafka_server_replicamanager_leadercount', count)
  text.add('kafka_server_replicamanager_underreplicatedpartitions', 0)
  text.add('kafka_server_replicamanager_offlinereplicacount', failed)
  text.add('kafka_controller_kafkacontroller_activecontrollercount', 1)
  text.add('kafka_controller_kafkacontroller_offlinepartitionscount', failed)
  text.add('kafka_controller_kafkacontroller_globaltopiccount', topicCount)
  text.add('kafka_controller_kafkacontroller_globalpartitioncount', count)
  text.add('kafka_coordinator_group_groupmetadatamanager_numgroups', metrics.groups)
  text.add('millrace_broker_transactional_ids', metrics.transactionalIds)
  text.add('kafka_brokers', 1)
  const { advertised, nodeId } = metrics
  const address = advertised === undefined ? '' : `${advertised.host}:${advertised.port}`
  text.add('kafka_broker_info', 1, nodeId, address)
}

function partitionGauges(
  text: Text,
  { nodeId }: BrokerMetrics,
  partitions: readonly PartitionMetrics[],
  byTopic: ReadonlyMap<string, readonly PartitionMetrics[]>,
): void {
  for (const topic of new Set(partitions.map((one) => one.topic))) {
    text.add('kafka_topic_partitions', byTopic.get(topic)!.length, topic)
  }
  const gauge = (name: MetricName, of: (one: PartitionMetrics) => number): void => {
    for (const one of partitions) text.add(name, of(one), one.topic, one.partition)
  }
  gauge('kafka_topic_partition_current_offset', (one) => one.endOffset)
  gauge('kafka_topic_partition_oldest_offset', (one) => one.logStartOffset)
  gauge('kafka_topic_partition_leader', () => nodeId)
  gauge('kafka_topic_partition_leader_is_preferred', () => 1)
  gauge('kafka_topic_partition_replicas', () => 1)
  gauge('kafka_topic_partition_in_sync_replica', () => 1)
  gauge('kafka_topic_partition_under_replicated_partition', () => 0)
  gauge('kafka_log_log_size', (one) => one.sizeBytes)
  gauge('kafka_log_log_logstartoffset', (one) => one.logStartOffset)
  gauge('kafka_log_log_logendoffset', (one) => one.endOffset)
}

function groupGauges(text: Text, groups: readonly GroupMetrics[]): void {
  for (const { group, members } of groups) text.add('kafka_consumergroup_members', members, group)
  const both = [
    ['kafka_consumergroup_current_offset', 'committedOffset'],
    ['kafka_consumergroup_lag', 'lagRecords'],
  ] as const
  for (const [name, field] of both) {
    for (const { group, offsets } of groups) {
      for (const one of offsets) text.add(name, one[field], group, one.topic, one.partition)
    }
    for (const { group, offsets } of groups) {
      for (const [topic, ofTopic] of Map.groupBy(offsets, (one) => one.topic)) {
        const sum = ofTopic.reduce((total, one) => total + one[field], 0)
        text.add(`${name}_sum`, sum, group, topic)
      }
    }
  }
}
