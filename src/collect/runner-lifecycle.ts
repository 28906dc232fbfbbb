/**
 * What the runs of agents and deliveries share: their state, how they are started and stopped, and what whoever waits
 * for them learns.
 */

import type { ErrorCode } from '../core/error-register.ts'
import { isMillraceError, MillraceError, messageOf } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Clock } from '../platform/clock.ts'
import { nextRunnerState, type RunnerEvent, type RunnerState } from './runner-state.ts'

const STOP_WITHIN_MS = 10_000

export interface RunnerLifecycleOptions {
  /** For the log. */
  readonly kind: 'agent' | 'delivery'
  readonly name: string
  readonly clock: Clock
  readonly logger: Logger
  /** The code of failures that have none. */
  readonly failureCode: ErrorCode
}

/** Why a runner failed, for a snapshot. */
export interface RunnerFailure {
  readonly code: string
  readonly message: string
}

export class RunnerLifecycle {
  /** Ends everything that still waits when the time to stop is over. */
  readonly giveUp = new AbortController()
  private readonly options: RunnerLifecycleOptions
  private readonly started = Promise.withResolvers<void>()
  private readonly ended = Promise.withResolvers<void>()
  private current: RunnerState = 'starting'
  private error: MillraceError | undefined
  private running = false

  constructor(options: RunnerLifecycleOptions) {
    this.options = options
    // They are looked at by whoever wants to.
    this.started.promise.catch(() => {})
    this.ended.promise.catch(() => {})
  }

  get state(): RunnerState {
    return this.current
  }

  get failure(): MillraceError | undefined {
    return this.error
  }

  get failureSummary(): RunnerFailure | null {
    return this.error === undefined ? null : { code: this.error.code, message: this.error.message }
  }

  /** Resolves when it runs or was stopped; rejects with what it failed with. */
  start(run: () => Promise<void>): Promise<void> {
    if (!this.running) {
      this.running = true
      void run()
    }
    return this.started.promise
  }

  untilEnded(): Promise<void> {
    return this.ended.promise
  }

  opened(): void {
    this.move('opened')
    this.started.resolve()
  }

  move(event: RunnerEvent): void {
    const before = this.current
    this.current = nextRunnerState(before, event)
    if (before === this.current) return
    const { kind, name, logger } = this.options
    logger.info({ [kind]: name, from: before, to: this.current }, `the ${kind} changed its state`)
  }

  /** Ends by itself within the time, or is cut off: `release` is called and not waited for. */
  async stop(withinMs: number | undefined, release: () => void): Promise<void> {
    const starting = this.current === 'starting'
    const cutOff = (): void => {
      this.giveUp.abort()
      release()
      this.finish()
    }
    this.move('stop')
    // Nothing was taken yet, so nothing has to be waited for.
    if (starting) cutOff()
    const { kind, name, clock, logger } = this.options
    const timer = clock.after(withinMs ?? STOP_WITHIN_MS, () => {
      logger.warn({ [kind]: name }, `the ${kind} did not stop in time and is cut off`)
      cutOff()
    })
    await this.ended.promise.catch(() => {})
    timer.cancel()
  }

  finish(): void {
    this.move('drained')
    this.started.resolve()
    this.ended.resolve()
  }

  /** As a MillraceError, logged. */
  failureOf(thrown: unknown): MillraceError {
    const { kind, name, logger, failureCode } = this.options
    const failure = isMillraceError(thrown)
      ? thrown
      : new MillraceError(failureCode, messageOf(thrown), { cause: thrown })
    logger.error({ [kind]: name, code: failure.code, where: failure.where }, failure.message)
    return failure
  }

  fail(failure: MillraceError): void {
    this.error = failure
    this.move('fail')
    this.started.reject(failure)
    this.ended.reject(failure)
  }

  /** Waits for all parts to close; one that cannot is logged. */
  async closeAll(closing: readonly (Promise<void> | undefined)[]): Promise<void> {
    const { kind, name, logger } = this.options
    for (const end of await Promise.allSettled(closing)) {
      if (end.status === 'fulfilled') continue
      logger.warn({ [kind]: name, error: messageOf(end.reason) }, 'a part did not close well')
    }
  }
}
