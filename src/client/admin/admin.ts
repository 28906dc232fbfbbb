/** Administration of a cluster: one interface, a file per area. */
import type { Cluster } from '../cluster.ts'
import { type AclAdmin, aclAdmin } from './acls.ts'
import { type ClusterAdmin, clusterAdmin } from './cluster.ts'
import { type ConfigAdmin, configAdmin } from './configs.ts'
import type { AdminContext } from './context.ts'
import { type GroupAdmin, groupAdmin } from './groups.ts'
import { type OffsetAdmin, offsetAdmin } from './offsets.ts'
import { type TopicAdmin, topicAdmin } from './topics.ts'

export interface Admin extends TopicAdmin, OffsetAdmin, ConfigAdmin, GroupAdmin, ClusterAdmin, AclAdmin {}

export interface AdminOptions {
  /** How long one call may take, with everything that is tried again; 60 s by default. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 60_000

/** Makes an admin. It uses connections of the cluster, so there is nothing to close. */
export function createAdmin(cluster: Cluster, options: AdminOptions = {}): Admin {
  const context: AdminContext = { cluster, timeoutMs: options.timeoutMs ?? TIMEOUT_MS }
  return {
    ...topicAdmin(context),
    ...offsetAdmin(context),
    ...configAdmin(context),
    ...groupAdmin(context),
    ...clusterAdmin(context),
    ...aclAdmin(context),
  }
}
