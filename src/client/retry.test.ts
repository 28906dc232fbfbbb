import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '../core/errors.ts'
import { simulatedPlatform } from '../platform/simulated/platform.ts'
import { Backoff, withRetries } from './retry.ts'

const again = (): MillraceError =>
  new MillraceError('MR_CONNECTION_LOST', 'gone', { where: 'b:1', hint: 'Wait.' })

test('pauses double to their limit, with jitter of a fifth', () => {
  const backoff = new Backoff(simulatedPlatform({ seed: 1 }).random, 50, 1000)
  for (const plain of [50, 100, 200, 400, 800, 1000, 1000]) {
    const pause = backoff.nextMs()
    assert.ok(pause >= plain * 0.8 && pause <= plain * 1.2, `${pause} is about ${plain}`)
  }
  backoff.reset()
  assert.ok(backoff.nextMs() <= 60)
})

test('an attempt is made until it succeeds', async () => {
  const simulation = simulatedPlatform({ seed: 2 })
  let attempts = 0
  const result = await simulation.runUntil(
    withRetries(simulation, { what: 'asking', timeoutMs: 60_000 }, async () => {
      if (++attempts < 5) throw again()
      return 'done'
    }),
  )
  assert.equal(result, 'done')
  assert.equal(attempts, 5)
  assert.ok(simulation.clock.monotonicMs() > 500)
})

test('when the time is over the error says what was tried and what went wrong last', async () => {
  const simulation = simulatedPlatform({ seed: 3 })
  await simulation.runUntil(
    assert.rejects(
      withRetries(simulation, { what: 'asking', timeoutMs: 2000 }, async () => {
        throw again()
      }),
      {
        code: 'MR_TIMEOUT',
        message: 'asking did not succeed within 2000 ms: gone',
        where: 'b:1',
        hint: 'Wait.',
      },
    ),
  )
  assert.ok(simulation.clock.monotonicMs() <= 2000)
})

test('an error that another attempt does not help is thrown at once', async () => {
  const simulation = simulatedPlatform({ seed: 4 })
  const final = new MillraceError('MR_OPTION_INVALID', 'no')
  await assert.rejects(
    withRetries(simulation, { what: 'asking', timeoutMs: 2000 }, () => Promise.reject(final)),
    final,
  )
})

test('a wait is ended by the signal', async () => {
  const simulation = simulatedPlatform({ seed: 5 })
  const ending = new AbortController()
  simulation.clock.after(100, () => ending.abort())
  await simulation.runUntil(
    assert.rejects(
      withRetries(simulation, { what: 'asking', timeoutMs: 60_000, signal: ending.signal }, () =>
        Promise.reject(again()),
      ),
      { code: 'MR_ABORTED' },
    ),
  )
})
