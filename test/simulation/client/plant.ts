/** A fault that is planted in a run, to show that the checker finds it. */
import type { BrokerConfig } from '../../../src/broker/config/broker-config.ts'
import type { ConsumerOptions } from '../../../src/client/consumer/options.ts'
import type { ProducerOptions } from '../../../src/client/producer/options.ts'
import type { Platform } from '../../../src/platform/platform.ts'
import type { Read } from './history.ts'
import type { Scenario } from './scenario.ts'

export interface Plant {
  readonly scenario?: (scenario: Scenario) => Scenario
  readonly broker?: BrokerConfig
  readonly disguise?: (platform: Platform) => Platform
  /** Of producers without transactions. */
  readonly producer?: ProducerOptions
  /** Of consumers that say that they read committed records only. */
  readonly consumer?: ConsumerOptions
  /** What a consumer is given, changed. */
  readonly polled?: (reads: readonly Read[]) => readonly Read[]
  /** Transactions are committed when they are half full; the rest is given up, and said to be committed. */
  readonly tears?: true
  /** An aborted transaction is told to be committed, and a committed one to be aborted. */
  readonly lies?: true
  /** Positions are committed beside the transaction: `before` it or `after` it. */
  readonly positions?: 'before' | 'after'
  /** Heirs and zombies do not fence each other. */
  readonly ownIds?: true
  /** Of two records the second is said to have been sent first. */
  readonly swaps?: true
  /** Commits of members are said to have gone further than they did. */
  readonly commitsAhead?: true
  /** Partitions of the network are not healed. */
  readonly staysCut?: true
  /** How long everything may take after the faults. */
  readonly endLimitMs?: number
  /** Records go wherever chance says. */
  readonly scatters?: true
}
