import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulatedPlatform } from '../../../platform/simulated/platform.ts'
import { Cluster } from '../../cluster.ts'
import { metadataAnswer, ScriptedConnection } from '../../scripted-connection-fixture.ts'
import { createConsumer } from '../consumer.ts'

const REBALANCE_IN_PROGRESS = 27

test('a heartbeat that is answered after the member has asked to join again calls for no further round', async () => {
  const simulation = simulatedPlatform({ seed: 'late heartbeat' })
  const late = Promise.withResolvers<void>()
  let generationId = 0
  const script = new ScriptedConnection({
    Metadata: () => metadataAnswer({ t: 1, u: 1 }),
    FindCoordinator: ({ coordinatorKeys: [key] }) => ({
      coordinators: [{ key, nodeId: 0, host: 'b0', port: 9092, errorCode: 0, errorMessage: null }],
    }),
    JoinGroup: async () => {
      generationId++
      if (generationId === 2) {
        late.resolve()
        await simulation.clock.nextTurn()
      }
      return {
        errorCode: 0,
        generationId,
        protocolName: 'range',
        leader: 'another',
        memberId: 'm',
        members: [],
      }
    },
    SyncGroup: () => ({ errorCode: 0, assignment: Buffer.alloc(0) }),
    Heartbeat: async ({ generationId: of }) => {
      if (of > 1) return { errorCode: 0 }
      await late.promise
      return { errorCode: REBALANCE_IN_PROGRESS }
    },
    LeaveGroup: () => ({ errorCode: 0, members: [] }),
  })
  const cluster = new Cluster({ platform: simulation, connect: () => script })
  const consumer = createConsumer(cluster, { group: 'g', heartbeatIntervalMs: 100 })
  await simulation.runUntil(consumer.subscribe(['t']))
  await simulation.runUntil(() => script.of('Heartbeat').length === 1)
  await simulation.runUntil(consumer.subscribe(['t', 'u']))
  await simulation.runUntil(() => script.of('Heartbeat').length === 5)
  assert.deepEqual(
    script.of('Heartbeat').map(({ request }) => request.generationId),
    [1, 2, 2, 2, 2],
  )
  assert.equal(script.of('JoinGroup').length, 2)
  await simulation.runUntil(consumer.close())
  await simulation.runUntil(cluster.close())
})
