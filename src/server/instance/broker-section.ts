/**
 * The section `broker` of a configuration: what the broker of this process is told.
 *
 * ```ts
 * broker: {
 *   settings: { listeners: 'SASL_SSL://0.0.0.0:9093', 'ssl.keystore.location': 'server.pem' },
 *   users: { admin: process.env.ADMIN_PASSWORD },
 * }
 * ```
 */
import type { Broker } from '../../broker/broker.ts'
import type { BrokerConfig } from '../../broker/config/broker-config.ts'
import { joinPath } from '../../platform/disk.ts'

export interface BrokerSection {
  /** Kafka's names and values. Relative paths are read against the directory of the configuration. */
  readonly settings?: BrokerConfig
  /**
   * Users that log in by SCRAM-SHA-512, with their passwords: made, or given this password, at each start. Kept in the
   * data directory in a form that only checks passwords.
   */
  readonly users?: Readonly<Record<string, string | undefined>>
}

export const brokerSectionNames: readonly (keyof BrokerSection)[] = ['settings', 'users']

const isPath = /(?:^|\.)ssl\.(?:keystore|truststore)\.location$/

/** The settings with paths that do not depend on where the process was started. */
export function brokerSettingsOf(section: BrokerSection | undefined, directory: string): BrokerConfig {
  const entries = Object.entries(section?.settings ?? {}).map(([name, value]) => {
    const relative = isPath.test(name) && typeof value === 'string' && value !== '' && !value.startsWith('/')
    return [name, relative ? joinPath(directory, value) : value]
  })
  return Object.fromEntries(entries) as BrokerConfig
}

/** Whether the settings say where to listen. */
export function saysWhereToListen({ listeners }: BrokerConfig): boolean {
  return listeners !== undefined && String(listeners).trim() !== ''
}

/** @throws MR_OPTION_INVALID, MR_DISK_FULL, MR_DISK_FAILED */
export function makeUsers(broker: Broker, section: BrokerSection | undefined): void {
  for (const [user, password] of Object.entries(section?.users ?? {})) {
    broker.ensureScramUser(user, password ?? '')
  }
}
