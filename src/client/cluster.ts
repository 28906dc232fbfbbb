/**
 * What a client knows of a Kafka cluster, and its ways to the brokers. Producers, consumers and admins share one.
 *
 * The cluster is reached over TCP (`brokers`) or through `connect`, which gives a way to the one broker of this
 * process or of another thread. Everything above is the same for both.
 *
 * - Connections are grouped in lanes, at most one per broker and lane, because a broker works on one request per
 *   connection at a time. Metadata, coordinators and the admin share the lane "control".
 * - Brokers to ask are those that Metadata told of, then the addresses to start from, so that a cluster that moved
 *   as a whole is found again (KIP-899).
 */
import { MillraceError } from '../core/errors.ts'
import { type Logger, silentLogger } from '../core/logger.ts'
import type { TopicPartition } from '../core/record.ts'
import type { TlsClientOptions } from '../platform/net.ts'
import type { Platform } from '../platform/platform.ts'
import { randomInt, randomUnit } from '../platform/random.ts'
import type { Connection } from '../protocol/connection.ts'
import { type CoordinatorKind, Coordinators } from './cluster/coordinators.ts'
import { MetadataCache, type NewLeader, type TopicInfo } from './cluster/metadata.ts'
import { MetadataRefresh } from './cluster/metadata-refresh.ts'
import { type BrokerAddress, formatAddress, parseAddress } from './connection/address.ts'
import type { BrokerLink } from './connection/broker-link.ts'
import { type Authenticate, shakeHands } from './connection/handshake.ts'
import { Lane } from './connection/lane.ts'
import { type NegotiatedConnection, negotiate } from './connection/negotiated.ts'
import { logIn } from './connection/sasl/log-in.ts'
import type { SaslOptions } from './connection/sasl/sasl-options.ts'
import { TcpConnection } from './connection/tcp-connection.ts'
import { answerError, closedError, isRetriable, isTransportError } from './errors.ts'
import { withRetries } from './retry.ts'

export interface ClusterOptions {
  readonly platform: Pick<Platform, 'clock' | 'random' | 'net'>
  /** A name for the brokers' logs and quotas; `millrace` by default. */
  readonly clientId?: string
  readonly logger?: Logger
  /** Addresses to start from, `host:port`. Either this or `connect`. */
  readonly brokers?: readonly string[]
  /** Opens a way to the one broker there is; called once per lane. */
  readonly connect?: () => Connection | Promise<Connection>
  /** Speaks TLS: `true`, or with authorities and a certificate of one's own. */
  readonly tls?: boolean | TlsClientOptions
  /** Logs in on each new connection. */
  readonly sasl?: SaslOptions
  /** A login of one's own, instead of `sasl`. */
  readonly authenticate?: Authenticate
  /** How long an answer may take; 30 s by default. */
  readonly requestTimeoutMs?: number
  /** How long opening a connection may take; 10 s by default. */
  readonly connectTimeoutMs?: number
  /** Metadata is read anew after this time; 5 minutes by default. */
  readonly metadataMaxAgeMs?: number
  /** Lets brokers create topics that do not exist when they are first used; false by default. */
  readonly autoCreateTopics?: boolean
  /** Where this client is, for reading from a replica nearby (KIP-392). */
  readonly rack?: string
}

const REQUEST_TIMEOUT_MS = 30_000
const CONNECT_TIMEOUT_MS = 10_000
const METADATA_MAX_AGE_MS = 300_000
/** Stands for the only broker when there are no addresses. */
const localAddress: BrokerAddress = { host: 'in-process', port: 0 }

export class Cluster {
  readonly platform: ClusterOptions['platform']
  readonly logger: Logger
  readonly requestTimeoutMs: number
  readonly metadataMaxAgeMs: number
  readonly rack: string
  /** What is known; changed by `refresh` only. */
  readonly metadata = new MetadataCache()
  /** Called after each refresh. */
  readonly listeners = new Set<() => void>()
  /** The producers and consumers that are open: each enters itself, and leaves when it is closed. */
  readonly users = new Set<{ close(): Promise<void> }>()
  private readonly options: ClusterOptions
  private readonly seeds: readonly BrokerAddress[]
  private readonly lanes = new Set<Lane>()
  /** Metadata, coordinators, administration. */
  readonly control: Lane
  private readonly refreshing: MetadataRefresh
  private readonly coordinators: Coordinators
  /** The broker that answered last: asked again as long as it is there. */
  private preferred: BrokerLink | undefined
  private closed = false

  constructor(options: ClusterOptions) {
    const { brokers, connect, platform } = options
    if ((brokers === undefined) === (connect === undefined) || brokers?.length === 0) {
      throw new MillraceError('MR_OPTION_INVALID', 'a cluster needs brokers or a way to connect', {
        hint: "Give brokers: ['localhost:9092'], or connect for a broker of this process, and not both.",
      })
    }
    if (options.sasl !== undefined && options.authenticate !== undefined) throw twoLogins()
    this.options = options
    this.platform = platform
    this.logger = options.logger ?? silentLogger
    this.requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
    this.metadataMaxAgeMs = options.metadataMaxAgeMs ?? METADATA_MAX_AGE_MS
    this.rack = options.rack ?? ''
    this.seeds = connect === undefined ? (brokers ?? []).map(parseAddress) : [localAddress]
    this.control = this.lane('control')
    const anyBroker = (): Promise<NegotiatedConnection> => this.anyBroker()
    const { clock, random } = platform
    this.refreshing = new MetadataRefresh({
      cache: this.metadata,
      clock,
      maxAgeMs: this.metadataMaxAgeMs,
      autoCreateTopics: options.autoCreateTopics ?? false,
      anyBroker,
      onRefreshed: () => {
        for (const listener of this.listeners) listener()
      },
    })
    this.coordinators = new Coordinators({ clock, random, timeoutMs: this.requestTimeoutMs, anyBroker })
  }

  get isClosed(): boolean {
    return this.closed
  }

  /** Ends all connections, also beneath those who use them: close producers and consumers first. */
  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.refreshing.close()
    for (const listener of this.listeners) listener()
    await Promise.all([...this.lanes].map((lane) => lane.close()))
  }

  /**
   * The number of partitions of a topic. Asks a broker the first time.
   * @throws MR_TOPIC_UNKNOWN when it does not exist
   */
  async partitionCount(topic: string): Promise<number> {
    return (await this.topic(topic)).partitions.length
  }

  /** What is known of a topic, asked for if need be. @throws MR_TOPIC_UNKNOWN */
  async topic(topic: string): Promise<TopicInfo> {
    const known = this.metadata.topics.get(topic)
    if (known !== undefined) return known
    const what = `reading metadata of topic ${topic}`
    const found = await this.retrying(what, async () => {
      const missing = await this.refresh([topic])
      const info = this.metadata.topics.get(topic)
      if (info === undefined && !missing.has(topic)) throw notYet(topic)
      return info
    })
    if (found === undefined) throw topicUnknown(topic)
    return found
  }

  /** A connection to the coordinator of a group or a transactional id. */
  async coordinator(kind: CoordinatorKind, key: string, lane = this.control): Promise<NegotiatedConnection> {
    const address = await this.coordinators.find(kind, key)
    try {
      return await this.linkTo(lane, address).connect()
    } catch (error) {
      this.coordinators.forget(kind, key)
      throw error
    }
  }

  /** The coordinator has moved or cannot be reached: the next call of `coordinator` asks anew. */
  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.coordinators.forget(kind, key)
  }

  /** A connection to some broker. @throws MR_BROKER_UNREACHABLE naming all that were tried */
  async anyBroker(): Promise<NegotiatedConnection> {
    const current = this.preferred?.current
    if (current !== undefined) return current
    if (this.closed) throw closedError('the cluster')
    const links = this.candidates()
    const causes: unknown[] = []
    for (const link of [...links.filter((one) => !one.pausing), ...links.filter((one) => one.pausing)]) {
      try {
        const connection = await link.connect()
        this.preferred = link
        return connection
      } catch (error) {
        if (this.closed || !(isRetriable(error) || isTransportError(error))) throw error
        causes.push(error)
      }
    }
    const names = links.map(({ name }) => name).join(', ')
    throw new MillraceError('MR_BROKER_UNREACHABLE', `no broker answers at ${names}`, {
      where: names,
      cause: causes[0],
      hint: 'Start a broker with `millrace dev`, or name yours with --brokers.',
    })
  }

  /**
   * Reads metadata anew: of all topics that are known and those given. Resolves with the names of those that do
   * not exist.
   */
  refresh(topics: readonly string[] = []): Promise<ReadonlySet<string>> {
    if (this.closed) return Promise.reject(closedError('the cluster'))
    return this.refreshing.refresh(topics)
  }

  /** A set of connections of one's own. The owner closes it. */
  lane(name: string): Lane {
    const { clock, random } = this.platform
    const lane: Lane = new Lane(name, {
      clock,
      random,
      open: (address, signal) => this.open(address, signal),
      onClose: (closed) => this.lanes.delete(closed),
    })
    this.lanes.add(lane)
    return lane
  }

  /** The way to a partition's leader, as far as it is known. */
  leaderLink(lane: Lane, topic: string, partition: number): BrokerLink | undefined {
    const info = this.metadata.partition(topic, partition)
    return info === undefined ? undefined : this.brokerLink(lane, info.leader)
  }

  /** The way to a broker by its id, as far as it is known. */
  brokerLink(lane: Lane, nodeId: number): BrokerLink | undefined {
    const broker = nodeId < 0 ? undefined : this.metadata.broker(nodeId)
    return broker === undefined ? undefined : this.linkTo(lane, broker)
  }

  /** An answer told of a new leader. Returns whether that was news. */
  learnLeader(topic: string, partition: number, leader: NewLeader): boolean {
    return this.metadata.mergeLeader(topic, partition, leader)
  }

  /** Tries until it succeeds or the request timeout has passed. */
  retrying<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    return withRetries(this.platform, { what, timeoutMs: this.requestTimeoutMs }, attempt)
  }

  private linkTo(lane: Lane, address: BrokerAddress): BrokerLink {
    return lane.link(this.options.connect === undefined ? address : localAddress)
  }

  /** Ways to known brokers in an order of chance, so that clients spread; then the addresses to start from. */
  private candidates(): BrokerLink[] {
    const brokers = [...this.metadata.brokers.values()]
    const first = brokers.length === 0 ? 0 : randomInt(this.platform.random, brokers.length)
    const known = [...brokers.slice(first), ...brokers.slice(0, first)]
    return [...new Set([...known, ...this.seeds].map((address) => this.linkTo(this.control, address)))]
  }

  private async open(address: BrokerAddress, signal: AbortSignal): Promise<NegotiatedConnection> {
    const { clientId, connect, connectTimeoutMs, platform, sasl, tls } = this.options
    const authenticate = sasl === undefined ? this.options.authenticate : logIn(sasl, platform.random)
    if (connect !== undefined) {
      return negotiate(await connect(), platform.clock, this.requestTimeoutMs)
    }
    const timeoutMs = connectTimeoutMs ?? CONNECT_TIMEOUT_MS
    const socket = await platform.net.connect({
      ...address,
      timeoutMs,
      signal,
      ...(tls !== undefined && tls !== false && { tls: tls === true ? {} : tls }),
    })
    const connection = new TcpConnection({
      socket,
      clock: platform.clock,
      clientId: clientId ?? 'millrace',
      broker: formatAddress(address),
      requestTimeoutMs: this.requestTimeoutMs,
      ...(authenticate !== undefined && { chance: randomUnit(platform.random) }),
    })
    const end = (): void => void connection.close()
    signal.addEventListener('abort', end, { once: true })
    try {
      if (signal.aborted) throw closedError(`the way to ${connection.broker}`)
      await shakeHands(connection, authenticate)
      return connection
    } catch (error) {
      await connection.close()
      throw error
    } finally {
      signal.removeEventListener('abort', end)
    }
  }
}

function twoLogins(): MillraceError {
  return new MillraceError('MR_OPTION_INVALID', 'a cluster has one login', {
    hint: 'Give sasl, or authenticate, and not both.',
  })
}

/** The error for a topic that does not exist. */
export function topicUnknown(topic: string): MillraceError {
  return new MillraceError('MR_TOPIC_UNKNOWN', `topic "${topic}" does not exist`, {
    hint: `Create it with \`millrace topics create ${topic}\`, or check its name.`,
    context: { topic },
  })
}

/** The error for a partition that a topic does not have. */
export function noPartition(cluster: Cluster, { topic, partition }: TopicPartition): MillraceError {
  const count = cluster.metadata.topics.get(topic)?.partitions.length ?? 0
  return new MillraceError('MR_OPTION_INVALID', `topic "${topic}" has no partition ${partition}`, {
    hint: `Its partitions are 0 to ${count - 1}.`,
    context: { topic, partition },
  })
}

/** The topic exists, but the broker cannot tell of its partitions yet. */
function notYet(topic: string): MillraceError {
  return answerError(5, 'read metadata', { topic })
}
