import type { ClusterOptions } from '../../client/cluster.ts'
import type { Logger } from '../../core/logger.ts'
import type { Platform } from '../../platform/platform.ts'
import type { Threads } from '../../platform/threads.ts'
import type { FlowPart } from '../flow.ts'
import type { MillraceConfig } from './config.ts'

/** What one running Millrace is made of, and how it runs. */
export interface InstanceOptions {
  readonly platform: Platform
  /** For pipelines with more than one thread. */
  readonly threads: Threads
  readonly logger: Logger
  readonly config: MillraceConfig
  /** How the cluster of `config.brokers` is reached. */
  readonly security?: Pick<ClusterOptions, 'tls' | 'sasl'>
  /** The file that `config` came from: workers load it again, and relative paths are read against its directory. */
  readonly configFile: string
  readonly title: string
  readonly version: string
  readonly dataDirectory: string
  readonly consoleDirectory: string
  /** Run to the end of the input, as fast as possible. */
  readonly once: boolean
  /** Overrides the replay speed of the agents. */
  readonly speed?: number
  /** Overrides `run.threads` of the configuration. */
  readonly threadCount?: number
  /** Overrides `run.partitions` of the configuration. */
  readonly partitions?: number
  readonly brokerPort: number
  readonly consolePort: number
  readonly strictPort: boolean
  /** Called as each part comes up. */
  readonly onPart?: (part: FlowPart) => void
}
