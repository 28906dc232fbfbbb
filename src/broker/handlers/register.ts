/** Every API that the broker serves: one line per key, in the order of the keys. */
import { handler as produce } from './00-produce.ts'
import { handler as fetch } from './01-fetch.ts'
import { handler as listOffsets } from './02-list-offsets.ts'
import { handler as metadata } from './03-metadata.ts'
import { handler as offsetCommit } from './08-offset-commit.ts'
import { handler as offsetFetch } from './09-offset-fetch.ts'
import { handler as findCoordinator } from './10-find-coordinator.ts'
import { handler as joinGroup } from './11-join-group.ts'
import { handler as heartbeat } from './12-heartbeat.ts'
import { handler as leaveGroup } from './13-leave-group.ts'
import { handler as syncGroup } from './14-sync-group.ts'
import { handler as describeGroups } from './15-describe-groups.ts'
import { handler as listGroups } from './16-list-groups.ts'
import { handler as saslHandshake } from './17-sasl-handshake.ts'
import { handler as apiVersions } from './18-api-versions.ts'
import { handler as createTopics } from './19-create-topics.ts'
import { handler as deleteTopics } from './20-delete-topics.ts'
import { handler as deleteRecords } from './21-delete-records.ts'
import { handler as initProducerId } from './22-init-producer-id.ts'
import { handler as offsetForLeaderEpoch } from './23-offset-for-leader-epoch.ts'
import { handler as addPartitionsToTxn } from './24-add-partitions-to-txn.ts'
import { handler as addOffsetsToTxn } from './25-add-offsets-to-txn.ts'
import { handler as endTxn } from './26-end-txn.ts'
import { handler as txnOffsetCommit } from './28-txn-offset-commit.ts'
import { handler as describeAcls } from './29-describe-acls.ts'
import { handler as createAcls } from './30-create-acls.ts'
import { handler as deleteAcls } from './31-delete-acls.ts'
import { handler as describeConfigs } from './32-describe-configs.ts'
import { handler as alterConfigs } from './33-alter-configs.ts'
import { handler as describeLogDirs } from './35-describe-log-dirs.ts'
import { handler as saslAuthenticate } from './36-sasl-authenticate.ts'
import { handler as createPartitions } from './37-create-partitions.ts'
import { handler as deleteGroups } from './42-delete-groups.ts'
import { handler as electLeaders } from './43-elect-leaders.ts'
import { handler as incrementalAlterConfigs } from './44-incremental-alter-configs.ts'
import { handler as listPartitionReassignments } from './46-list-partition-reassignments.ts'
import { handler as offsetDelete } from './47-offset-delete.ts'
import { handler as describeClientQuotas } from './48-describe-client-quotas.ts'
import { handler as alterClientQuotas } from './49-alter-client-quotas.ts'
import { handler as describeUserScramCredentials } from './50-describe-user-scram-credentials.ts'
import { handler as alterUserScramCredentials } from './51-alter-user-scram-credentials.ts'
import { handler as describeCluster } from './60-describe-cluster.ts'
import { handler as describeProducers } from './61-describe-producers.ts'
import { handler as describeTransactions } from './65-describe-transactions.ts'
import { handler as listTransactions } from './66-list-transactions.ts'
import { handler as consumerGroupHeartbeat } from './68-consumer-group-heartbeat.ts'
import { handler as consumerGroupDescribe } from './69-consumer-group-describe.ts'
import { handler as getTelemetrySubscriptions } from './71-get-telemetry-subscriptions.ts'
import { handler as pushTelemetry } from './72-push-telemetry.ts'
import { handler as listConfigResources } from './74-list-config-resources.ts'
import { handler as describeTopicPartitions } from './75-describe-topic-partitions.ts'
import type { Handler } from './handler.ts'

export const handlers: readonly Handler[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  saslHandshake,
  apiVersions,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  addPartitionsToTxn,
  addOffsetsToTxn,
  endTxn,
  txnOffsetCommit,
  describeAcls,
  createAcls,
  deleteAcls,
  describeConfigs,
  alterConfigs,
  describeLogDirs,
  saslAuthenticate,
  createPartitions,
  deleteGroups,
  electLeaders,
  incrementalAlterConfigs,
  listPartitionReassignments,
  offsetDelete,
  describeClientQuotas,
  alterClientQuotas,
  describeUserScramCredentials,
  alterUserScramCredentials,
  describeCluster,
  describeProducers,
  describeTransactions,
  listTransactions,
  consumerGroupHeartbeat,
  consumerGroupDescribe,
  getTelemetrySubscriptions,
  pushTelemetry,
  listConfigResources,
  describeTopicPartitions,
]
