/**
 * A broker: one node that speaks Kafka's protocol over a directory of logs.
 *
 * 1. `open` locks the directory, recovers every partition, and loads groups, offsets and transactions.
 * 2. `listen` serves sockets, `connect` this process: both run the same handlers.
 * 3. `close` answers who waits, writes everything out and marks the directory as closed cleanly.
 *
 * Time, chance, disk and network come from the platform only: on the simulated one a run is a function of its seed.
 */
import { invariant } from '../core/invariant.ts'
import { type Logger, silentLogger } from '../core/logger.ts'
import type { LogDirectory } from '../log/log-directory.ts'
import type { Platform } from '../platform/platform.ts'
import type { Connection } from '../protocol/connection.ts'
import type { ScramMechanism } from '../protocol/sasl/scram.ts'
import type { BrokerParts } from './broker-parts.ts'
import { type BrokerConfig, type ResolvedConfig, resolveBrokerConfig } from './config/broker-config.ts'
import { TRANSACTION_TOPIC } from './coordinators.ts'
import { Dispatcher } from './dispatcher.ts'
import { ReadMemory } from './fetch/read-memory.ts'
import { handlers } from './handlers/register.ts'
import { Housekeeping } from './housekeeping.ts'
import { InProcessConnection } from './in-process.ts'
import { configuredListeners, type ListenOptions } from './listener/listen-options.ts'
import { Listeners } from './listener/listeners.ts'
import { MemoryBudget } from './listener/memory-budget.ts'
import { makeParts } from './make-parts.ts'
import { type BrokerMetrics, readMetrics } from './metrics/broker-metrics.ts'
import { openDataDirectory } from './open-data-directory.ts'
import { allowAll, type Endpoint, internalPrincipal } from './request-context.ts'
import { type InnerCredential, InnerLogin } from './security/inner-login.ts'
import type { AppendListener } from './topics/partition.ts'
import { recoverTransactions } from './transactions/recover-transactions.ts'

export interface BrokerOptions {
  readonly platform: Platform
  readonly dataDirectory: string
  readonly config?: BrokerConfig
  readonly logger?: Logger
}

/** Where threads of this process reach its broker, and by which login. */
export interface InnerAddress extends Endpoint {
  readonly login: InnerCredential
}

/** What clients of this process are told when nobody listens: there is nothing to connect to. */
const noEndpoint: Endpoint = { host: 'in-process', port: 0 }

export class Broker {
  private readonly parts: BrokerParts
  private readonly logs: LogDirectory
  private readonly dispatcher: Dispatcher
  private readonly housekeeping: Housekeeping
  private readonly listeners: Listeners
  private readonly inProcess = new Set<InProcessConnection>()
  private nextConnectionId = 1
  private closing: Promise<void> | undefined
  private inside: Promise<InnerAddress> | undefined

  /**
   * Opens the data directory, which is made when it is missing.
   *
   * @throws MR_DATA_DIRECTORY_LOCKED, MR_CONFIG_INVALID, MR_DISK_FAILED, MR_CHECKSUM for a damaged topic table
   */
  static async open(options: BrokerOptions): Promise<Broker> {
    const { platform, dataDirectory } = options
    const logger = options.logger ?? silentLogger
    const config = resolveBrokerConfig(options.config)
    const opened = await openDataDirectory({ platform, logger, config, dataDirectory })
    try {
      const parts = makeParts({ platform, logger, config, dataDirectory, ...opened })
      // What was decided before the last end is done before anybody asks.
      await recoverTransactions({
        topics: parts.topics,
        transactions: parts.transactions,
        logger,
        logOf: (transactionalId) => parts.coordinators.transactionLog(transactionalId),
        logsComplete: parts.coordinators.isWhole(TRANSACTION_TOPIC),
        crashed: opened.changed,
      })
      return new Broker(parts, opened.logs, config)
    } catch (error) {
      await opened.logs.close()
      throw error
    }
  }

  private constructor(parts: BrokerParts, logs: LogDirectory, { settingsOf }: ResolvedConfig) {
    this.parts = parts
    this.logs = logs
    const { platform, logger, security, settings } = parts
    const { clock } = platform
    this.dispatcher = new Dispatcher(parts, handlers)
    this.housekeeping = new Housekeeping({ ...parts, logs, clock })
    const requestBudget = new MemoryBudget(settings['queued.max.request.bytes'])
    const { responseBudget } = parts
    const { dispatcher } = this
    this.listeners = new Listeners(
      {
        clock,
        logger,
        settings,
        dispatcher,
        security,
        requestBudget,
        responseBudget,
        readMemory: new ReadMemory(),
      },
      { net: platform.net, disk: platform.disk, settingsOf, nextConnectionId: () => this.nextConnectionId++ },
    )
    this.housekeeping.start()
  }

  /** The id of the cluster, which clients see; kept in the data directory. */
  get clusterId(): string {
    return this.parts.clusterId
  }

  get nodeId(): number {
    return this.parts.nodeId
  }

  /**
   * A connection of this process: the same requests without sockets or encoding. `clientHost` is where the client
   * is said to be, if its requests are passed on from elsewhere: members of groups that are in this process end
   * with it, others are waited for after a restart.
   */
  connect(options: { readonly clientId?: string; readonly clientHost?: string } = {}): Connection {
    invariant(this.closing === undefined, 'a closed broker takes no connections')
    const connection = new InProcessConnection({
      clock: this.parts.platform.clock,
      dispatcher: this.dispatcher,
      authorizer: allowAll,
      clientId: options.clientId ?? null,
      info: {
        id: this.nextConnectionId++,
        principal: internalPrincipal,
        clientHost: options.clientHost ?? 'in-process',
        advertised: this.listeners.endpoints[0] ?? noEndpoint,
        listener: 'in-process',
        software: undefined,
      },
      closed: (ended) => this.inProcess.delete(ended),
    })
    this.inProcess.add(connection)
    return connection
  }

  /**
   * Serves Kafka's protocol on a port; may be called for several.
   *
   * @throws MR_PORT_IN_USE, MR_LISTEN_EXPOSED, MR_CONFIG_INVALID, MR_TLS_FAILED, MR_FILE_NOT_FOUND
   */
  listen(options: ListenOptions): Promise<Endpoint> {
    return this.listeners.listen(options)
  }

  /** Serves everything that the setting `listeners` names, in that order. @throws as `listen` */
  async listenAsConfigured(): Promise<readonly Endpoint[]> {
    const endpoints: Endpoint[] = []
    for (const options of configuredListeners(this.parts.settings)) endpoints.push(await this.listen(options))
    return endpoints
  }

  /**
   * Listens on loopback for threads of this process, which log in by what this gives: made anew at each start, and
   * never on the disk. They may do everything. Called again it gives the same.
   */
  listenInside(): Promise<InnerAddress> {
    this.inside ??= this.openInside()
    return this.inside
  }

  /**
   * Makes a user who logs in by SCRAM-SHA-512, if there is none with this password.
   *
   * @throws MR_OPTION_INVALID, MR_DISK_FULL, MR_DISK_FAILED
   */
  ensureScramUser(user: string, password: string): void {
    this.parts.security.ensureScramUser(user, password)
  }

  /** Makes a user who logs in by SCRAM, or gives one another password. @throws MR_OPTION_INVALID, MR_DISK_FAILED */
  putScramUser(user: string, password: string, options: { readonly mechanism?: ScramMechanism } = {}): void {
    this.parts.security.putScramUser(user, password, options)
  }

  /** Calls `listener` whenever readers of the partition may see more. Returns how to stop that. */
  onAppend(topic: string, partition: number, listener: AppendListener): (() => void) | undefined {
    return this.parts.topics.partition(topic, partition)?.onAppend(listener)
  }

  /** Deletes and compacts what is due now, instead of waiting for the next check. */
  clean(): Promise<void> {
    return this.housekeeping.clean()
  }

  metrics(): BrokerMetrics {
    const { dispatcher, inProcess, listeners, parts } = this
    return readMetrics(parts, { apis: dispatcher.apiMetrics, listeners, inProcess: inProcess.size })
  }

  /** Shuts down cleanly. Calling it again waits for the same end. */
  close(): Promise<void> {
    this.closing ??= this.shutDown()
    return this.closing
  }

  private async openInside(): Promise<InnerAddress> {
    const inner = new InnerLogin(this.parts.platform.random)
    const options = { host: '127.0.0.1', port: 0, name: 'INNER', protocol: 'SASL_PLAINTEXT' } as const
    const { host, port } = await this.listeners.listen(options, inner)
    return { host, port, login: inner.credential }
  }

  private async shutDown(): Promise<void> {
    const { groups, longPolls, platform, transactions } = this.parts
    this.listeners.stopAccepting()
    longPolls.finishAll()
    groups.close()
    transactions.close()
    await this.housekeeping.stop()
    // The answers of those who waited are on their way to their sockets.
    await platform.clock.nextTurn()
    this.listeners.finish()
    for (const connection of [...this.inProcess]) connection.lose()
    await this.logs.close()
  }
}
