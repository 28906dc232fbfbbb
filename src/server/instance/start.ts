/** Runs Millrace inside a program of one's own, as `millrace dev` runs it in a terminal. */

import { createRequire } from 'node:module'
import { MillraceError } from '../../core/errors.ts'
import { type Logger, silentLogger } from '../../core/logger.ts'
import type { ParkedDecision } from '../../operators/operator.ts'
import type { Platform } from '../../platform/platform.ts'
import type { Threads } from '../../platform/threads.ts'
import type { ParkedOptions, PipelineParkedKey } from '../../runtime/parked/parked-directory.ts'
import type { ParkedKeys } from '../../runtime/parked/pipeline-parked.ts'
import type { StoreDescription } from '../../runtime/queries/pipeline-stores.ts'
import type { StoreReader } from '../../runtime/queries/store-reader.ts'
import { CONSOLE_PORT } from '../console-port.ts'
import { checkConfig, type MillraceConfig } from './config.ts'
import { Instance } from './instance.ts'

const BROKER_PORT = 9092

export interface StartOptions {
  /** Where the log is kept. Default `.millrace`, in the directory that the process runs in. */
  readonly dataDirectory?: string
  /** Where Kafka clients connect; the next free port when it is taken, any with 0. Default 9092. */
  readonly brokerPort?: number
  /** Where the page and the API are; the next free port when it is taken, any with 0. Default 7070. */
  readonly consolePort?: number
  /** The absolute path of the file that has the configuration as its default export. More than one thread needs it. */
  readonly configFile?: string
  /** Threads of each pipeline. Default: `run.threads` of the configuration, else 1. */
  readonly threads?: number
  /** Default: nothing is logged. */
  readonly logger?: Logger
}

export interface RunningMillrace {
  /** Of the page and the API: `http://127.0.0.1:7070`. */
  readonly url: string
  /** Where Kafka clients connect, `host:port`. */
  readonly brokers: readonly string[]
  /** Rejects when a part fails for good; resolves after `stop`. */
  readonly ended: Promise<void>
  stores(): readonly StoreDescription[]
  /**
   * A store of a pipeline by its name, or by the topic that its table reads.
   *
   * @param pipeline tells stores of one name apart
   * @throws MR_STORE_UNKNOWN, MR_QUERY_INVALID when several pipelines have one of the name
   */
  store<V, K = string>(name: string, pipeline?: string): StoreReader<K, V>
  /**
   * The keys whose records wait for one that fails, of one pipeline or of all.
   *
   * @throws MR_PIPELINE_UNKNOWN, MR_QUERY_INVALID; MR_STORE_MOVING (retriable) while tasks are being moved or restored
   */
  parked(options?: ParkedOptions): Promise<ParkedKeys<PipelineParkedKey>>
  /**
   * Decides about a parked key: its failing record is tried again at once, put among the dead letters, or skipped; the
   * records behind it go on in their order. Resolves when that is committed, with the number of failing records that it
   * was for: 1, or all of those without a key.
   *
   * @param operator the name of the operator in which the key is parked
   * @param key as `parked` shows it; null for records without one
   * @param pipeline tells operators of one name apart
   * @throws MR_KEY_NOT_PARKED, MR_OPERATOR_UNKNOWN, MR_PIPELINE_UNKNOWN, MR_QUERY_INVALID; MR_STORE_MOVING (retriable)
   */
  decide(operator: string, key: unknown, decision: ParkedDecision, pipeline?: string): Promise<number>
  /** Commits, and ends everything. */
  stop(): Promise<void>
}

/** Starts a configuration; resolves once its topics, pipelines and agents run. */
export async function startOn(
  machine: { readonly platform: Platform; readonly threads: Threads },
  config: MillraceConfig,
  options: StartOptions,
): Promise<RunningMillrace> {
  const { configFile, threads } = options
  const checked = checkConfig(config, configFile ?? 'the configuration given to start')
  if (configFile === undefined && (threads ?? checked.run?.threads ?? 1) > 1) {
    throw new MillraceError('MR_CONFIG_INVALID', 'more than one thread needs the file of the configuration', {
      hint: 'Each thread loads it again: start(config, { configFile: import.meta.filename }).',
    })
  }
  const require = createRequire(import.meta.url)
  const metadata = require.resolve('millrace/package.json')
  const { version } = require('millrace/package.json') as { readonly version: string }
  const instance = await Instance.start({
    ...machine,
    logger: options.logger ?? silentLogger,
    config: checked,
    configFile: configFile ?? 'millrace.config.ts',
    title: checked.title ?? 'millrace',
    version,
    dataDirectory: options.dataDirectory ?? '.millrace',
    consoleDirectory: metadata.replace(/package\.json$/, 'console/dist'),
    once: false,
    brokerPort: options.brokerPort ?? BROKER_PORT,
    consolePort: options.consolePort ?? CONSOLE_PORT,
    strictPort: false,
    ...(threads === undefined ? {} : { threadCount: threads }),
  })
  return {
    url: instance.url as string,
    brokers: instance.brokers,
    ended: instance.finished,
    stores: () => instance.stores.list(),
    store: <V, K = string>(name: string, pipeline?: string) => instance.stores.open<K, V>(name, pipeline),
    parked: (options) => instance.parked.list(options),
    decide: (operator, key, decision, pipeline) =>
      instance.parked.decide({ operator, key, decision, pipeline }),
    stop: () => instance.stop(),
  }
}
