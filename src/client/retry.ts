/** Trying again: pauses that grow, with jitter, until a deadline that says what was waited for. */
import { MillraceError, messageOf } from '../core/errors.ts'
import { type Clock, sleep } from '../platform/clock.ts'
import { type Random, randomUnit } from '../platform/random.ts'
import { isRetriable } from './errors.ts'

const JITTER = 0.2

/** Pauses that double from `firstMs` to `maxMs`, each drawn from ±20 % so that clients do not move in step. */
export class Backoff {
  private readonly random: Random
  private readonly firstMs: number
  private readonly maxMs: number
  private failures = 0

  constructor(random: Random, firstMs: number, maxMs: number) {
    this.random = random
    this.firstMs = firstMs
    this.maxMs = maxMs
  }

  nextMs(): number {
    const plain = Math.min(this.maxMs, this.firstMs * 2 ** Math.min(this.failures, 30))
    this.failures++
    return plain * (1 - JITTER + 2 * JITTER * randomUnit(this.random))
  }

  reset(): void {
    this.failures = 0
  }
}

export interface RetryOptions {
  /** What is tried, for the error's text: "creating topic departed". */
  readonly what: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** Whether another attempt makes sense; by default what the error says of itself. */
  readonly retriable?: (error: unknown) => boolean
  /** True for errors that pass within milliseconds: then the pauses are short. */
  readonly brief?: (error: unknown) => boolean
}

const FIRST_MS = 50
const MAX_MS = 1000
const BRIEF_FIRST_MS = 1
const BRIEF_MAX_MS = 20

/**
 * Calls `attempt` until it succeeds.
 *
 * @throws what the attempt threw when another would not help; MR_TIMEOUT with the last error as its cause when the
 *   time is over; MR_ABORTED
 */
export async function withRetries<T>(
  world: { readonly clock: Clock; readonly random: Random },
  options: RetryOptions,
  attempt: () => Promise<T>,
): Promise<T> {
  const { clock, random } = world
  const usual = new Backoff(random, FIRST_MS, MAX_MS)
  const brief = new Backoff(random, BRIEF_FIRST_MS, BRIEF_MAX_MS)
  const endMs = clock.monotonicMs() + options.timeoutMs
  const retriable = options.retriable ?? isRetriable
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!retriable(error)) throw error
      const waitMs = (options.brief?.(error) ? brief : usual).nextMs()
      if (clock.monotonicMs() + waitMs >= endMs) throw timedOut(options, error)
      await sleep(clock, waitMs, options.signal)
    }
  }
}

function timedOut(options: RetryOptions, cause: unknown): MillraceError {
  const last = cause instanceof MillraceError ? cause : undefined
  return new MillraceError(
    'MR_TIMEOUT',
    `${options.what} did not succeed within ${options.timeoutMs} ms: ${messageOf(cause)}`,
    {
      cause,
      ...(last?.where === undefined ? {} : { where: last.where }),
      ...(last?.hint === undefined ? {} : { hint: last.hint }),
      context: last?.context ?? {},
    },
  )
}
