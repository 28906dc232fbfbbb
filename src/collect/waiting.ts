/** Waiting for one of several things. */
import { isMillraceError } from '../core/errors.ts'
import { type Clock, sleep } from '../platform/clock.ts'

/** True when the promise settles, well or not, within the time; it is not disturbed. */
export async function settlesWithin(
  clock: Clock,
  waitMs: number,
  promise: Promise<unknown>,
): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => true,
  )
  if (waitMs === Number.POSITIVE_INFINITY) return settled
  return new Promise((resolve) => {
    const timer = clock.after(waitMs, () => resolve(false))
    void settled.then(() => {
      timer.cancel()
      resolve(true)
    })
  })
}

/** Waits, but not beyond the signal. */
export async function pause(clock: Clock, waitMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(clock, waitMs, signal)
  } catch (error) {
    if (!isMillraceError(error, 'MR_ABORTED')) throw error
  }
}
