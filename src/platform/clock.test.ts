/** What every Clock must do: run on the machine's clock and on the simulated one. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { type Clock, every, sleep, until, within } from './clock.ts'
import { nodeClock } from './node/clock.ts'
import { SimulatedClock } from './simulated/clock.ts'

interface ClockUnderTest {
  readonly clock: Clock
  /** Lets time pass until the promise has settled. */
  run<T>(promise: Promise<T>): Promise<T>
}

function clockContract(name: string, make: () => ClockUnderTest): void {
  describe(`clock: ${name}`, () => {
    it('calls a timer once, not before its time', async () => {
      const { clock, run } = make()
      const startMs = clock.monotonicMs()
      let calls = 0
      await run(
        new Promise<void>((resolve) => {
          clock.after(15, () => {
            calls++
            resolve()
          })
        }),
      )
      // Node counts timers in whole milliseconds of the loop's own time: one may be a fraction early.
      assert.ok(clock.monotonicMs() - startMs >= 14)
      await run(sleep(clock, 20))
      assert.equal(calls, 1)
    })
    it('runs timers in the order of their times, and equal ones in the order of their making', async () => {
      const { clock, run } = make()
      const order: string[] = []
      clock.after(30, () => order.push('late'))
      clock.after(10, () => order.push('first'))
      clock.after(10, () => order.push('second'))
      await run(sleep(clock, 60))
      assert.deepEqual(order, ['first', 'second', 'late'])
    })
    it('does not call a cancelled timer; cancelling again or too late does nothing', async () => {
      const { clock, run } = make()
      let calls = 0
      const cancelled = clock.after(5, () => calls++)
      const ran = clock.after(5, () => calls++)
      cancelled.cancel()
      cancelled.cancel()
      await run(sleep(clock, 20))
      ran.cancel()
      assert.equal(calls, 1)
    })
    it('lets what is due run before the next turn comes', async () => {
      const { clock, run } = make()
      const order: number[] = []
      const turn = (number: number): Promise<void> => clock.nextTurn().then(() => void order.push(number))
      await run(Promise.all([turn(1), turn(2), turn(3)]))
      assert.deepEqual(order, [1, 2, 3])
    })
    it('has a wall clock in whole milliseconds near the monotonic pace', async () => {
      const { clock, run } = make()
      const before = clock.nowMs()
      assert.ok(Number.isInteger(before) && before > 1_700_000_000_000)
      await run(sleep(clock, 20))
      assert.ok(clock.nowMs() - before >= 18)
    })
    it('ends a sleep with MR_ABORTED when its signal aborts, also one that had aborted before', async () => {
      const { clock, run } = make()
      const controller = new AbortController()
      const asleep = assert.rejects(sleep(clock, 60_000, controller.signal), (error) =>
        isMillraceError(error, 'MR_ABORTED'),
      )
      clock.after(1, () => controller.abort())
      await run(asleep)
      await run(
        assert.rejects(sleep(clock, 60_000, controller.signal), (error) =>
          isMillraceError(error, 'MR_ABORTED'),
        ),
      )
    })
    it('bounds a wait: the value in time, or MR_TIMEOUT that says what was waited for', async () => {
      const { clock, run } = make()
      assert.equal(await run(within(clock, 1000, 'an answer', Promise.resolve(7))), 7)
      await run(
        assert.rejects(within(clock, 5, 'an answer', new Promise(() => {})), (error) => {
          return isMillraceError(error, 'MR_TIMEOUT') && error.message.includes('an answer')
        }),
      )
    })
    it('repeats until it is told to stop, also from inside', async () => {
      const { clock, run } = make()
      let calls = 0
      const timer = every(clock, 3, () => {
        calls++
        if (calls === 3) timer.cancel()
      })
      await run(until(clock, () => calls === 3, { what: 'three calls', timeoutMs: 5000 }))
      await run(sleep(clock, 20))
      assert.equal(calls, 3)
    })
    it('gives up on a condition that never holds', async () => {
      const { clock, run } = make()
      await run(
        assert.rejects(
          until(clock, () => false, { what: 'never', timeoutMs: 10 }),
          (error) => isMillraceError(error, 'MR_TIMEOUT'),
        ),
      )
    })
  })
}

clockContract('of the machine', () => ({ clock: nodeClock, run: (promise) => promise }))
clockContract('simulated', () => {
  const clock = new SimulatedClock()
  return { clock, run: (promise) => clock.runUntil(promise) }
})
