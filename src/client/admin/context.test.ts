import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { Cluster } from '../cluster.ts'
import { serveScript } from '../scripted-broker-fixture.ts'
import { metadataAnswer, ScriptedConnection } from '../scripted-connection-fixture.ts'
import { type Admin, createAdmin } from './admin.ts'

/** Three brokers in a script; the cluster tells of those that `alive` names, and of the last of them as controller. */
async function world(seed: string) {
  const simulation = simulatedPlatform({ seed })
  const alive = [0, 1, 2]
  const scripts = [0, 1, 2].map(
    (nodeId) =>
      new ScriptedConnection({
        Metadata: () => {
          const answer = metadataAnswer({ t: 1 }, { brokers: 3 })
          const brokers = answer.brokers.filter((one) => alive.includes(one.nodeId))
          return { ...answer, brokers, controllerId: alive.at(-1) }
        },
        CreateTopics: () => ({ topics: [{ name: 't', errorCode: 0 }] }),
        ListGroups: () => ({ errorCode: 0, groups: [{ groupId: `of ${nodeId}`, protocolType: 'consumer' }] }),
        DescribeConfigs: ({ resources }) => ({
          results: resources.map(({ resourceName }: { resourceName: string }) => ({
            errorCode: resourceName === `${nodeId}` ? 0 : 42,
            resourceType: 4,
            resourceName,
            configs: [],
          })),
        }),
      }),
  )
  for (const [nodeId, script] of scripts.entries()) await serveScript(simulation, `b${nodeId}`, script)
  const cluster = new Cluster({
    platform: simulation.host('client').platform,
    brokers: ['b0:9092'],
    connectTimeoutMs: 1000,
    requestTimeoutMs: 1000,
  })
  const admin: Admin = createAdmin(cluster, { timeoutMs: 10_000 })
  const kill = (nodeId: number): void => {
    simulation.host(`b${nodeId}`).crash('power')
    alive.splice(alive.indexOf(nodeId), 1)
  }
  return { simulation, cluster, admin, scripts, kill }
}

test('when the controller is gone, the cluster is asked which broker is it now', async () => {
  const { simulation, cluster, admin, scripts, kill } = await world('controller')
  await simulation.runUntil(cluster.refresh())
  kill(2)
  await simulation.runUntil(admin.createTopics([{ topic: 't' }]))
  assert.deepEqual(
    scripts.map((script) => script.of('CreateTopics').length),
    [0, 1, 0],
  )
  await simulation.runUntil(cluster.close())
})

test('a change that got no answer is not sent again', async () => {
  const { simulation, cluster, admin, scripts } = await world('no answer')
  scripts[2]!.on('CreateTopics', () => new Promise(() => {}))
  await simulation.runUntil(
    assert.rejects(admin.createTopics([{ topic: 't' }]), { code: 'MR_TIMEOUT', where: 'b2:9092' }),
  )
  assert.equal(scripts[2]!.of('CreateTopics').length, 1)
  await simulation.runUntil(cluster.close())
})

test('a broker that ends while all are asked is left out, and no other counts twice', async () => {
  const { simulation, cluster, admin, kill, scripts } = await world('one of all')
  scripts[1]!.on('ListGroups', () => {
    kill(1)
    return new Promise(() => {})
  })
  const groups = await simulation.runUntil(admin.listGroups())
  assert.deepEqual(
    groups.map(({ group }) => group),
    ['of 0', 'of 2'],
  )
  await simulation.runUntil(cluster.close())
})

test('the configs of a broker are asked of itself, also when nothing is known yet', async () => {
  const { simulation, cluster, admin, scripts } = await world('configs')
  const [described] = await simulation.runUntil(admin.describeConfigs([{ type: 'broker', name: '1' }]))
  assert.equal(described?.name, '1')
  assert.equal(scripts[0]!.of('DescribeConfigs').length, 0)
  await simulation.runUntil(
    assert.rejects(admin.describeConfigs([{ type: 'broker', name: '7' }]), { message: /INVALID_REQUEST/ }),
  )
  await simulation.runUntil(cluster.close())
})
