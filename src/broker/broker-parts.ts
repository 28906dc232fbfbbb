/** What handlers work with: the parts of one broker. */
import type { Logger } from '../core/logger.ts'
import type { Platform } from '../platform/platform.ts'
import type { BrokerSettings } from './config/broker-settings.ts'
import type { Coordinators } from './coordinators.ts'
import type { FetchSessions } from './fetch/fetch-session.ts'
import type { LongPolls } from './fetch/long-poll.ts'
import type { GroupCoordinator } from './groups/group-coordinator.ts'
import type { ApiRange } from './handlers/handler.ts'
import type { MemoryBudget } from './listener/memory-budget.ts'
import type { Security } from './security/security.ts'
import type { Topics } from './topics/topics.ts'
import type { TransactionCoordinator } from './transactions/transaction-coordinator.ts'

export interface BrokerParts {
  readonly platform: Platform
  readonly logger: Logger
  readonly settings: BrokerSettings
  /** Defaults of topics that were given at start, as texts under the broker's names. */
  readonly topicDefaults: ReadonlyMap<string, string>
  readonly dataDirectory: string
  readonly clusterId: string
  readonly nodeId: number
  /** What ApiVersions announces. */
  readonly apis: readonly ApiRange[]
  readonly topics: Topics
  /** Where the coordinators keep their state. */
  readonly coordinators: Coordinators
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly fetchSessions: FetchSessions
  readonly longPolls: LongPolls
  /** Who clients are, what they may do, and how much. */
  readonly security: Security
  /** Memory for answers that clients have not read. */
  readonly responseBudget: MemoryBudget
}
