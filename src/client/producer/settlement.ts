/**
 * Takes the consequences of answers, and of answers that did not come: each batch is acknowledged, sent again, or
 * given up (`produce-verdict.ts`).
 *
 * A batch that is not settled by its deadline fails with MR_TIMEOUT that tells the last error.
 */
import { MillraceError, messageOf } from '../../core/errors.ts'
import type { produce } from '../../protocol/apis/produce.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { RequestInput, ResponseOf } from '../../protocol/schema/message.ts'
import { type Cluster, topicUnknown } from '../cluster.ts'
import { formatAddress } from '../connection/address.ts'
import type { NegotiatedConnection } from '../connection/negotiated.ts'
import { answerError, describePlace, isRetriable, isTransportError } from '../errors.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { ProducerSettings } from './options.ts'
import type { Outstanding } from './outstanding.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { PendingBatch } from './pending-batch.ts'
import { forEachAnswer, type PartitionAnswer, type Sent } from './produce-request.ts'
import { type Verdict, verdictOf } from './produce-verdict.ts'
import type { SendingIdentity } from './sending-identity.ts'

export interface SettlementParts {
  readonly cluster: Cluster
  readonly settings: ProducerSettings
  readonly budget: MemoryBudget
  readonly outstanding: Outstanding
  readonly identity: SendingIdentity
}

const RETRY_FIRST_MS = 20
const RETRY_MAX_MS = 1000
const RETRY_BRIEF_MS = 2
const RETRY_BRIEF_MAX_MS = 20

export class Settlement {
  private readonly parts: SettlementParts
  private readonly onStale: () => void
  private readonly lastErrors = new WeakMap<PendingBatch, MillraceError>()
  private stopped = false

  /** @param onStale metadata is out of date */
  constructor(parts: SettlementParts, onStale: () => void) {
    this.parts = parts
    this.onStale = onStale
  }

  /** What fails from now on is given up. */
  stopRetrying(): void {
    this.stopped = true
  }

  answered(
    connection: NegotiatedConnection,
    sent: readonly Sent[],
    request: RequestInput<typeof produce>,
    answer: ResponseOf<typeof produce>,
  ): void {
    forEachAnswer(request, sent, answer, (one, part) => {
      if (part?.errorCode === ErrorCodes.NONE) {
        this.written(one, Number(part.baseOffset), Number(part.logAppendTimeMs))
        return
      }
      const { topic, partition } = one.queue
      const place = { topic, partition, broker: connection.broker }
      const code = part?.errorCode ?? ErrorCodes.UNKNOWN_SERVER_ERROR
      const verdict = verdictOf(code, this.parts.settings.transactionalId !== undefined)
      if (verdict.outcome === 'written') this.written(one, -1, -1)
      else this.notWritten(one, answerError(code, 'produce', place, refusalText(part)), verdict)
      if (part !== undefined && verdict.stale) this.learn(one.queue, part, answer)
    })
  }

  written({ queue, batch }: Sent, baseOffset: number, appendTimeMs: number): void {
    queue.acknowledge(batch, this.parts.cluster.platform.clock.monotonicMs())
    queue.notBeforeMs = 0
    this.release(batch)
    batch.receipt.acknowledge(baseOffset, appendTimeMs)
    this.parts.outstanding.end(batch.serial)
  }

  /** No answer came: whether it was written is not known, unless the request could not be sent at all. */
  unanswered(one: Sent, error: MillraceError): void {
    const broken = isTransportError(error) || error.code === 'MR_CLOSED'
    this.notWritten(one, error, {
      outcome: broken || isRetriable(error) ? 'retry' : 'refused',
      unsure: broken,
      stale: broken,
      brief: false,
      fatal: false,
    })
  }

  /** Fails what waits for too long. */
  expire(queue: PartitionQueue, nowMs: number): void {
    const { head } = queue
    if (head === undefined || head.deadlineMs > nowMs) return
    for (const batch of queue.dropWaiting((one) => one.deadlineMs <= nowMs)) {
      const error = this.expired(queue, batch)
      this.fail(batch, error)
      this.parts.identity.failed(error, false)
    }
  }

  /** Gives a batch up that its queue has dropped. */
  fail(batch: PendingBatch, error: MillraceError): void {
    this.release(batch)
    batch.receipt.fail(error)
    this.parts.outstanding.end(batch.serial, error)
  }

  private notWritten(one: Sent, error: MillraceError, verdict: Verdict): void {
    const { queue, batch } = one
    const { clock } = this.parts.cluster.platform
    const nowMs = clock.monotonicMs()
    this.lastErrors.set(batch, error)
    if (verdict.unsure) batch.unsure = true
    const again = verdict.outcome !== 'refused' && this.parts.identity.retries() && !this.stopped
    if (!again || nowMs >= batch.deadlineMs) {
      queue.drop(batch)
      this.fail(batch, again ? this.expired(queue, batch) : error)
      this.parts.identity.failed(error, verdict.fatal)
      return
    }
    if (verdict.outcome === 'out-of-order') {
      queue.outOfOrder(batch)
      return
    }
    queue.retry(batch)
    const [first, max] = verdict.brief ? [RETRY_BRIEF_MS, RETRY_BRIEF_MAX_MS] : [RETRY_FIRST_MS, RETRY_MAX_MS]
    queue.notBeforeMs = nowMs + Math.min(max, first * 2 ** Math.min(batch.attempts - 1, 20))
    if (verdict.stale) this.onStale()
  }

  /** A new leader that came with the answer can be asked at once (KIP-951). */
  private learn(queue: PartitionQueue, part: PartitionAnswer, answer: ResponseOf<typeof produce>): void {
    const news = this.parts.cluster.learnLeader(queue.topic, queue.partition, {
      ...part.currentLeader,
      endpoints: answer.nodeEndpoints,
    })
    if (news) queue.notBeforeMs = 0
  }

  private expired(queue: PartitionQueue, batch: PendingBatch): MillraceError {
    const { topic, partition } = queue
    const last = this.lastErrors.get(batch)
    const { why, hint } =
      last === undefined ? this.whyUnsent(queue) : { why: messageOf(last), hint: last.hint }
    const where = describePlace({ topic, partition }) ?? topic
    const { deliveryTimeoutMs } = this.parts.settings
    return new MillraceError(
      'MR_TIMEOUT',
      `a batch of ${batch.recordCount} records was not acknowledged within ${deliveryTimeoutMs} ms: ${why}`,
      {
        where,
        context: { ...last?.context, topic, partition, attempts: batch.attempts },
        ...(last === undefined ? {} : { cause: last }),
        ...(hint === undefined ? {} : { hint }),
      },
    )
  }

  /** What was missing for a batch that was never under way. */
  private whyUnsent({ topic, partition }: PartitionQueue): { readonly why: string; readonly hint?: string } {
    const { metadata } = this.parts.cluster
    const known = metadata.topics.get(topic)
    if (metadata.brokers.size === 0) return { why: 'no broker could be reached' }
    if (known === undefined) {
      const { hint } = topicUnknown(topic)
      return { why: `no broker knows topic "${topic}"`, ...(hint === undefined ? {} : { hint }) }
    }
    const info = known.partitions[partition]
    if (info === undefined) return { why: `the topic has ${known.partitions.length} partitions` }
    const leader = metadata.brokers.get(info.leader)
    if (leader === undefined) return { why: 'its partition has no leader' }
    return { why: `it could not be sent to broker ${leader.nodeId} (${formatAddress(leader)})` }
  }

  private release(batch: PendingBatch): void {
    this.parts.budget.release(batch.countedBytes)
    batch.countedBytes = 0
  }
}

/** What the broker says of the records that it refused (KIP-467). */
function refusalText(part: PartitionAnswer | undefined): string | null {
  if (part === undefined) return 'the answer does not mention the partition'
  const [first] = part.recordErrors
  if (first?.batchIndexErrorMessage)
    return `record ${first.batchIndex} of the batch: ${first.batchIndexErrorMessage}`
  return part.errorMessage
}
