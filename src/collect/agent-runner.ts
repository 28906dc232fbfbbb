/**
 * Runs an agent: feed → transactions, until it is stopped, has failed, or has come to the end.
 *
 * 1. Start: topics, producer, last committed position; the source is opened there.
 * 2. Run: records are added to the open transaction, which is committed with the position every `commitInterval`, or
 *    when it is large, or when there is nothing more at the moment.
 * 3. Drain: what was added completely is committed, and everything is closed.
 *
 * Whatever ends it, and wherever, the topics and the position agree.
 */
import type { Json } from '../connector/index.ts'
import { isMillraceError, MillraceError } from '../core/errors.ts'
import { type Logger, silentLogger } from '../core/logger.ts'
import type { Platform } from '../platform/platform.ts'
import type { AgentDescription } from './agent.ts'
import { AgentCounters, type AgentSnapshot, type ChannelCount } from './agent-counters.ts'
import { topicsOfAgent } from './agent-topics.ts'
import { EventProcessor } from './event-processor.ts'
import type { Feed, FeedOutcome } from './feed.ts'
import { openInterceptors } from './interceptor.ts'
import { LiveFeed } from './live-feed.ts'
import type { AgentPosition } from './position-log.ts'
import { ReplayFeed } from './replay/replay-feed.ts'
import { RowIntake } from './row-intake.ts'
import { RunnerLifecycle } from './runner-lifecycle.ts'
import type { RunnerState } from './runner-state.ts'
import { compileSelector } from './selector.ts'
import { SourceReader } from './source-reader.ts'
import { TransactionWriter } from './transaction-writer.ts'
import type { Transport } from './transport.ts'
import { pause } from './waiting.ts'

/** What the interceptor `host` writes when nobody says which machine it is. */
const localhost = { name: 'localhost', address: '127.0.0.1' }

export interface AgentRunnerOptions {
  readonly agent: AgentDescription
  readonly platform: Platform
  readonly transport: Transport
  readonly logger?: Logger
  /** Against which relative paths of the description are read: the directory of the configuration. */
  readonly baseDirectory: string
  /** End when the source has nothing new. */
  readonly once?: boolean
  /** Instead of the speed of the description; ignored when that has no replay. */
  readonly replaySpeed?: number
  /** The machine, for the interceptor `host`. */
  readonly host?: { readonly name: string; readonly address: string }
}

export class AgentRunner {
  readonly agent: AgentDescription
  private readonly options: AgentRunnerOptions
  private readonly logger: Logger
  private readonly counters: AgentCounters
  private readonly writer: TransactionWriter
  /** Ends waiting for the source. */
  private readonly reading = new AbortController()
  private readonly lifecycle: RunnerLifecycle
  private feed: Feed | undefined
  /** The feed failed, not a commit: what it had added before can still be committed. */
  private feedFailed = false

  constructor(options: AgentRunnerOptions) {
    const { agent, transport, platform, logger = silentLogger } = options
    this.agent = agent
    this.options = options
    this.logger = logger
    this.lifecycle = new RunnerLifecycle({
      ...{ kind: 'agent', name: agent.name, clock: platform.clock, logger, failureCode: 'MR_SOURCE_FAILED' },
    })
    this.counters = new AgentCounters(agent.channels.length + 1)
    this.writer = new TransactionWriter({
      ...{ transport, platform, logger, agent: agent.name, topics: topicsOfAgent(agent) },
      ...{ compression: agent.compression, retryTimeoutMs: agent.retryTimeoutMs },
      signal: this.lifecycle.giveUp.signal,
      onCommit: (batches) => this.counters.addCommit(batches),
    })
  }

  get state(): RunnerState {
    return this.lifecycle.state
  }

  /** Starts; resolves when the agent reads, or has been stopped. @throws what it failed with */
  start(): Promise<void> {
    return this.lifecycle.start(() => this.run())
  }

  /** Resolves when the agent has come to its end or was stopped. @throws what it failed with */
  untilEnded(): Promise<void> {
    return this.lifecycle.untilEnded()
  }

  /** Commits what was taken and ends. What cannot be committed in time is taken again at the next start. */
  async stop(options: { readonly withinMs?: number } = {}): Promise<void> {
    const stopped = this.lifecycle.stop(options.withinMs, () => void this.release())
    this.reading.abort()
    await stopped
  }

  snapshot(): AgentSnapshot {
    const { agent, counters, writer, feed, lifecycle } = this
    const { clock } = this.options.platform
    const { eventTimeMs, rowsIn, droppedRows, deadLetters, skippedRows, unit, commits } = counters
    const counts = topicsOfAgent(agent).map(({ topic }, channel): ChannelCount => {
      return { topic, records: counters.records[channel]!, bytes: counters.bytes[channel]! }
    })
    return {
      ...{ name: agent.name, state: lifecycle.state, connector: agent.source.connector },
      error: lifecycle.failureSummary,
      atMs: clock.monotonicMs(),
      ...{ rowsIn, droppedRows, deadLetters, skippedRows, unit, commits, eventTimeMs },
      channels: counts.slice(0, -1),
      deadLetterTopic: counts.at(-1)!,
      retries: writer.retries + (feed?.retries ?? 0),
      optionalDropped: writer.optionalDropped,
      pendingRecords: writer.pendingRecords,
      pendingBytes: writer.pendingBytes,
      lagMs: eventTimeMs === null ? null : clock.nowMs() - eventTimeMs,
      replay: feed?.replay() ?? null,
    }
  }

  private async run(): Promise<void> {
    try {
      this.feed = this.openFeed(await this.writer.open())
      this.lifecycle.opened()
      await this.collect(this.feed)
      if (this.state === 'running') this.lifecycle.move('ended')
      await this.commit(this.feed)
      await this.release()
      this.lifecycle.finish()
    } catch (error) {
      await this.fail(error)
    }
  }

  private async collect(feed: Feed): Promise<void> {
    const { platform, once = false } = this.options
    const { clock } = platform
    while (this.state === 'running') {
      await this.writer.room()
      const outcome = await this.fill(feed)
      if (outcome === undefined) return
      const nothingMore = outcome.kind === 'idle' || outcome.kind === 'ended'
      if (nothingMore || this.commitDueMs() <= 0) await this.commit(feed)
      if (outcome.kind === 'ended' || (outcome.kind === 'idle' && once)) return
      if (outcome.kind === 'more') await clock.nextTurn()
      else await pause(clock, Math.min(outcome.waitMs, this.commitDueMs()), this.reading.signal)
    }
  }

  /** Undefined when the agent was stopped while it waited for the source. */
  private async fill(feed: Feed): Promise<FeedOutcome | undefined> {
    try {
      return await feed.fill(this.commitDueMs())
    } catch (error) {
      if (this.state === 'draining' && isMillraceError(error, 'MR_ABORTED')) return undefined
      this.feedFailed = true
      throw error
    }
  }

  /** How long the open transaction may stay so; no limit when there is none. */
  private commitDueMs(): number {
    const { openSinceMs, pendingBytes } = this.writer
    if (openSinceMs === undefined) return Number.POSITIVE_INFINITY
    if (pendingBytes >= this.agent.transactionBytesMax) return 0
    const openMs = this.options.platform.clock.monotonicMs() - openSinceMs
    return Math.max(0, this.agent.commitIntervalMs - openMs)
  }

  private async commit(feed: Feed): Promise<void> {
    if (!feed.moved) return
    await this.writer.commit(feed.position())
    feed.committed()
  }

  private openFeed(position: AgentPosition | undefined): Feed {
    const { agent, counters, writer } = this
    const { connector } = agent.source
    if (position !== undefined && position.connector !== connector) {
      throw this.misfit(`its position is one of source "${position.connector}", not "${connector}"`)
    }
    const { clock } = this.options.platform
    const intake = new RowIntake(this.makeProcessor(), counters)
    const parts = { connector, intake, writer, clock, counters }
    if (agent.replay === undefined) {
      if (position?.replay) throw this.misfit('it was stopped in the middle of a replay')
      return new LiveFeed({ ...parts, reader: this.openReader(position?.source ?? undefined) })
    }
    return new ReplayFeed({
      ...parts,
      openReader: (from, units) => this.openReader(from, units),
      speed: this.options.replaySpeed ?? agent.replay.speed,
      bytesMax: agent.replay.bytesMax,
      position,
    })
  }

  private openReader(position: Json | undefined, units?: readonly string[]): SourceReader {
    const { agent, logger } = this
    const { platform, baseDirectory } = this.options
    return new SourceReader({
      source: agent.source,
      context: { name: agent.name, platform, baseDirectory, logger, signal: this.reading.signal },
      retryTimeoutMs: agent.retryTimeoutMs,
      position,
      ...(units === undefined ? {} : { units }),
    })
  }

  private makeProcessor(): EventProcessor {
    const { agent } = this
    const { clock, random } = this.options.platform
    const topics = agent.channels.map(({ topic }) => topic)
    const { host = localhost } = this.options
    return new EventProcessor({
      agent: agent.name,
      connector: agent.source.connector,
      interceptors: openInterceptors(agent.interceptors, { clock, random, host }),
      route: compileSelector(agent.name, agent.selector, topics),
      onInvalid: agent.onInvalid,
      deadLetterChannel: topics.length,
      recordBytesMax: agent.recordBytesMax,
    })
  }

  private misfit(what: string): MillraceError {
    return new MillraceError('MR_CONFIG_INVALID', `agent "${this.agent.name}" cannot go on: ${what}`, {
      hint: 'Bring back its old configuration, or give it another name, under which it starts anew.',
    })
  }

  private async fail(thrown: unknown): Promise<void> {
    if (this.lifecycle.giveUp.signal.aborted) return
    const failure = this.lifecycle.failureOf(thrown)
    // What came before the failure is good.
    if (this.feedFailed && this.feed?.complete) await this.commit(this.feed).catch(() => {})
    await this.release()
    this.lifecycle.fail(failure)
  }

  private release(): Promise<void> {
    this.reading.abort()
    return this.lifecycle.closeAll([this.feed?.close(), this.writer.close()])
  }
}
