/**
 * A member of a group of the consumer protocol (KIP-848): the broker assigns, the member follows.
 *
 * 1. One request does all: ConsumerGroupHeartbeat. The first (epoch 0) tells everything; later ones only what changed.
 * 2. An answer may bring a target assignment. Inside of the next poll the member gives up what the target lacks, then
 *    takes what is new, and tells the broker after each of the two which partitions it holds.
 * 3. The broker hands a partition to another member only when its owner has told that it let go.
 * 4. A member that is told that it is fenced has lost its partitions and joins again with epoch 0.
 *
 * States: `consumer-membership-state.ts`.
 */
import { MillraceError } from '../../../core/errors.ts'
import { partitionName, type TopicPartition } from '../../../core/record.ts'
import { randomUuid } from '../../../platform/random.ts'
import { consumerGroupHeartbeat } from '../../../protocol/apis/consumer-group-heartbeat.ts'
import { ErrorCodes } from '../../../protocol/error-codes.ts'
import type { RequestInput, ResponseOf } from '../../../protocol/schema/message.ts'
import { formatUuid, parseUuid } from '../../../protocol/uuid.ts'
import { isCoordinatorLost } from '../../cluster/ask-coordinator.ts'
import type { Lane } from '../../connection/lane.ts'
import { asMillraceError, checkAnswer, isRetriable, isTransportError, kafkaCodeIn } from '../../errors.ts'
import type { GroupMetadata } from '../../group-metadata.ts'
import { Backoff } from '../../retry.ts'
import { Wakeup } from '../wakeup.ts'
import { without } from './assignment.ts'
import {
  type ConsumerMembershipEvent,
  type ConsumerMembershipState,
  nextConsumerMembershipState,
} from './consumer-membership-state.ts'
import type { Membership, MembershipParts } from './membership.ts'

type Request = RequestInput<typeof consumerGroupHeartbeat>
type Answer = ResponseOf<typeof consumerGroupHeartbeat>
type TargetTopics = NonNullable<Answer['assignment']>['topicPartitions']

const JOINS = 0
const LEAVES = -1
/** A static member that leaves for a while: its partitions are kept for it. */
const LEAVES_STATICALLY = -2
const RETRY_FIRST_MS = 50
const RETRY_MAX_MS = 1000
const INTERVAL_MS = 1000

export class ConsumerMembership implements Membership {
  private readonly parts: MembershipParts
  private readonly wakeup: Wakeup
  private readonly backoff: Backoff
  private state: ConsumerMembershipState = 'joining'
  private topics: readonly string[] = []
  private memberId: string
  private epoch = JOINS
  /** As of the last answer: what commits carry, also after the membership was lost. */
  private joined: { readonly memberId: string; readonly generation: number } = {
    memberId: '',
    generation: -1,
  }
  private intervalMs = INTERVAL_MS
  /** What the broker was told last: topics and held partitions. Empty before it was told anything. */
  private toldTopics: readonly string[] | undefined
  private toldPartitions: string | undefined
  private target: TargetTopics | undefined
  /** The last target, as long as some of its topics have no name here. */
  private unresolved: TargetTopics | undefined
  private started = false
  private leaving = false
  private pollExpired = false
  private lastPollMs: number

  constructor(parts: MembershipParts) {
    const { clock, random } = parts.cluster.platform
    this.parts = parts
    this.wakeup = new Wakeup(clock)
    this.backoff = new Backoff(random, RETRY_FIRST_MS, RETRY_MAX_MS)
    this.memberId = formatUuid(randomUuid(random))
    this.lastPollMs = clock.monotonicMs()
  }

  get metadata(): GroupMetadata {
    const { group, groupInstanceId } = this.parts.settings
    return { group, groupInstanceId, ...this.joined }
  }

  get reader(): GroupMetadata | undefined {
    return this.epoch > JOINS ? this.metadata : undefined
  }

  /** Never: the broker takes commits of the epoch before while partitions move. */
  get rebalancing(): boolean {
    return false
  }

  holdGeneration<T>(commit: () => Promise<T>): Promise<T> {
    return commit()
  }

  subscribe(topics: readonly string[]): void {
    this.topics = [...new Set(topics)].sort()
    this.wakeup.notify()
    if (this.started) return
    this.started = true
    void this.run()
  }

  polled(): void {
    this.lastPollMs = this.parts.cluster.platform.clock.monotonicMs()
  }

  async leave(): Promise<void> {
    const { assignment, offsetsLane, settings, tasks } = this.parts
    this.leaving = true
    tasks.abandon()
    try {
      if (this.state === 'fenced' || this.state === 'failed') await assignment.loseAll()
      else await assignment.revoke(assignment.owned())
    } finally {
      this.move('leave')
      this.wakeup.notify()
      if (this.epoch > JOINS) {
        const memberEpoch = settings.groupInstanceId === null ? LEAVES : LEAVES_STATICALLY
        await this.send(offsetsLane, { ...this.identity(), memberEpoch }).catch(() => {})
      }
    }
  }

  private get over(): boolean {
    return this.state === 'left' || this.state === 'failed'
  }

  /** Heartbeats, until the membership is over. */
  private async run(): Promise<void> {
    while (!this.over) {
      if (this.state === 'fenced') await this.drop()
      if (this.over || this.leaving) return
      try {
        this.checkPolls()
        if (this.state !== 'fenced') await this.beat()
      } catch (error) {
        if (this.over) return
        await this.recover(asMillraceError(error))
      }
    }
  }

  private async beat(): Promise<void> {
    const request = this.request()
    const answer = await this.send(this.parts.lane, request)
    if (this.over) return
    this.backoff.reset()
    this.memberId = answer.memberId ?? this.memberId
    this.epoch = answer.memberEpoch
    this.joined = { memberId: this.memberId, generation: this.epoch }
    this.intervalMs = answer.heartbeatIntervalMs
    this.move('answered')
    if (answer.assignment !== null) this.target = answer.assignment.topicPartitions
    else this.target ??= this.unresolved
    this.unresolved = undefined
    if (this.target !== undefined && this.state === 'stable') void this.reconcile()
    if (!this.hasNews()) await this.wakeup.wait(this.intervalMs)
  }

  /**
   * Everything the first time, later only what the broker does not know. Everything again after an answer that did not
   * come: it may have brought an assignment, and a broker tells that once more only to who tells everything.
   */
  private request(): Request {
    const { assignment, cluster, settings } = this.parts
    const whole = this.epoch === JOINS || this.toldPartitions === undefined
    const owned = assignment.owned()
    const request: Request = {
      ...this.identity(),
      memberEpoch: this.epoch,
      ...(whole ? { rebalanceTimeoutMs: settings.rebalanceTimeoutMs } : {}),
      ...(whole && settings.serverAssignor !== null ? { serverAssignor: settings.serverAssignor } : {}),
      ...(whole && cluster.rack !== '' ? { rackId: cluster.rack } : {}),
      ...(whole || this.toldTopics !== this.topics ? { subscribedTopicNames: this.topics } : {}),
      ...(whole || this.toldPartitions !== nameOf(owned) ? { topicPartitions: this.byTopicId(owned) } : {}),
    }
    this.toldTopics = this.topics
    this.toldPartitions = nameOf(owned)
    return request
  }

  private identity(): Pick<Request, 'groupId' | 'memberId' | 'instanceId'> {
    const { group, groupInstanceId } = this.parts.settings
    return { groupId: group, memberId: this.memberId, instanceId: groupInstanceId }
  }

  private hasNews(): boolean {
    return this.toldTopics !== this.topics || this.toldPartitions !== nameOf(this.parts.assignment.owned())
  }

  /** Follows the target, inside of polls, until there is no newer one. */
  private async reconcile(): Promise<void> {
    const { assignment, cluster, settings, tasks } = this.parts
    while (this.target !== undefined && (this.state === 'stable' || this.state === 'reconciling')) {
      this.move('target')
      const { target } = this
      this.target = undefined
      const wanted = await this.resolve(target)
      const owned = assignment.owned()
      const revoked = without(owned, wanted)
      const added = without(wanted, owned)
      if (revoked.length === 0 && added.length === 0) continue
      const { group } = settings
      cluster.logger.info(
        { group, epoch: this.epoch, partitions: wanted.length, added: added.length },
        'got an assignment',
      )
      await tasks.run(async () => {
        if (this.state !== 'reconciling') return
        await assignment.revoke(revoked)
        this.wakeup.notify()
        if (this.state === 'reconciling') await assignment.add(added)
      })
      this.wakeup.notify()
    }
    if (this.state === 'reconciling') this.move('reconciled')
  }

  /**
   * Names for topic ids. Topics that are not known (any more, or yet) are left out, and looked for again with the next
   * heartbeat: no broker tells of them a second time.
   */
  private async resolve(target: TargetTopics): Promise<TopicPartition[]> {
    const { cluster } = this.parts
    const isUnknown = ({ topicId }: TargetTopics[number]): boolean =>
      cluster.metadata.topicOfId(topicId) === undefined
    if (target.some(isUnknown)) await cluster.refresh(this.topics).catch(() => {})
    if (target.some(isUnknown)) this.unresolved = target
    return target.flatMap(({ topicId, partitions }) => {
      const topic = cluster.metadata.topicOfId(topicId)
      return topic === undefined ? [] : partitions.map((partition) => ({ topic, partition }))
    })
  }

  private byTopicId(owned: readonly TopicPartition[]): NonNullable<Request['topicPartitions']> {
    const { topics } = this.parts.cluster.metadata
    return [...Map.groupBy(owned, ({ topic }) => topic)].flatMap(([topic, list]) => {
      const info = topics.get(topic)
      if (info === undefined) return []
      return [{ topicId: parseUuid(info.idText), partitions: list.map(({ partition }) => partition) }]
    })
  }

  /** Waits for a poll to drop what was lost, then joins anew. */
  private async drop(): Promise<void> {
    const { assignment, tasks } = this.parts
    if (this.pollExpired || assignment.owned().length > 0) await tasks.run(() => assignment.loseAll())
    this.pollExpired = false
    this.epoch = JOINS
    this.target = undefined
    this.unresolved = undefined
    this.move('rejoin')
  }

  private async recover(error: MillraceError): Promise<void> {
    const code = kafkaCodeIn(error)
    if (code === ErrorCodes.UNKNOWN_MEMBER_ID || code === ErrorCodes.FENCED_MEMBER_EPOCH) {
      this.lose()
      return
    }
    if (isRetriable(error) || isTransportError(error)) {
      // What was in the request may not have arrived.
      this.toldTopics = undefined
      this.toldPartitions = undefined
      await this.wakeup.wait(this.backoff.nextMs())
      return
    }
    const { assignment, onError, settings, tasks } = this.parts
    this.move('fail')
    this.epoch = JOINS
    void tasks.run(() => assignment.loseAll())
    onError(isUnknownProtocol(error) ? protocolUnknown(settings.group, error) : error)
  }

  private lose(): void {
    this.epoch = JOINS
    this.move('lost')
  }

  private checkPolls(): void {
    const { cluster, offsetsLane, settings, tasks } = this.parts
    const { group, groupInstanceId, rebalanceTimeoutMs } = settings
    const silentMs = cluster.platform.clock.monotonicMs() - this.lastPollMs
    if (this.epoch === JOINS || tasks.busy || silentMs <= rebalanceTimeoutMs) return
    cluster.logger.warn(
      { group, silentMs: Math.round(silentMs) },
      'poll was not called for too long, leaving the group',
    )
    this.pollExpired = true
    const memberEpoch = groupInstanceId === null ? LEAVES : LEAVES_STATICALLY
    this.send(offsetsLane, { ...this.identity(), memberEpoch }).catch(() => {})
    this.lose()
  }

  private async send(lane: Lane, request: Request): Promise<Answer> {
    const { cluster, settings } = this.parts
    const { group } = settings
    try {
      const connection = await cluster.coordinator('group', group, lane)
      // Version 0 gives the member its id.
      const anonymous =
        request.memberEpoch === JOINS && connection.versions.choose(consumerGroupHeartbeat) === 0
      const body = anonymous ? { ...request, memberId: '' } : request
      const answer = await connection.send(consumerGroupHeartbeat, body)
      const place = { group, broker: connection.broker }
      checkAnswer(answer.errorCode, 'be a member of the group', place, answer.errorMessage)
      return answer
    } catch (error) {
      if (isCoordinatorLost(error)) cluster.forgetCoordinator('group', group)
      throw error
    }
  }

  private move(event: ConsumerMembershipEvent): void {
    this.state = nextConsumerMembershipState(this.state, event)
  }
}

/** The broker has no such request, or it is switched off there. */
function isUnknownProtocol(error: MillraceError): boolean {
  return (
    error.code === 'MR_PROTOCOL_VERSION_UNSUPPORTED' || kafkaCodeIn(error) === ErrorCodes.UNSUPPORTED_VERSION
  )
}

function protocolUnknown(group: string, cause: MillraceError): MillraceError {
  return new MillraceError(
    'MR_PROTOCOL_VERSION_UNSUPPORTED',
    `the broker does not offer the consumer protocol (KIP-848) to group "${group}"`,
    {
      where: cause.where ?? `group "${group}"`,
      hint: "Leave protocol at 'classic', which every broker has; the other one needs Kafka 4.0.",
      context: { ...cause.context, group },
      cause,
    },
  )
}

/** A set of partitions as one text. */
function nameOf(partitions: readonly TopicPartition[]): string {
  return partitions
    .map(({ topic, partition }) => partitionName(topic, partition))
    .sort()
    .join(' ')
}
