/**
 * What the broker can do beyond its API versions, as clients learn it from ApiVersions (KIP-584).
 *
 * `transaction.version` 2 has producers raise their epoch with every transaction (KIP-890); `group.version` 1 is
 * the consumer group protocol (KIP-848).
 */
export interface Feature {
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
  /** What is in force. */
  readonly level: number
}

export const features: readonly Feature[] = [
  { name: 'group.version', minVersion: 0, maxVersion: 1, level: 1 },
  { name: 'transaction.version', minVersion: 0, maxVersion: 2, level: 2 },
]
