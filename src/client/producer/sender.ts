/**
 * Sends batches to the leaders of their partitions.
 *
 * 1. `wake` asks for a round at the end of the current job. A round looks at every partition with something to send
 *    and groups those that may (lingered, not pausing, admitted by the identity) by the leader's connection.
 * 2. Per broker, requests of one batch per partition go out, up to `inFlightMax` at a time.
 * 3. An answer settles its batches one by one: written, sent again, or refused (`produce-verdict.ts`). What order and
 *    sequence numbers need is kept by `partition-queue.ts`.
 * 4. A batch that is not settled by its deadline fails with MR_TIMEOUT that tells the last error.
 */

import type { MillraceError } from '../../core/errors.ts'
import { produce } from '../../protocol/apis/produce.ts'
import { Alarm } from '../alarm.ts'
import { LeaderSearch } from '../cluster/leader-search.ts'
import type { BrokerLink } from '../connection/broker-link.ts'
import type { Lane } from '../connection/lane.ts'
import type { NegotiatedConnection } from '../connection/negotiated.ts'
import { asMillraceError } from '../errors.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { PendingBatch } from './pending-batch.ts'
import { produceRequest, type Sent } from './produce-request.ts'
import { Settlement, type SettlementParts } from './settlement.ts'

export interface SenderParts extends SettlementParts {
  readonly lane: Lane
}

/** How much longer than the broker's own time limit an answer is waited for. */
const ANSWER_GRACE_MS = 2000

export class Sender {
  private readonly parts: SenderParts
  private readonly busy = new Set<PartitionQueue>()
  private readonly inFlight = new WeakMap<NegotiatedConnection, number>()
  private readonly connecting = new Set<BrokerLink>()
  private scheduled = false
  private readonly alarm: Alarm
  private readonly leaders: LeaderSearch
  private readonly settlement: Settlement
  private closed = false

  constructor(parts: SenderParts) {
    this.parts = parts
    this.alarm = new Alarm(parts.cluster.platform.clock, () => this.wake())
    this.leaders = new LeaderSearch(parts.cluster, () => this.wake())
    this.settlement = new Settlement(parts, () => this.findLeader())
  }

  /** A batch was put into `queue`. */
  added(queue: PartitionQueue): void {
    this.busy.add(queue)
  }

  /** Looks for something to send at the end of the current job. */
  wake(): void {
    if (this.scheduled || this.closed) return
    this.scheduled = true
    queueMicrotask(() => {
      this.scheduled = false
      if (this.closed) return
      try {
        this.round()
      } catch (error) {
        // The cluster was closed before its producer: nobody will send what waits.
        this.dropWaiting(asMillraceError(error))
      }
    })
  }

  /** Sends what there is without waiting for more. */
  hurry(): void {
    for (const queue of this.busy) queue.closeOpen()
    this.wake()
  }

  /** Fails all batches that are not under way. */
  dropWaiting(error: MillraceError): void {
    for (const queue of [...this.busy]) {
      for (const batch of queue.dropWaiting()) this.settlement.fail(batch, error)
      if (queue.isEmpty) this.busy.delete(queue)
    }
  }

  close(): void {
    this.closed = true
    this.settlement.stopRetrying()
    this.alarm.cancel()
    this.leaders.close()
  }

  private round(): void {
    const { cluster, identity, lane } = this.parts
    const nowMs = cluster.platform.clock.monotonicMs()
    let nextMs = Number.POSITIVE_INFINITY
    const ways = new Map<BrokerLink, PartitionQueue[]>()
    const epoch = identity.epoch()
    for (const queue of this.busy) {
      this.settlement.expire(queue, nowMs)
      const { head } = queue
      if (head === undefined) {
        if (queue.isEmpty) this.busy.delete(queue)
        continue
      }
      const dueMs = this.dueMs(queue, head)
      nextMs = Math.min(nextMs, dueMs > nowMs ? dueMs : head.deadlineMs)
      if (dueMs > nowMs || epoch === undefined || !identity.admits(queue)) continue
      if (queue.needsEpoch && !identity.renewEpoch(queue)) continue
      const link = cluster.leaderLink(lane, queue.topic, queue.partition)
      if (link === undefined) this.findLeader()
      else if (link.current === undefined) this.connect(link)
      else {
        const queues = ways.get(link)
        if (queues === undefined) ways.set(link, [queue])
        else queues.push(queue)
      }
    }
    for (const [link, queues] of ways) this.sendTo(link, queues)
    if (this.busy.size === 0) this.alarm.cancel()
    else if (nextMs < Number.POSITIVE_INFINITY) this.alarm.at(nextMs)
  }

  private dueMs(queue: PartitionQueue, head: PendingBatch): number {
    const { budget, settings } = this.parts
    const lingers = head.open && settings.lingerMs > 0 && !budget.scarce
    return Math.max(queue.notBeforeMs, lingers ? head.createdMs + settings.lingerMs : 0)
  }

  private sendTo(link: BrokerLink, queues: readonly PartitionQueue[]): void {
    const { cluster, identity, settings } = this.parts
    const nowMs = cluster.platform.clock.monotonicMs()
    const connection = link.current
    while (connection?.closed === false && (this.inFlight.get(connection) ?? 0) < settings.inFlightMax) {
      // A renewal may have changed it; each request is sent under one.
      const epoch = identity.epoch()
      if (epoch === undefined) return
      const sent: Sent[] = []
      let bytes = 0
      for (const queue of queues) {
        const perPartition = epoch === 'none' ? 1 : settings.inFlightMax
        if (!queue.maySend(connection, perPartition, nowMs)) continue
        const size = queue.head!.sizeBytes
        if (sent.length > 0 && bytes + size > settings.requestBytesMax) continue
        bytes += size
        sent.push({ queue, batch: queue.take(connection, epoch === 'none' ? undefined : epoch) })
      }
      if (sent.length === 0) return
      this.request(connection, sent)
    }
  }

  private request(connection: NegotiatedConnection, sent: readonly Sent[]): void {
    const { cluster, identity, settings } = this.parts
    const request = produceRequest(sent, cluster.metadata, {
      transactionalId: settings.transactionalId ?? null,
      acks: settings.acks,
      timeoutMs: cluster.requestTimeoutMs,
    })
    this.inFlight.set(connection, (this.inFlight.get(connection) ?? 0) + 1)
    const timeoutMs = cluster.requestTimeoutMs + ANSWER_GRACE_MS
    const versionMax = identity.versionMax()
    const options =
      versionMax === undefined
        ? { timeoutMs }
        : { timeoutMs, version: connection.versions.choose(produce, versionMax) }
    connection.send(produce, request, options).then(
      (answer) => {
        this.landed(connection)
        if (settings.acks === 0) for (const one of sent) this.settlement.written(one, -1, -1)
        else this.settlement.answered(connection, sent, request, answer)
      },
      (error: unknown) => {
        this.landed(connection)
        for (const one of sent) this.settlement.unanswered(one, asMillraceError(error))
      },
    )
  }

  private landed(connection: NegotiatedConnection): void {
    this.inFlight.set(connection, (this.inFlight.get(connection) ?? 1) - 1)
    this.wake()
  }

  private connect(link: BrokerLink): void {
    if (this.connecting.has(link)) return
    this.connecting.add(link)
    link.connect().then(
      () => {
        this.connecting.delete(link)
        this.wake()
      },
      () => {
        this.connecting.delete(link)
        this.findLeader()
      },
    )
  }

  private findLeader(): void {
    this.leaders.look(new Set([...this.busy].map(({ topic }) => topic)))
  }
}
