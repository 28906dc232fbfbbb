import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { ScriptedConnection } from '../scripted-connection-fixture.ts'
import { BrokerLink } from './broker-link.ts'
import { type NegotiatedConnection, negotiate } from './negotiated.ts'

test('a link that is closed does not wait for a broker that does not answer', async () => {
  const simulation = simulatedPlatform({ seed: 'link' })
  const given = Promise.withResolvers<NegotiatedConnection>()
  let abandoned = false
  const link = new BrokerLink('b:1', {
    clock: simulation.clock,
    random: simulation.host('client').platform.random,
    open: (signal) => {
      signal.addEventListener('abort', () => (abandoned = true))
      return given.promise
    },
  })
  const waiting = [link.connect(), link.connect()]
  const refused = Promise.all(waiting.map((one) => assert.rejects(one, { code: 'MR_CLOSED' })))
  const startMs = simulation.clock.monotonicMs()
  await simulation.runUntil(link.close())
  await simulation.runUntil(refused)
  assert.equal(simulation.clock.monotonicMs(), startMs)
  assert.ok(abandoned)
  // What comes all the same is closed.
  const late = new ScriptedConnection()
  given.resolve(await simulation.runUntil(negotiate(late, simulation.clock, 1000)))
  await simulation.advance(1)
  assert.ok(late.closed)
  await simulation.runUntil(assert.rejects(link.connect(), { code: 'MR_CLOSED' }))
})
