/**
 * A member of a classic consumer group.
 *
 * 1. A background loop joins, syncs and stays, round after round; heartbeats tick beside it on the clock, whether the
 *    caller polls or not. What concerns the caller's partitions runs inside of its next poll (`poll-tasks.ts`).
 * 2. Eager protocol: everything is given up before a join. Cooperative (KIP-429): it is kept, the join tells what is
 *    owned; what the new assignment lacks is given up after it, and then the member joins once more.
 * 3. The leader runs the assignor that the broker chose, and starts a new round when partitions of the topics change.
 * 4. A member that is told that it is none any more (or of an old generation) has lost its partitions and joins anew.
 * 5. A generation passes only while no commit names it: a round waits for the commits under way, and the caller for
 *    the round (`rebalancing`).
 * 6. A caller that does not poll for `rebalanceTimeoutMs` leaves the group, so that others get its partitions.
 *
 * States: `membership-state.ts`. Sources: KIP-62, KIP-345, KIP-394, KIP-429, KIP-814.
 */
import { MillraceError } from '../../../core/errors.ts'
import { invariant } from '../../../core/invariant.ts'
import { every, sleep, type Timer } from '../../../platform/clock.ts'
import { ErrorCodes } from '../../../protocol/error-codes.ts'
import { answerError, asMillraceError, isRetriable, isTransportError, kafkaCodeIn } from '../../errors.ts'
import type { GroupMetadata } from '../../group-metadata.ts'
import { Backoff } from '../../retry.ts'
import type { Assignor } from '../assignor.ts'
import { without } from './assignment.ts'
import { decodeAssignment, decodeMembers, encodeAssignments, encodeSubscription } from './classic-protocol.ts'
import { ClassicRequests, type JoinAnswer } from './classic-requests.ts'
import type { Membership, MembershipParts } from './membership.ts'
import {
  type MembershipEvent,
  type MembershipState,
  nextMembershipState,
  sendsHeartbeats,
} from './membership-state.ts'
import { TopicWatch } from './topic-watch.ts'

const RETRY_FIRST_MS = 50
const RETRY_MAX_MS = 1000

export class ClassicMembership implements Membership {
  private readonly parts: MembershipParts
  private readonly requests: ClassicRequests
  private readonly watch: TopicWatch
  private readonly backoff: Backoff
  private readonly ending = new AbortController()
  private readonly cooperative: boolean
  private state: MembershipState = 'unjoined'
  private topics: readonly string[] = []
  private reason = 'first join'
  private memberId = ''
  private generation = -1
  /** As of the last finished round: what commits carry, also after the membership was lost. */
  private settled: { readonly memberId: string; readonly generation: number } = {
    memberId: '',
    generation: -1,
  }
  /** Another round is due, or the membership is over. */
  private news: 'rebalance' | MillraceError | undefined
  private onNews: (() => void) | undefined
  /** Somebody waits for the end of the round. */
  private onSettled: (() => void) | undefined
  /** What is held belongs to others already. */
  private forfeited = false
  /** Commits under way: a generation does not pass while one of them names it. */
  private readonly commits = new Set<Promise<unknown>>()
  private ticking: Timer | undefined
  private beating = false
  private lastPollMs: number
  private pollExpired = false
  private leaving = false

  constructor(parts: MembershipParts) {
    const { cluster, settings } = parts
    this.parts = parts
    this.requests = new ClassicRequests({ cluster, settings })
    this.watch = new TopicWatch(cluster, () => this.rejoin('the partitions of a topic have changed'))
    this.backoff = new Backoff(cluster.platform.random, RETRY_FIRST_MS, RETRY_MAX_MS)
    this.cooperative = settings.assignors.every(({ protocol }) => protocol === 'cooperative')
    this.lastPollMs = cluster.platform.clock.monotonicMs()
  }

  get metadata(): GroupMetadata {
    const { group, groupInstanceId } = this.parts.settings
    return { group, groupInstanceId, ...this.settled }
  }

  get reader(): GroupMetadata | undefined {
    return this.generation < 0 ? undefined : this.metadata
  }

  get rebalancing(): boolean {
    return this.state === 'joining' || this.state === 'syncing'
  }

  async holdGeneration<T>(commit: () => Promise<T>): Promise<T> {
    const running = commit()
    this.commits.add(running)
    try {
      return await running
    } finally {
      this.commits.delete(running)
    }
  }

  subscribe(topics: readonly string[]): void {
    this.topics = [...new Set(topics)]
    if (this.ticking !== undefined) {
      this.rejoin('the subscription has changed')
      return
    }
    const { cluster, settings } = this.parts
    this.ticking = every(cluster.platform.clock, settings.heartbeatIntervalMs, () => this.tick())
    void this.run()
  }

  polled(): void {
    this.lastPollMs = this.parts.cluster.platform.clock.monotonicMs()
  }

  async leave(): Promise<void> {
    const { assignment, offsetsLane, settings, tasks } = this.parts
    if (this.rebalancing && assignment.owned().length > 0) await this.roundSettled()
    const lost = this.forfeited || this.rebalancing || this.isLost() || this.state === 'failed'
    this.leaving = true
    this.tell('rebalance')
    tasks.abandon()
    try {
      // Heartbeats go on meanwhile.
      if (lost) await assignment.loseAll()
      else await assignment.revoke(assignment.owned())
    } finally {
      this.move('leave')
      this.ticking?.cancel()
      this.watch.close()
      const { memberId } = this
      // A static member comes back; the broker keeps its partitions for it until the session times out.
      if (memberId !== '' && settings.groupInstanceId === null) {
        await this.requests.leave(offsetsLane, memberId, 'the consumer was closed').catch(() => {})
      }
      this.ending.abort()
    }
  }

  /**
   * Lets the round that has begun be the last, and come to its end: a member of the cooperative protocol keeps its
   * partitions through a round, and can commit them in the new generation only. Others may take long to join, so it
   * waits for a time; what it still has then counts as lost.
   */
  private async roundSettled(): Promise<void> {
    const { clock } = this.parts.cluster.platform
    await new Promise<void>((resolve) => {
      const timer = clock.after(this.parts.cluster.requestTimeoutMs, resolve)
      this.onSettled = () => {
        timer.cancel()
        this.leaving = true
        resolve()
      }
    })
    this.onSettled = undefined
    if (this.state !== 'assigning' && this.state !== 'stable') this.forfeited = true
  }

  private get over(): boolean {
    return this.leaving || this.state === 'failed'
  }

  private async run(): Promise<void> {
    while (!this.over) {
      try {
        await this.round()
      } catch (error) {
        if (this.over) return
        await this.recover(asMillraceError(error))
      }
    }
  }

  private async round(): Promise<void> {
    this.move('join')
    await this.prepare()
    while (this.commits.size > 0) await Promise.allSettled(this.commits)
    if (this.over) return
    this.move('prepared')
    this.news = undefined
    const joined = await this.join()
    if (this.over) return
    this.move('joined')
    const bytes = await this.sync(joined)
    if (this.over) return
    this.move('synced')
    this.settled = { memberId: this.memberId, generation: this.generation }
    await this.take(bytes, joined)
    if (this.over) return
    this.move('assigned')
    this.backoff.reset()
    await this.untilNews()
    if (this.over) return
    if (this.news !== 'rebalance' && this.news !== undefined) throw this.news
    this.move('rebalance')
  }

  /** Gives up, inside of a poll, what must be given up before a join. */
  private async prepare(): Promise<void> {
    const { assignment, tasks } = this.parts
    if (this.pollExpired) await tasks.run(async () => {})
    this.pollExpired = false
    const owned = assignment.owned()
    if (owned.length > 0 && (this.forfeited || !this.cooperative)) {
      await tasks.run(() =>
        this.forfeited || this.isLost() ? assignment.loseAll() : assignment.revoke(owned),
      )
    }
    this.forfeited = false
  }

  private async join(): Promise<JoinAnswer> {
    const { assignment, cluster, lane, settings } = this.parts
    const subscription = {
      topics: this.topics,
      owned: this.cooperative ? assignment.owned() : [],
      generation: this.generation,
      rack: cluster.rack,
    }
    const protocols = settings.assignors.map((assignor) => ({
      name: assignor.name,
      metadata: encodeSubscription(assignor, subscription),
    }))
    const joined = await this.requests.join(lane, this.memberId, protocols, this.reason)
    this.memberId = joined.memberId
    this.generation = joined.generationId
    return joined
  }

  private async sync(joined: JoinAnswer): Promise<Buffer> {
    const leads = joined.leader === joined.memberId
    if (!leads) this.watch.clear()
    const assignments = leads ? await this.assignAll(joined) : []
    const member = { memberId: this.memberId, generation: this.generation }
    return this.requests.sync(this.parts.lane, member, joined.protocolName, assignments)
  }

  private async assignAll(joined: JoinAnswer): Promise<ReturnType<typeof encodeAssignments>> {
    const members = decodeMembers(joined.members)
    const topics = new Set(members.flatMap((member) => member.topics))
    const partitionCounts = await this.watch.follow(topics)
    return joined.skipAssignment ? [] : encodeAssignments(this.assignor(joined), members, partitionCounts)
  }

  private assignor({ protocolName }: JoinAnswer): Assignor {
    const { settings } = this.parts
    const found = settings.assignors.find(({ name }) => name === protocolName)
    invariant(found !== undefined, 'a broker chooses an assignor that every member offers')
    return found
  }

  /** Puts an assignment into effect, inside of a poll if it changes anything. */
  private async take(bytes: Buffer, joined: JoinAnswer): Promise<void> {
    const { assignment, cluster, settings, tasks } = this.parts
    const { partitions, userData } = decodeAssignment(bytes)
    this.assignor(joined).onAssignment?.({ partitions, userData, generation: this.generation })
    const owned = assignment.owned()
    const revoked = without(owned, partitions)
    const added = without(partitions, owned)
    cluster.logger.info(
      {
        group: settings.group,
        generation: this.generation,
        partitions: partitions.length,
        added: added.length,
      },
      'got an assignment',
    )
    if (revoked.length > 0) this.rejoin('partitions were given up')
    if (revoked.length === 0 && added.length === 0) return
    await tasks.run(async () => {
      if (this.isLost()) return
      await assignment.revoke(revoked)
      if (!this.isLost()) await assignment.add(added)
    })
  }

  private isLost(): boolean {
    return this.news instanceof MillraceError
  }

  private async untilNews(): Promise<void> {
    while (this.news === undefined && !this.over) {
      await new Promise<void>((resolve) => {
        this.onNews = resolve
      })
    }
  }

  private rejoin(reason: string): void {
    this.reason = reason
    this.tell('rebalance')
  }

  /** An error counts more than a rebalance. */
  private tell(news: 'rebalance' | MillraceError): void {
    if (!(this.news instanceof MillraceError)) this.news = news
    this.onNews?.()
    this.onNews = undefined
  }

  /** Takes the consequences of what went wrong in a round. */
  private async recover(error: MillraceError): Promise<void> {
    const { clock } = this.parts.cluster.platform
    const code = kafkaCodeIn(error)
    this.news = undefined
    if (code === ErrorCodes.REBALANCE_IN_PROGRESS) {
      this.move('rebalance')
      return
    }
    if (code === ErrorCodes.UNKNOWN_MEMBER_ID || code === ErrorCodes.ILLEGAL_GENERATION) {
      if (code === ErrorCodes.UNKNOWN_MEMBER_ID) this.memberId = ''
      this.generation = -1
      this.forfeited = true
      this.reason = error.message
      this.move('lost')
      return
    }
    if (!isRetriable(error) && !isTransportError(error)) {
      this.fail(error)
      return
    }
    this.move('rebalance')
    await sleep(clock, this.backoff.nextMs(), this.ending.signal).catch(() => {})
  }

  private fail(error: MillraceError): void {
    const { assignment, onError, tasks } = this.parts
    this.move('fail')
    this.ticking?.cancel()
    this.watch.close()
    this.generation = -1
    void tasks.run(() => assignment.loseAll())
    onError(error)
  }

  private tick(): void {
    this.checkPolls()
    if (this.beating || this.generation < 0 || !sendsHeartbeats(this.state)) return
    this.beating = true
    const { generation, memberId } = this
    this.requests
      .heartbeat(this.parts.lane, { generation, memberId })
      .catch((error: unknown) => {
        if (this.generation === generation && !this.over) this.heartbeatFailed(asMillraceError(error))
      })
      .finally(() => {
        this.beating = false
      })
  }

  private heartbeatFailed(error: MillraceError): void {
    if (kafkaCodeIn(error) === ErrorCodes.REBALANCE_IN_PROGRESS) {
      // One that was sent before the join tells of the round that the join is for.
      if (!this.rebalancing) this.rejoin('the group is rebalancing')
    } else if (!isRetriable(error) && !isTransportError(error)) this.tell(error)
  }

  private checkPolls(): void {
    const { cluster, offsetsLane, settings, tasks } = this.parts
    const silentMs = cluster.platform.clock.monotonicMs() - this.lastPollMs
    if (this.generation < 0 || tasks.busy || this.pollExpired || silentMs <= settings.rebalanceTimeoutMs)
      return
    const { group, groupInstanceId } = settings
    cluster.logger.warn(
      { group, silentMs: Math.round(silentMs) },
      'poll was not called for too long, leaving the group',
    )
    this.pollExpired = true
    const { memberId } = this
    this.generation = -1
    this.tell(answerError(ErrorCodes.UNKNOWN_MEMBER_ID, 'stay in the group without polling', { group }))
    if (groupInstanceId === null) {
      this.requests.leave(offsetsLane, memberId, 'poll was not called for too long').catch(() => {})
    }
  }

  private move(event: MembershipEvent): void {
    this.state = nextMembershipState(this.state, event)
    if (!this.rebalancing) this.onSettled?.()
  }
}
