import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { Cluster } from '../cluster.ts'
import { metadataAnswer, ScriptedConnection } from '../scripted-connection-fixture.ts'
import { LeaderSearch } from './leader-search.ts'

/** A search that is wanted again as soon as it is over, as for a partition that has no leader. */
function leaderless() {
  const simulation = simulatedPlatform({ seed: 'leader search' })
  const connection = new ScriptedConnection({ Metadata: () => metadataAnswer({ t: [{ leaderId: -1 }] }) })
  const cluster = new Cluster({ platform: simulation, connect: () => connection })
  const search: LeaderSearch = new LeaderSearch(cluster, () => search.look(['t']))
  return { simulation, cluster, search, asked: () => connection.of('Metadata').length }
}

test('a cluster without a leader is asked with growing pauses, soon at first and never all the time', async () => {
  const { simulation, cluster, search, asked } = leaderless()
  search.look(['t'])
  search.look(['t'])
  await simulation.advance(0)
  assert.equal(asked(), 1)
  await simulation.advance(200)
  const soon = asked()
  assert.ok(soon >= 4, `${soon} in the first 200 ms`)
  await simulation.advance(10_000)
  const later = asked() - soon
  assert.ok(later >= 40 && later <= 63, `${later} in 10 s`)
  search.close()
  await cluster.close()
})

test('a search that was closed sets no timer and asks nobody', async () => {
  const { simulation, cluster, search, asked } = leaderless()
  search.look(['t'])
  await simulation.advance(5)
  search.close()
  search.look(['t'])
  await cluster.close()
  await simulation.drain({ limitMs: 0 })
  assert.equal(asked(), 1)
})
