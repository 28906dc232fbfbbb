/**
 * Fetches in the background what the next poll will want.
 *
 * 1. `kick` asks for a round at the end of the current job. A round groups the partitions that can be fetched by the
 *    broker to read from.
 * 2. A broker gets a fetch when none of its partitions has data that waits to be polled: so while the caller works on
 *    one answer, the next one is on its way, for all partitions together, and never more than that.
 * 3. A fetch may wait at the broker for `maxWaitMs`. Partitions that become ready meanwhile (resumed, sought, just
 *    assigned) must not wait for it: they go over a second slot. Partitions with data and partitions without part by
 *    themselves that way.
 * 4. Nothing is fetched while `bufferBytesMax` are waiting.
 *
 * Sources: Kafka fetch protocol, KIP-227, KIP-320, KIP-392. Never: hand on data for a position that was changed while
 * the fetch was under way.
 */
import type { MillraceError } from '../../../core/errors.ts'
import { formatUuid } from '../../../protocol/uuid.ts'
import { Alarm } from '../../alarm.ts'
import { LeaderSearch } from '../../cluster/leader-search.ts'
import type { Cluster } from '../../cluster.ts'
import type { BrokerLink } from '../../connection/broker-link.ts'
import type { Lane } from '../../connection/lane.ts'
import { answerError, asMillraceError, isRetriable, isTransportError } from '../../errors.ts'
import type { AssignedPartition } from '../assigned-partition.ts'
import type { ConsumerSettings } from '../options.ts'
import type { PartitionTable } from '../partition-table.ts'
import type { FetchTarget } from './fetch-session.ts'
import { type FetchAnswer, FetchSlot, type PartitionAnswer } from './fetch-slot.ts'
import { fetchVerdictOf } from './fetch-verdict.ts'
import { readableBatches } from './readable-batches.ts'

export interface FetcherParts {
  readonly cluster: Cluster
  readonly settings: ConsumerSettings
  readonly table: PartitionTable
  /** There is data, or an error, for poll. */
  readonly onProgress: () => void
  /** The position has to be checked before it is read from. */
  readonly needsCheck: (partition: AssignedPartition) => boolean
  /** A partition has to start anew: its position is out of range. */
  readonly onOutOfRange: (partition: AssignedPartition) => void
  readonly onError: (error: MillraceError) => void
}

/** A partition as it was when it was asked for. */
interface Asked {
  readonly partition: AssignedPartition
  readonly version: number
  readonly target: FetchTarget
}

const SLOTS = 2
const RETRY_MS = 100

export class Fetcher {
  private readonly parts: FetcherParts
  private readonly lanes: readonly Lane[]
  private readonly slots = new Map<string, readonly FetchSlot[]>()
  /** Rings when a partition that was refused may be asked for again. */
  private readonly retry: Alarm
  private readonly leaders: LeaderSearch
  private scheduled = false
  private closed = false

  constructor(parts: FetcherParts) {
    this.parts = parts
    this.retry = new Alarm(parts.cluster.platform.clock, () => this.kick())
    this.leaders = new LeaderSearch(parts.cluster, () => this.kick())
    const { group } = parts.settings
    this.lanes = Array.from({ length: SLOTS }, (_, index) =>
      parts.cluster.lane(`fetch ${group ?? ''} ${index + 1}`),
    )
  }

  kick(): void {
    if (this.scheduled || this.closed) return
    this.scheduled = true
    queueMicrotask(() => {
      try {
        this.round()
      } catch (error) {
        // The cluster was closed before its consumer: the next poll says so.
        this.parts.onError(asMillraceError(error))
      }
    })
  }

  async close(): Promise<void> {
    this.closed = true
    this.retry.cancel()
    this.leaders.close()
    await Promise.all(this.lanes.map((lane) => lane.close()))
  }

  private round(): void {
    this.scheduled = false
    const { cluster, settings, table } = this.parts
    if (this.closed) return
    const nowMs = cluster.platform.clock.monotonicMs()
    const ready = new Map<string, AssignedPartition[]>()
    const blocked = new Set<string>()
    let leaderless = false
    let bufferedBytes = 0
    for (const partition of table.values()) {
      bufferedBytes += partition.data?.bytes.length ?? 0
      const waits = partition.data !== undefined && !partition.paused && !partition.held
      if (!waits && (!partition.canFetch(nowMs) || this.parts.needsCheck(partition))) continue
      const link = this.linkOf(partition, this.lanes[0]!, nowMs)
      if (link === undefined) leaderless = true
      else if (waits) blocked.add(link.name)
      else {
        const list = ready.get(link.name)
        if (list === undefined) ready.set(link.name, [partition])
        else list.push(partition)
      }
    }
    if (leaderless) this.refreshSoon()
    if (bufferedBytes >= settings.bufferBytesMax) return
    for (const [name, partitions] of ready) if (!blocked.has(name)) this.start(name, partitions, nowMs)
  }

  /** Where to read a partition from: its leader, or for a while a replica that the leader named. */
  private linkOf(partition: AssignedPartition, lane: Lane, nowMs: number): BrokerLink | undefined {
    const { cluster } = this.parts
    const { replica } = partition
    if (replica !== undefined && replica.untilMs > nowMs) {
      const link = cluster.brokerLink(lane, replica.nodeId)
      if (link !== undefined) return link
    }
    return cluster.leaderLink(lane, partition.topic, partition.partition)
  }

  private start(name: string, partitions: readonly AssignedPartition[], nowMs: number): void {
    const { cluster, settings } = this.parts
    let slots = this.slots.get(name)
    if (slots === undefined) {
      slots = this.lanes.map((lane) => new FetchSlot(lane, settings, cluster.rack))
      this.slots.set(name, slots)
    }
    const slot = slots.find(({ busy }) => !busy)
    if (slot === undefined) return
    const link = this.linkOf(partitions[0]!, slot.lane, nowMs)
    const asked = partitions.map((partition) => this.ask(partition))
    if (link === undefined) return
    slot.busy = true
    for (const { partition } of asked) partition.fetching = true
    void this.run(slot, link, asked)
  }

  private ask(partition: AssignedPartition): Asked {
    const { cluster, settings } = this.parts
    const topic = cluster.metadata.topics.get(partition.topic)!
    const info = topic.partitions[partition.partition]!
    const target: FetchTarget = {
      topic: partition.topic,
      topicId: topic.topicId,
      partition: partition.partition,
      offset: partition.position,
      leaderEpoch: info.leaderEpoch,
      maxBytes: settings.partitionMaxBytes,
    }
    return { partition, version: partition.version, target }
  }

  private async run(slot: FetchSlot, link: BrokerLink, asked: readonly Asked[]): Promise<void> {
    let answer: FetchAnswer | undefined
    try {
      answer = await slot.fetch(
        link,
        asked.map(({ target }) => target),
      )
    } catch (error) {
      this.failed(asked, asMillraceError(error))
    }
    slot.busy = false
    for (const { partition } of asked) partition.fetching = false
    if (this.closed) return
    if (answer !== undefined) this.accept(slot, asked, answer)
    this.parts.onProgress()
    this.kick()
  }

  private accept(slot: FetchSlot, asked: readonly Asked[], answer: FetchAnswer): void {
    const nowMs = this.parts.cluster.platform.clock.monotonicMs()
    // In a session an answer leaves out what has no news; the broker has looked at it all the same.
    for (const { partition } of asked) partition.lastAnswerMs = nowMs
    if (answer.responses.length === 0) return
    const find = finder(asked)
    for (const { topic, topicId, partitions } of answer.responses) {
      for (const part of partitions) {
        const one = find(topic, topicId, part.partitionIndex)
        if (one === undefined || one.partition.version !== one.version) continue
        const verdict = fetchVerdictOf(part.errorCode)
        if (verdict === 'data') this.take(slot, one, part)
        else this.refused(one, part, answer, { verdict, nowMs, broker: slot.connection?.broker })
      }
    }
  }

  private take(slot: FetchSlot, { partition, target }: Asked, part: PartitionAnswer): void {
    const { cluster, settings } = this.parts
    const highWatermark = Number(part.highWatermark)
    const lastStableOffset = Number(part.lastStableOffset)
    const committed = settings.isolation === 'read_committed' && lastStableOffset >= 0
    partition.endOffset = committed ? lastStableOffset : highWatermark
    if (part.preferredReadReplica >= 0) {
      const untilMs = cluster.platform.clock.monotonicMs() + cluster.metadataMaxAgeMs
      partition.replica = { nodeId: part.preferredReadReplica, untilMs }
    }
    const { records } = part
    if (records === null || records.length === 0) return
    try {
      const readable = readableBatches(records, {
        position: partition.position,
        abortedTransactions: settings.isolation === 'read_committed' ? part.abortedTransactions : null,
        checkCrcs: settings.checkCrcs && slot.connection?.remote === true,
      })
      if (readable.nextOffset === partition.position) return
      const { bytes, nextOffset, leaderEpoch } = readable
      partition.data = {
        topic: partition.topic,
        partition: partition.partition,
        bytes,
        fetchOffset: partition.position,
        nextOffset,
        highWatermark,
        lastStableOffset: lastStableOffset < 0 ? highWatermark : lastStableOffset,
        logStartOffset: Number(part.logStartOffset),
        leaderEpoch,
      }
      partition.validatedEpoch = target.leaderEpoch
    } catch (error) {
      this.parts.onError(asMillraceError(error))
      this.pause(partition, cluster.platform.clock.monotonicMs())
    }
  }

  private refused(
    { partition, target }: Asked,
    part: PartitionAnswer,
    answer: FetchAnswer,
    about: {
      readonly verdict: 'stale' | 'again' | 'reset' | 'fail'
      readonly nowMs: number
      readonly broker: string | undefined
    },
  ): void {
    const { cluster } = this.parts
    const { topic } = partition
    const place = { topic, partition: partition.partition }
    this.pause(partition, about.nowMs)
    if (about.verdict === 'reset') {
      // A replica may lag behind what its leader has told: ask the leader before the position is given up.
      if (partition.replica !== undefined) partition.replica = undefined
      else this.parts.onOutOfRange(partition)
    } else if (about.verdict === 'fail') {
      const broker = about.broker === undefined ? {} : { broker: about.broker }
      this.parts.onError(
        answerError(part.errorCode, `fetch from offset ${target.offset}`, { ...place, ...broker }),
      )
    } else if (about.verdict === 'stale') {
      partition.replica = undefined
      const leader = { ...part.currentLeader, endpoints: answer.nodeEndpoints }
      if (cluster.learnLeader(topic, partition.partition, leader)) partition.notBeforeMs = 0
      else this.refreshSoon()
    }
  }

  private failed(asked: readonly Asked[], error: MillraceError): void {
    if (this.closed) return
    const nowMs = this.parts.cluster.platform.clock.monotonicMs()
    for (const { partition } of asked) this.pause(partition, nowMs)
    if (isTransportError(error) || isRetriable(error) || error.code === 'MR_CLOSED') this.refreshSoon()
    else this.parts.onError(error)
  }

  private pause(partition: AssignedPartition, nowMs: number): void {
    partition.notBeforeMs = nowMs + RETRY_MS
    this.retry.at(partition.notBeforeMs)
  }

  private refreshSoon(): void {
    this.leaders.look(new Set(this.parts.table.list().map(({ topic }) => topic)))
  }
}

/** Finds what was asked for by what an answer calls it: by name, or by id from version 13 on. */
function finder(
  asked: readonly Asked[],
): (topic: string, topicId: Buffer, partition: number) => Asked | undefined {
  const byKey = new Map(asked.map((one) => [`${one.target.partition} ${one.target.topic}`, one]))
  const names = new Map(asked.map(({ target }) => [formatUuid(target.topicId), target.topic]))
  return (topic, topicId, partition) => byKey.get(`${partition} ${topic || names.get(formatUuid(topicId))}`)
}
