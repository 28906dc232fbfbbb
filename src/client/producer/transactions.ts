/**
 * Transactions of a producer: all its batches and the positions of a group become visible together, or never.
 *
 * 1. `init` gets a producer id and fences older producers of the transactional id.
 * 2. `begin`; then batches. Version 1: a partition is added at the coordinator before its first batch (`admits`).
 *    Version 2 (KIP-890): the broker adds it with the batch.
 * 3. `sendOffsets` hands the positions of a group to its coordinator.
 * 4. `commit` waits for all batches, then ends the transaction; a transaction without any effect ends without a
 *    request. Version 2: the answer brings a new epoch, so a batch that comes late cannot reach a later transaction.
 *    Version 1 has no such guard: if an answer did not come, the next transaction begins with a newer epoch, because
 *    the request may still be on its way, and would end that transaction (KIP-360).
 * 5. After a failure only `abort` is left: what waits is dropped, what is under way is waited for. If sequences are
 *    in doubt, version 1 asks for a new epoch (KIP-360).
 *
 * States: `transaction-state.ts`. Never: end a transaction while one of its batches is under way.
 */
import { MillraceError } from '../../core/errors.ts'
import { invariant } from '../../core/invariant.ts'
import type { Clock } from '../../platform/clock.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { answerError, asMillraceError, kafkaCodeIn } from '../errors.ts'
import type { GroupMetadata, OffsetToCommit } from '../group-metadata.ts'
import type { Outstanding } from './outstanding.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { ProducerEpoch } from './pending-batch.ts'
import type { Sender } from './sender.ts'
import type { SendingIdentity } from './sending-identity.ts'
import {
  BROKER_PAUSE_MS,
  PRODUCE_VERSION_MAX_V1,
  type TransactionRequests,
  type TransactionVersion,
} from './transaction-requests.ts'
import { nextTransactionState, type TransactionEvent, type TransactionState } from './transaction-state.ts'

const fatalCodes = new Set<number>([
  ErrorCodes.PRODUCER_FENCED,
  ErrorCodes.INVALID_PRODUCER_EPOCH,
  ErrorCodes.INVALID_PRODUCER_ID_MAPPING,
  ErrorCodes.INVALID_TXN_STATE,
  ErrorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  ErrorCodes.CLUSTER_AUTHORIZATION_FAILED,
  ErrorCodes.UNSUPPORTED_VERSION,
])

export class Transactions implements SendingIdentity {
  private readonly clock: Clock
  private readonly requests: TransactionRequests
  private readonly outstanding: Outstanding
  private readonly versionCap: TransactionVersion
  private sender: Sender | undefined
  private state: TransactionState = 'idle'
  private version: TransactionVersion = 1
  private current: ProducerEpoch | undefined
  /** Why nothing but an abort, or nothing at all, is possible. */
  private cause: MillraceError | undefined
  /** Partitions of the open transaction. */
  private readonly partitions = new Set<PartitionQueue>()
  /** Partitions that wait to be added. */
  private readonly joining = new Set<PartitionQueue>()
  private joiningRun: Promise<void> | undefined
  private readonly groups = new Set<string>()
  private offsetsRun: Promise<void> = Promise.resolve()
  /** The coordinator knows of the transaction. One that it does not know cannot be ended with version 1. */
  private touched = false
  /** Whether it does is not known: only a newer epoch ends the transaction in both cases (KIP-360). */
  private perhapsTouched = false
  private endingRun: Promise<void> | undefined
  private endedMs = Number.NEGATIVE_INFINITY
  /** The end of the last transaction is waited for, or a newer epoch. */
  private settling: Promise<void> | undefined

  constructor(parts: {
    readonly clock: Clock
    readonly requests: TransactionRequests
    readonly outstanding: Outstanding
    readonly versionMax: TransactionVersion
  }) {
    this.clock = parts.clock
    this.requests = parts.requests
    this.outstanding = parts.outstanding
    this.versionCap = parts.versionMax
  }

  attach(sender: Sender): void {
    this.sender = sender
  }

  get isOpen(): boolean {
    return this.state === 'open' || this.state === 'abortable'
  }

  // What the sender asks.

  epoch(): ProducerEpoch | undefined {
    if (this.settling !== undefined) return undefined
    return this.state === 'open' || this.state === 'committing' ? this.current : undefined
  }

  versionMax(): number | undefined {
    return this.version === 1 ? PRODUCE_VERSION_MAX_V1 : undefined
  }

  admits(queue: PartitionQueue): boolean {
    if (queue.added) return true
    if (this.version === 2) {
      this.enter(queue)
      return true
    }
    this.joining.add(queue)
    this.joiningRun ??= this.join().finally(() => {
      this.joiningRun = undefined
    })
    return false
  }

  renewEpoch(queue: PartitionQueue): boolean {
    const { topic, partition } = queue
    this.fail(answerError(ErrorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER, 'produce', { topic, partition }))
    return false
  }

  retries(): boolean {
    return this.state === 'open' || this.state === 'committing'
  }

  failed(error: MillraceError, fatal: boolean): void {
    if (fatal) this.fence(error)
    else this.fail(error)
  }

  // What the user asks.

  async init(): Promise<void> {
    this.move('init')
    try {
      const { version, ...producer } = await this.requests.init()
      this.version = version === 2 && this.versionCap === 2 ? 2 : 1
      this.current = producer
      this.move('initialized')
    } catch (error) {
      throw this.refused(error)
    }
  }

  begin(): void {
    this.move('begin')
    this.outstanding.takeFailure()
    if (this.version === 1) {
      if (this.requests.needsRenewal) this.settle(this.renew())
    } else if (this.clock.monotonicMs() - this.endedMs < BROKER_PAUSE_MS) this.settle(this.requests.settled())
  }

  /** @throws MR_TRANSACTION_STATE, or why the producer ended, unless batches may be sent */
  checkOpen(): void {
    if (this.state === 'open') return
    if (this.cause !== undefined) throw this.cause
    throw new MillraceError('MR_TRANSACTION_STATE', 'cannot send: no transaction is open', {
      hint: 'Call begin first; a transactional producer sends inside of transactions only.',
      context: { state: this.state },
    })
  }

  async sendOffsets(group: GroupMetadata, offsets: readonly OffsetToCommit[]): Promise<void> {
    this.checkOpen()
    const run = this.offsetsRun.catch(() => {}).then(() => this.offsets(group, offsets))
    this.offsetsRun = run
    run.catch(() => {})
    await run
  }

  commit(): Promise<void> {
    return this.finish('commit', async () => {
      // What failed meanwhile has changed the state.
      await Promise.all([this.offsetsRun, this.outstanding.settled(), this.settling])
      const failure = this.outstanding.takeFailure() ?? this.cause
      if (failure !== undefined) throw failure
      await this.end(true)
    })
  }

  abort(): Promise<void> {
    return this.finish('abort', async () => {
      const reason = new MillraceError('MR_ABORTED', 'the transaction was aborted')
      this.sender?.dropWaiting(this.cause ?? reason)
      await Promise.all([
        this.offsetsRun.catch(() => {}),
        this.joiningRun,
        this.outstanding.settled(),
        this.settling,
      ])
      this.outstanding.takeFailure()
      await this.end(false)
    })
  }

  /** Nothing is retried any more. */
  close(): void {
    this.requests.close()
  }

  private finish(event: 'commit' | 'abort', run: () => Promise<void>): Promise<void> {
    if (this.endingRun !== undefined && this.state === (event === 'commit' ? 'committing' : 'aborting')) {
      return this.endingRun
    }
    this.endingRun = this.run(event, run).finally(() => {
      this.endingRun = undefined
    })
    return this.endingRun
  }

  private async run(event: 'commit' | 'abort', run: () => Promise<void>): Promise<void> {
    this.move(event)
    this.sender?.hurry()
    try {
      await run()
    } catch (error) {
      // Without an answer nobody knows how it ended: only the same call again can tell.
      if (event === 'commit' && this.state === 'committing' && isUndecided(error)) throw error
      throw this.refused(error)
    }
  }

  private async end(committed: boolean): Promise<void> {
    const { current } = this
    invariant(current !== undefined, 'a transaction that ends was begun by an initialized producer')
    invariant(this.outstanding.count === 0, 'a transaction ends when none of its batches is under way')
    const doubtful = this.perhapsTouched || [...this.partitions].some((queue) => queue.needsEpoch)
    if (this.touched) {
      const next = await this.requests.end(current, this.version, committed)
      if (next !== undefined) this.current = next
      this.endedMs = this.clock.monotonicMs()
    }
    if (doubtful && this.current === current) {
      const { version: _, ...renewed } = await this.requests.init(current)
      this.current = renewed
    }
    for (const queue of this.partitions) {
      queue.added = false
      if (this.current !== current) queue.restart()
    }
    this.partitions.clear()
    this.joining.clear()
    this.groups.clear()
    this.offsetsRun = Promise.resolve()
    this.touched = false
    this.perhapsTouched = false
    this.cause = undefined
    this.move('ended')
  }

  /** No batch goes out before `done`. */
  private settle(done: Promise<void>): void {
    this.settling = done.finally(() => {
      this.settling = undefined
      this.sender?.wake()
    })
  }

  /** What is still on its way under the old epoch is refused from now on. */
  private async renew(): Promise<void> {
    try {
      const { version: _, ...renewed } = await this.requests.init(this.current)
      this.current = renewed
    } catch (error) {
      this.refused(error)
    }
  }

  private async offsets(group: GroupMetadata, offsets: readonly OffsetToCommit[]): Promise<void> {
    if (this.version === 1) await this.settling
    const { cause, current, version } = this
    if (cause !== undefined) throw cause
    if (offsets.length === 0 || current === undefined) return
    try {
      if (version === 1 && !this.groups.has(group.group)) {
        await this.requests.addOffsets(current, group.group)
        this.groups.add(group.group)
      }
      this.touched = true
      await this.requests.commitOffsets(current, version, group, offsets)
    } catch (error) {
      throw this.refused(error)
    }
  }

  /** Adds all partitions that wait, and those that come meanwhile. */
  private async join(): Promise<void> {
    while (this.joining.size > 0 && this.retries()) {
      const queues = [...this.joining]
      try {
        await this.requests.addPartitions(this.current!, queues)
      } catch (error) {
        // All are refused or none; but an attempt before that was not answered may have had effect.
        this.perhapsTouched ||= this.requests.unanswered
        this.joining.clear()
        this.refused(error)
        return
      }
      for (const queue of queues) {
        this.joining.delete(queue)
        this.enter(queue)
      }
      this.sender?.wake()
    }
  }

  private enter(queue: PartitionQueue): void {
    queue.added = true
    this.touched = true
    this.partitions.add(queue)
  }

  /** Takes the consequences of an error and hands it on. */
  private refused(thrown: unknown): MillraceError {
    const error = asMillraceError(thrown)
    const code = kafkaCodeIn(error)
    if (code !== undefined && fatalCodes.has(code)) this.fence(error)
    else this.fail(error)
    return error
  }

  private fail(error: MillraceError): void {
    if (this.state !== 'ready') this.cause ??= error
    this.state = nextTransactionState(this.state, 'fail')
    if (this.state === 'abortable') this.sender?.dropWaiting(error)
    if (this.state === 'idle') this.cause = undefined
  }

  private fence(error: MillraceError): void {
    if (this.state !== 'fatal') this.cause = error
    this.state = nextTransactionState(this.state, 'fence')
    this.sender?.dropWaiting(error)
  }

  private move(event: TransactionEvent): void {
    if (this.state === 'fatal' && this.cause !== undefined) throw this.cause
    this.state = nextTransactionState(this.state, event, this.cause)
  }
}

function isUndecided(error: unknown): boolean {
  const { code } = asMillraceError(error)
  return code === 'MR_TIMEOUT' || code === 'MR_CONNECTION_LOST' || code === 'MR_ABORTED'
}
