/** Time: reading it, and being called later. */
import { MillraceError } from '../core/errors.ts'

export interface Timer {
  /** The function is not called any more. Calling it twice, or after the time, does nothing. */
  cancel(): void
}

export interface Clock {
  /** Wall-clock time in milliseconds since the epoch; it may jump. */
  nowMs(): number
  /** Milliseconds from an arbitrary start, with a fraction; it never goes back. For durations. */
  monotonicMs(): number
  /** Calls `run` once, `delayMs` from now or later. */
  after(delayMs: number, run: () => void): Timer
  /** Lets input, output and timers that are due have their turn. */
  nextTurn(): Promise<void>
}

/** Waits `delayMs`. Ends early, with MR_ABORTED, when `signal` aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      timer.cancel()
      reject(new MillraceError('MR_ABORTED', 'the wait was ended'))
    }
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}

/**
 * The promise's outcome, if it comes within `timeoutMs`.
 *
 * @throws MR_TIMEOUT that says `what` was waited for
 */
export async function within<T>(
  clock: Clock,
  timeoutMs: number,
  what: string,
  promise: Promise<T>,
): Promise<T> {
  let timer: Timer | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = clock.after(timeoutMs, () =>
      reject(new MillraceError('MR_TIMEOUT', `${what} did not happen within ${timeoutMs} ms`)),
    )
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    timer?.cancel()
  }
}

/** Calls `run` every `intervalMs`, the next time only after the last has returned. */
export function every(clock: Clock, intervalMs: number, run: () => void): Timer {
  let cancelled = false
  let timer: Timer
  const next = (): void => {
    timer = clock.after(intervalMs, () => {
      if (cancelled) return
      run()
      if (!cancelled) next()
    })
  }
  next()
  return {
    cancel() {
      cancelled = true
      timer.cancel()
    },
  }
}

/** Waits until `holds()`, asking again every `intervalMs`. @throws MR_TIMEOUT after `timeoutMs` */
export async function until(
  clock: Clock,
  holds: () => boolean | Promise<boolean>,
  options: { readonly what: string; readonly timeoutMs: number; readonly intervalMs?: number },
): Promise<void> {
  const endMs = clock.monotonicMs() + options.timeoutMs
  while (!(await holds())) {
    if (clock.monotonicMs() >= endMs) {
      throw new MillraceError('MR_TIMEOUT', `${options.what} did not happen within ${options.timeoutMs} ms`)
    }
    await sleep(clock, options.intervalMs ?? 5)
  }
}
