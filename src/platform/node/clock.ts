import type { Clock } from '../clock.ts'

/** The machine's clock. */
export const nodeClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timeout = setTimeout(run, Math.min(delayMs, 0x7fffffff))
    return { cancel: () => clearTimeout(timeout) }
  },
  nextTurn: () => new Promise((resolve) => setImmediate(resolve)),
}
