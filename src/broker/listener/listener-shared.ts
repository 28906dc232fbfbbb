import type { Logger } from '../../core/logger.ts'
import type { Clock } from '../../platform/clock.ts'
import type { BrokerSettings } from '../config/broker-settings.ts'
import type { Dispatcher } from '../dispatcher.ts'
import type { ReadMemory } from '../fetch/read-memory.ts'
import type { Security } from '../security/security.ts'
import type { ClientConnection } from './client-connection.ts'
import type { MemoryBudget } from './memory-budget.ts'

/** What all connections of a broker have in common. */
export interface ListenerShared {
  readonly clock: Clock
  readonly logger: Logger
  readonly settings: BrokerSettings
  readonly dispatcher: Dispatcher
  readonly security: Security
  /** For requests that are still arriving. */
  readonly requestBudget: MemoryBudget
  /** For answers that were not read yet. */
  readonly responseBudget: MemoryBudget
  /** For what answers give from logs. */
  readonly readMemory: ReadMemory
  closed(connection: ClientConnection): void
}
