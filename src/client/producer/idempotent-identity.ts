/**
 * Under which producer id a producer without transactions sends: none, or one that a broker gives at first use.
 *
 * When a broker has lost a sequence, the epoch goes up by one without asking (KIP-360); after the last epoch a new id
 * is asked for.
 */
import type { MillraceError } from '../../core/errors.ts'
import { initProducerId } from '../../protocol/apis/init-producer-id.ts'
import type { Cluster } from '../cluster.ts'
import { asMillraceError, checkAnswer, closedError } from '../errors.ts'
import { withRetries } from '../retry.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { ProducerEpoch } from './pending-batch.ts'
import type { Sender } from './sender.ts'
import type { SendingIdentity } from './sending-identity.ts'

const EPOCH_MAX = 0x7fff

export class IdempotentIdentity implements SendingIdentity {
  private readonly cluster: Cluster
  private readonly idempotent: boolean
  private readonly timeoutMs: number
  private readonly ending = new AbortController()
  private sender: Sender | undefined
  private current: ProducerEpoch | undefined
  private asking: Promise<void> | undefined

  constructor(cluster: Cluster, options: { readonly idempotent: boolean; readonly timeoutMs: number }) {
    this.cluster = cluster
    this.idempotent = options.idempotent
    this.timeoutMs = options.timeoutMs
  }

  attach(sender: Sender): void {
    this.sender = sender
  }

  epoch(): ProducerEpoch | 'none' | undefined {
    if (!this.idempotent) return 'none'
    if (this.current === undefined) void this.acquire().catch(() => {})
    return this.current
  }

  versionMax(): undefined {
    return undefined
  }

  admits(): boolean {
    return true
  }

  renewEpoch(queue: PartitionQueue): boolean {
    const { current } = this
    if (current !== undefined && queue.currentEpoch === current) {
      this.current =
        current.epoch < EPOCH_MAX - 1
          ? { producerId: current.producerId, epoch: current.epoch + 1 }
          : undefined
    }
    queue.restart()
    return this.epoch() !== undefined
  }

  retries(): boolean {
    return true
  }

  failed(_error: MillraceError, _fatal: boolean): void {}

  /** Gets a producer id, once. @throws MR_KAFKA when it is refused, MR_TIMEOUT */
  acquire(): Promise<void> {
    this.asking ??= this.ask().finally(() => {
      this.asking = undefined
    })
    return this.asking
  }

  close(): void {
    this.ending.abort()
  }

  private async ask(): Promise<void> {
    if (!this.idempotent || this.current !== undefined) return
    if (this.ending.signal.aborted) throw closedError('the producer')
    const options = { what: 'getting a producer id', timeoutMs: this.timeoutMs, signal: this.ending.signal }
    try {
      this.current = await withRetries(this.cluster.platform, options, async () => {
        const connection = await this.cluster.anyBroker()
        const answer = await connection.send(initProducerId, {
          transactionalId: null,
          transactionTimeoutMs: 0x7fff_ffff,
        })
        checkAnswer(answer.errorCode, 'get a producer id', { broker: connection.broker })
        return { producerId: Number(answer.producerId), epoch: answer.producerEpoch }
      })
      this.sender?.wake()
    } catch (error) {
      this.sender?.dropWaiting(asMillraceError(error))
      throw error
    }
  }
}
