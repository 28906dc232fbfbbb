import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isMillraceError } from '../../core/errors.ts'
import { every, sleep } from '../clock.ts'
import { SIMULATION_START_MS, SimulatedClock } from './clock.ts'
import { EventQueue } from './event-queue.ts'

describe('the event queue', () => {
  it('gives events by time, then by order of creation, without the cancelled ones', () => {
    const operation = fc.record({ atMs: fc.nat(20), cancel: fc.boolean() })
    const property = fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const queue = new EventQueue()
      const added = operations.map(({ atMs, cancel }, number) => {
        const event = queue.add(atMs, () => {})
        if (cancel) event.run = undefined
        return { atMs, number, cancel, event }
      })
      const expected = added
        .filter((entry) => !entry.cancel)
        .sort((a, b) => a.atMs - b.atMs || a.number - b.number)
        .map((entry) => entry.event)
      const taken = []
      for (let event = queue.take(); event !== undefined; event = queue.take()) taken.push(event)
      assert.deepEqual(taken, expected)
    })
    fc.assert(property)
  })
})

describe('the simulated clock', () => {
  it('stands still until it is told to go on, and then jumps', async () => {
    const clock = new SimulatedClock()
    const seen: number[] = []
    clock.after(3_600_000, () => seen.push(clock.monotonicMs()))
    assert.equal(clock.nowMs(), SIMULATION_START_MS)
    await clock.advance(3_599_999)
    assert.deepEqual(seen, [])
    await clock.advance(1)
    assert.deepEqual(seen, [3_600_000])
    assert.equal(clock.nowMs(), SIMULATION_START_MS + 3_600_000)
  })
  it('lets the promises that an event settled run before the next event', async () => {
    const clock = new SimulatedClock()
    const order: string[] = []
    clock.after(1, () => {
      const chain = Promise.resolve()
        .then(() => null)
        .then(() => null)
      void chain.then(() => order.push('promise'))
    })
    clock.after(1, () => order.push('second timer'))
    await clock.advance(1)
    assert.deepEqual(order, ['promise', 'second timer'])
  })
  it('gives turns in the order asked for, between timers that are due', async () => {
    const clock = new SimulatedClock()
    const order: string[] = []
    clock.after(0, () => order.push('timer 1'))
    void clock.nextTurn().then(() => order.push('turn'))
    clock.after(0, () => order.push('timer 2'))
    await clock.advance(0)
    assert.deepEqual(order, ['timer 1', 'turn', 'timer 2'])
  })
  it('gives what the awaited promise gives, and throws what it throws', async () => {
    const clock = new SimulatedClock()
    assert.equal(await clock.runUntil(sleep(clock, 5).then(() => 'done')), 'done')
    const failing = sleep(clock, 5).then(() => Promise.reject(new Error('no')))
    await assert.rejects(clock.runUntil(failing), /no/)
    await assert.rejects(
      clock.runUntil(new Promise(() => clock.after(1, () => assert.fail('in a timer')))),
      /in a timer/,
    )
  })
  it('says when nothing is left to happen, or not within the limit', async () => {
    const clock = new SimulatedClock()
    const timedOut = (part: RegExp) => (error: unknown) =>
      isMillraceError(error, 'MR_TIMEOUT') && part.test(error.message)
    await assert.rejects(
      clock.runUntil(new Promise(() => {}), { what: 'an answer' }),
      timedOut(/an answer.*nothing/),
    )
    every(clock, 10, () => {})
    await assert.rejects(
      clock.runUntil(() => false, { limitMs: 100 }),
      timedOut(/limit is 100 ms/),
    )
    assert.ok(clock.monotonicMs() <= 100)
  })
  it('notices a program that takes turns for ever', async () => {
    const clock = new SimulatedClock()
    const spin = async (): Promise<void> => {
      for (;;) await clock.nextTurn()
    }
    void spin()
    await assert.rejects(clock.advance(1, { limitEvents: 100 }), (error) =>
      isMillraceError(error, 'MR_LIMIT'),
    )
  })
  it('lets such a program see timers when a turn takes time', async () => {
    const clock = new SimulatedClock({ turnMs: 0.01 })
    let done = false
    clock.after(1, () => {
      done = true
    })
    const spin = async (): Promise<void> => {
      while (!done) await clock.nextTurn()
    }
    await clock.runUntil(spin())
    assert.ok(clock.monotonicMs() >= 1 && clock.monotonicMs() < 1.1)
  })
  it('moves the wall clock without touching timers', async () => {
    const clock = new SimulatedClock({ startMs: 1000 })
    let firedAtMs = 0
    clock.after(10, () => {
      firedAtMs = clock.monotonicMs()
    })
    clock.jumpWallClock(-500)
    await clock.drain()
    assert.equal(firedAtMs, 10)
    assert.equal(clock.nowMs(), 510)
  })
  it('is driven from one place only', async () => {
    const clock = new SimulatedClock()
    const first = clock.advance(1)
    await assert.rejects(clock.advance(1), (error) => isMillraceError(error, 'MR_INVARIANT'))
    await first
  })
})
