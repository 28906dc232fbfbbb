/** How a consumer behaves. */
import { MillraceError } from '../../core/errors.ts'
import type { IsolationLevel } from '../cluster/list-offsets.ts'
import type { Assignor } from './assignor.ts'
import { cooperativeStickyAssignor } from './assignors/cooperative-sticky.ts'
import { rangeAssignor } from './assignors/range.ts'

export interface ConsumerOptions {
  /** The consumer group: for `subscribe`, and for positions that are committed. */
  readonly group?: string
  /** Makes the consumer a static member (KIP-345): it keeps its partitions through a restart. */
  readonly groupInstanceId?: string
  /**
   * How members share the partitions: `classic` (default), where a member assigns them, or `consumer` (KIP-848),
   * where the broker does.
   */
  readonly protocol?: 'classic' | 'consumer'
  /** Classic protocol: in order of preference; range and cooperative-sticky by default, as in Java. */
  readonly assignors?: readonly Assignor[]
  /** Protocol `consumer`: `uniform` or `range`; the broker's first by default. */
  readonly serverAssignor?: string
  /** `read_committed` (default) leaves out what open and aborted transactions wrote. */
  readonly isolation?: IsolationLevel
  /** Where to start without a committed position, or when it was deleted; `latest` by default. */
  readonly offsetReset?: 'earliest' | 'latest' | 'none'
  /** A fetch answer holds no more than this, unless a single batch is larger; 16 MiB by default. */
  readonly maxBytes?: number
  /** The same per partition; 1 MiB by default. */
  readonly partitionMaxBytes?: number
  /** A broker waits for so much data before it answers; 1 by default. */
  readonly minBytes?: number
  /** But no longer than this; 500 ms by default. */
  readonly maxWaitMs?: number
  /** Data that waits to be polled; nothing more is fetched above it; 64 MiB by default. */
  readonly bufferBytesMax?: number
  /** Checks the checksum of every batch that came over a network; true by default. */
  readonly checkCrcs?: boolean
  /** Without a heartbeat for this long the broker removes the member; 45 s by default. */
  readonly sessionTimeoutMs?: number
  /** The longest time between two polls, and for giving partitions up; 5 minutes by default. */
  readonly rebalanceTimeoutMs?: number
  /** 3 s by default; the broker decides with protocol `consumer`. */
  readonly heartbeatIntervalMs?: number
  /** A partition that is assigned and not read for this long is warned about; 30 s by default, 0 for never. */
  readonly stalledWarningMs?: number
}

export interface ConsumerSettings {
  readonly group: string | undefined
  readonly groupInstanceId: string | null
  readonly protocol: 'classic' | 'consumer'
  readonly assignors: readonly Assignor[]
  readonly serverAssignor: string | null
  readonly isolation: IsolationLevel
  readonly offsetReset: 'earliest' | 'latest' | 'none'
  readonly maxBytes: number
  readonly partitionMaxBytes: number
  readonly minBytes: number
  readonly maxWaitMs: number
  readonly bufferBytesMax: number
  readonly checkCrcs: boolean
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly stalledWarningMs: number
}

/** @throws MR_OPTION_INVALID */
export function consumerSettings(options: ConsumerOptions): ConsumerSettings {
  const settings: ConsumerSettings = {
    group: options.group,
    groupInstanceId: options.groupInstanceId ?? null,
    protocol: options.protocol ?? 'classic',
    assignors: options.assignors ?? [rangeAssignor, cooperativeStickyAssignor],
    serverAssignor: options.serverAssignor ?? null,
    isolation: options.isolation ?? 'read_committed',
    offsetReset: options.offsetReset ?? 'latest',
    maxBytes: options.maxBytes ?? 16 * 1024 * 1024,
    partitionMaxBytes: options.partitionMaxBytes ?? 1024 * 1024,
    minBytes: options.minBytes ?? 1,
    maxWaitMs: options.maxWaitMs ?? 500,
    bufferBytesMax: options.bufferBytesMax ?? 64 * 1024 * 1024,
    checkCrcs: options.checkCrcs ?? true,
    sessionTimeoutMs: options.sessionTimeoutMs ?? 45_000,
    rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 300_000,
    heartbeatIntervalMs: options.heartbeatIntervalMs ?? 3000,
    stalledWarningMs: options.stalledWarningMs ?? 30_000,
  }
  if (settings.group === '') {
    throw invalid('the group is empty', 'Name the group, or leave it out to read without one.')
  }
  if (settings.assignors.length === 0) {
    throw invalid('there is no assignor', 'Leave assignors out for the usual ones.')
  }
  const names = settings.assignors.map(({ name }) => name)
  if (new Set(names).size < names.length) {
    throw invalid('two assignors have one name', 'Give each a name of its own.')
  }
  if (settings.heartbeatIntervalMs >= settings.sessionTimeoutMs) {
    throw invalid(
      'heartbeatIntervalMs is not below sessionTimeoutMs',
      'Choose a third of it: one heartbeat may be lost.',
    )
  }
  return settings
}

function invalid(message: string, hint: string): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', message, { hint })
}
