/**
 * The client's side of an incremental fetch session (KIP-227): after a first full request only what changed is sent,
 * and a broker answers only what is news.
 *
 * Epoch 0 asks for a new session; then 1, 2, … in step with the broker, wrapping behind 2^31 - 1 to 1. An answer with
 * session id 0 means that the broker keeps none, and requests stay full. Any doubt ends the session: `reset`.
 *
 * A session calls its topics by id or by name, one of the two. By name a topic that was made anew is the same one:
 * a broker that is told to forget and to add one partition forgets it.
 */
import type { fetch } from '../../../protocol/apis/fetch.ts'
import type { RequestInput } from '../../../protocol/schema/message.ts'
import { formatUuid } from '../../../protocol/uuid.ts'

/** A partition as a request has it. */
export interface FetchTarget {
  readonly topic: string
  readonly topicId: Buffer
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly maxBytes: number
}

type Request = RequestInput<typeof fetch>
export type TopicKey = 'id' | 'name'
export type SessionFields = Pick<Request, 'sessionId' | 'sessionEpoch' | 'topics' | 'forgottenTopicsData'>

const NO_SESSION = { sessionId: 0, sessionEpoch: -1 }
const EPOCH_MAX = 0x7fff_ffff

export class FetchSession {
  private readonly enabled: boolean
  private id = 0
  private epoch = 0
  private topicKey: TopicKey = 'id'
  /** What the broker has, by topic id (or name) and partition. */
  private known = new Map<string, FetchTarget>()

  /** @param enabled false where requests cost nothing, such as within one process */
  constructor(enabled: boolean) {
    this.enabled = enabled
  }

  /** The part of the next request that says what is fetched. */
  request(targets: readonly FetchTarget[], topicKey: TopicKey = 'id'): SessionFields {
    if (!this.enabled) return { ...NO_SESSION, topics: byTopic(targets), forgottenTopicsData: [] }
    if (topicKey !== this.topicKey) this.reset()
    this.topicKey = topicKey
    const keyOf = topicKey === 'id' ? idKeyOf : nameKeyOf
    const wanted = new Map(targets.map((target) => [keyOf(target), target]))
    const full = this.epoch === 0
    const changed = full ? targets : targets.filter((one) => !same(this.known.get(keyOf(one)), one))
    const forgotten = full ? [] : [...this.known].filter(([key]) => !wanted.has(key)).map(([, one]) => one)
    this.known = wanted
    return {
      sessionId: this.id,
      sessionEpoch: this.epoch,
      topics: byTopic(changed),
      forgottenTopicsData: forgottenByTopic(forgotten),
    }
  }

  /** An answer without an error came. */
  answered(sessionId: number): void {
    if (!this.enabled) return
    this.id = sessionId
    if (sessionId === 0) this.epoch = 0
    else this.epoch = this.epoch === EPOCH_MAX ? 1 : this.epoch + 1
  }

  /** The next request starts a new session. */
  reset(): void {
    this.id = 0
    this.epoch = 0
    this.known.clear()
  }
}

function idKeyOf({ topic, topicId, partition }: FetchTarget): string {
  return `${formatUuid(topicId)} ${topic} ${partition}`
}

function nameKeyOf({ topic, partition }: FetchTarget): string {
  return `${topic} ${partition}`
}

function same(a: FetchTarget | undefined, b: FetchTarget): boolean {
  return a?.offset === b.offset && a.leaderEpoch === b.leaderEpoch && a.maxBytes === b.maxBytes
}

function byTopic(targets: readonly FetchTarget[]): Request['topics'] {
  return groups(targets).map(([first, list]) => ({
    topic: first.topic,
    topicId: first.topicId,
    partitions: list.map((one) => ({
      partition: one.partition,
      currentLeaderEpoch: one.leaderEpoch,
      fetchOffset: BigInt(one.offset),
      partitionMaxBytes: one.maxBytes,
    })),
  }))
}

function forgottenByTopic(targets: readonly FetchTarget[]): NonNullable<Request['forgottenTopicsData']> {
  return groups(targets).map(([first, list]) => ({
    topic: first.topic,
    topicId: first.topicId,
    partitions: list.map(({ partition }) => partition),
  }))
}

/** By topic id and name: a topic that was made anew is two topics here. */
function groups(targets: readonly FetchTarget[]): [FetchTarget, FetchTarget[]][] {
  if (targets.length === 1) return [[targets[0]!, [targets[0]!]]]
  const lists = Map.groupBy(targets, ({ topic, topicId }) => `${formatUuid(topicId)} ${topic}`)
  return [...lists.values()].map((list) => [list[0]!, list])
}
