/**
 * Incremental fetch sessions (KIP-227): a client names its partitions once, then only what changes; the answers
 * leave out partitions in which nothing happened.
 *
 * 1. Epoch 0 opens a session with a full request; -1 is a request without one, and ends the one it names.
 * 2. Every further request has the next epoch; with any other the client has to start over.
 * 3. Partitions that gave records go to the end of the session's order, so that none starves.
 * There are at most so many sessions; the one unused for longest makes room, if it was unused for a while.
 */

import type { Clock } from '../../platform/clock.ts'
import { type Random, randomInt } from '../../platform/random.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'

const FINAL_EPOCH = -1
const INITIAL_EPOCH = 0
const EPOCH_MAX = 0x7fff_ffff
/** A session that was used more recently is not taken away for another. */
const EVICTABLE_AFTER_MS = 120_000

/** A partition as a fetch request names it. */
export interface FetchPartition {
  /** The topic: by name up to v12, by id from v13 on. */
  readonly topic: string
  readonly topicId: Buffer
  readonly partition: number
  fetchOffset: bigint
  partitionMaxBytes: number
  currentLeaderEpoch: number
  lastFetchedEpoch: number
  /** What the client was told last; -1 for nothing yet. */
  seenHighWatermark: number
  seenLogStartOffset: number
}

export interface ForgottenPartition {
  readonly topic: string
  readonly topicId: Buffer
  readonly partition: number
}

interface Session {
  readonly id: number
  epoch: number
  readonly usesIds: boolean
  readonly partitions: Map<string, FetchPartition>
  usedMs: number
}

export interface FetchSessionRequest {
  readonly sessionId: number
  readonly epoch: number
  readonly usesIds: boolean
  readonly partitions: readonly FetchPartition[]
  readonly forgotten: readonly ForgottenPartition[]
}

/** What a request is about, and how it is answered. */
export interface FetchScope {
  readonly errorCode: number
  readonly sessionId: number
  /** Leave out partitions in which nothing happened. */
  readonly incremental: boolean
  readonly partitions: Iterable<FetchPartition>
  /** A partition gave records: it goes to the end. */
  readonly served: (partition: FetchPartition) => void
}

const keyOf = (usesIds: boolean, { topic, topicId, partition }: ForgottenPartition): string =>
  `${usesIds ? topicId.latin1Slice() : topic}/${partition}`

const full = (partitions: readonly FetchPartition[]): FetchScope => ({
  errorCode: ErrorCodes.NONE,
  sessionId: 0,
  incremental: false,
  partitions,
  served: () => {},
})

const refused = (errorCode: number): FetchScope => ({ ...full([]), errorCode })

export class FetchSessions {
  private readonly sessions = new Map<number, Session>()
  private readonly clock: Clock
  private readonly random: Random
  private readonly slots: number

  constructor(options: { readonly clock: Clock; readonly random: Random; readonly slots: number }) {
    this.clock = options.clock
    this.random = options.random
    this.slots = options.slots
  }

  get size(): number {
    return this.sessions.size
  }

  /** Finds or opens the session of a request and brings it up to date. */
  scopeOf(request: FetchSessionRequest): FetchScope {
    if (request.epoch === FINAL_EPOCH || request.epoch === INITIAL_EPOCH) {
      this.sessions.delete(request.sessionId)
      const session = request.epoch === INITIAL_EPOCH ? this.open(request) : undefined
      return session === undefined ? full(request.partitions) : this.scope(session, false)
    }
    const session = this.sessions.get(request.sessionId)
    if (session === undefined) return refused(ErrorCodes.FETCH_SESSION_ID_NOT_FOUND)
    if (session.epoch !== request.epoch) return refused(ErrorCodes.INVALID_FETCH_SESSION_EPOCH)
    if (session.usesIds !== request.usesIds) return refused(ErrorCodes.FETCH_SESSION_TOPIC_ID_ERROR)
    session.epoch = request.epoch === EPOCH_MAX ? 1 : request.epoch + 1
    this.touch(session)
    update(session, request)
    if (session.partitions.size > 0) return this.scope(session, true)
    this.sessions.delete(session.id)
    return full([])
  }

  private scope(session: Session, incremental: boolean): FetchScope {
    const { partitions, usesIds } = session
    return {
      errorCode: ErrorCodes.NONE,
      sessionId: session.id,
      incremental,
      // Walked twice when the fetch has to wait: an iterator of the map would be used up.
      partitions: { [Symbol.iterator]: () => partitions.values() },
      served: (partition) => {
        const key = keyOf(usesIds, partition)
        if (partitions.delete(key)) partitions.set(key, partition)
      },
    }
  }

  private open(request: FetchSessionRequest): Session | undefined {
    if (request.partitions.length === 0 || !this.makeRoom()) return undefined
    let id = 0
    while (id === 0 || this.sessions.has(id)) id = randomInt(this.random, EPOCH_MAX)
    const { usesIds } = request
    const session: Session = { id, epoch: 1, usesIds, partitions: new Map(), usedMs: 0 }
    update(session, request)
    this.touch(session)
    return session
  }

  /** Keeps the order of the map that of use. */
  private touch(session: Session): void {
    session.usedMs = this.clock.monotonicMs()
    this.sessions.delete(session.id)
    this.sessions.set(session.id, session)
  }

  private makeRoom(): boolean {
    if (this.sessions.size < this.slots) return true
    const [oldest] = this.sessions.values()
    if (oldest === undefined || this.clock.monotonicMs() - oldest.usedMs < EVICTABLE_AFTER_MS) return false
    this.sessions.delete(oldest.id)
    return true
  }
}

function update(session: Session, { partitions, forgotten }: FetchSessionRequest): void {
  const { usesIds } = session
  for (const partition of partitions) {
    const key = keyOf(usesIds, partition)
    const present = session.partitions.get(key)
    if (present === undefined) session.partitions.set(key, partition)
    else {
      present.fetchOffset = partition.fetchOffset
      present.partitionMaxBytes = partition.partitionMaxBytes
      present.currentLeaderEpoch = partition.currentLeaderEpoch
      present.lastFetchedEpoch = partition.lastFetchedEpoch
    }
  }
  for (const partition of forgotten) session.partitions.delete(keyOf(usesIds, partition))
}
