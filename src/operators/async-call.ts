/** One attempt to have a record answered: what the function that is asked gets to know, and what comes of it. */
import { type Headers, noHeaders } from '../core/record.ts'
import type { Waiting } from '../state/waiting-store.ts'
import type { RecordMetadata } from './operator.ts'

/** What a function that is asked may know of the record and the attempt. It stays as it is, also after an await. */
export interface AsyncCall extends RecordMetadata {
  readonly timestampMs: number
  /** 1 for the first. It goes on counting over a restart. */
  readonly attempt: number
  /** Aborts when the answer is not wanted any more: the time is over, or the task goes elsewhere. */
  readonly signal: AbortSignal
}

/** What is asked: a function of the user, or a remote table. One per task. */
export interface Asker {
  /** An answer, or a promise of one. May throw. */
  ask(value: unknown, key: unknown, call: AsyncCall): unknown
  /** Called after each round of asking. */
  round?(wallClockMs: number): void
  /** The wall clock at which a round has something to do though nothing is asked; Infinity for none. */
  nextRoundMs?(): number
}

/** The answer for a record of which nothing comes. */
export const nothing: unique symbol = Symbol('nothing')

/** How often and after which pauses a record is tried. */
export interface RetryRule {
  /** Attempts in all, the first one counted. */
  readonly attemptsMax: number
  /** The pause after the first failure; it doubles with each. */
  readonly backoffMs: number
  readonly backoffMaxMs: number
  /** False for an error that another attempt cannot mend. */
  readonly when: (error: unknown) => boolean
}

/** The pause after so many failed attempts. */
export function pauseMs({ backoffMs, backoffMaxMs }: RetryRule, attempts: number): number {
  return Math.min(backoffMaxMs, backoffMs * 2 ** Math.min(52, Math.max(0, attempts - 1)))
}

export type Answer = { readonly value: unknown } | { readonly error: unknown }

/** What asking gave: an answer at once, or a promise. */
export function askNow(asker: Asker, waiting: Waiting, call: OneCall): Answer | PromiseLike<unknown> {
  try {
    const value = asker.ask(waiting.value, waiting.key, call)
    return isPromise(value) ? value : { value }
  } catch (error) {
    return { error }
  }
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

export class OneCall implements AsyncCall {
  readonly attempt: number
  private readonly waiting: Waiting
  private controller: AbortController | undefined

  constructor(waiting: Waiting, attempt: number) {
    this.waiting = waiting
    this.attempt = attempt
  }

  get topic(): string {
    return this.waiting.origin?.topic ?? ''
  }

  get partition(): number {
    return this.waiting.origin?.partition ?? -1
  }

  get offset(): number {
    return this.waiting.origin?.offset ?? -1
  }

  get headers(): Headers {
    return this.waiting.origin?.headers ?? noHeaders
  }

  get timestampMs(): number {
    return this.waiting.timestampMs
  }

  /** Made on first use: most functions do not ask for it. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController()
    return this.controller.signal
  }

  abort(): void {
    this.controller ??= new AbortController()
    this.controller.abort()
  }
}
