/** How threads of the broker's own process log in. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createAdmin } from '../../client/admin/admin.ts'
import { Cluster } from '../../client/cluster.ts'
import { readFile } from '../../platform/disk.ts'
import { isKafkaError } from '../../protocol/error-codes.ts'
import type { InnerAddress } from '../broker.ts'
import { DATA_DIRECTORY, TestBroker } from '../broker-fixture.ts'
import { openWithLogin, plainUsers } from './security-fixture.ts'

/** From the broker's own machine: the listener is on loopback. */
function clusterOf({ simulation }: TestBroker, { host, login, port }: InnerAddress): Cluster {
  const { platform } = simulation.host('local')
  return new Cluster({ platform, brokers: [`${host}:${port}`], sasl: login })
}

describe('the inner login', () => {
  it('may do everything, over the address that it was given', async () => {
    const broker = await openWithLogin()
    const inner = await broker.simulation.runUntil(broker.broker.listenInside())
    assert.deepEqual(await broker.broker.listenInside(), inner, 'there is one')
    const cluster = clusterOf(broker, inner)
    const admin = createAdmin(cluster)
    await broker.simulation.runUntil(admin.createTopics([{ topic: 't', partitions: 1 }]))
    await broker.simulation.runUntil(
      admin.createAcls([
        {
          principal: 'User:*',
          resourceType: 'topic',
          resourceName: 't',
          operation: 'all',
          permission: 'deny',
        },
      ]),
    )
    const topics = await broker.simulation.runUntil(admin.listTopics())
    assert.deepEqual(
      topics.map(({ topic }) => topic),
      ['t'],
      'no rule is about it',
    )
    assert.equal(
      cluster.metadata.brokers.values().next().value?.port,
      inner.port,
      'it stays on its own address',
    )
    await broker.simulation.runUntil(cluster.close())
    await broker.close()
  })

  it('is made anew at each start, is not on the disk, and nobody else comes in by it', async () => {
    const broker = await openWithLogin({ 'plain.sasl.jaas.config': plainUsers('admin', 'millrace') })
    broker.broker.putScramUser('admin', 'admin-secret')
    const { simulation } = broker
    const inner = await simulation.runUntil(broker.broker.listenInside())
    const { password, username } = inner.login
    assert.ok(Buffer.from(password, 'base64url').length >= 32)
    const table = readFile(
      simulation.host('local').platform.disk,
      `${DATA_DIRECTORY}/security.json`,
    ).toString()
    assert.ok(!table.includes(username) && !table.includes(password))
    for (const login of [
      { ...inner.login, password: 'guess' },
      { ...inner.login, username: 'admin', password: 'admin-secret' },
      { mechanism: 'plain', username: 'millrace', password: 'millrace-secret' },
    ] as const) {
      const cluster = clusterOf(broker, { ...inner, login } as InnerAddress)
      await assert.rejects(
        simulation.runUntil(createAdmin(cluster).listTopics()),
        (error) =>
          isKafkaError(error, 'SASL_AUTHENTICATION_FAILED') ||
          isKafkaError(error, 'UNSUPPORTED_SASL_MECHANISM'),
      )
      await simulation.runUntil(cluster.close())
    }
    await broker.restart()
    const next = await simulation.runUntil(broker.broker.listenInside())
    assert.notEqual(next.login.username, username)
    assert.notEqual(next.login.password, password)
    await broker.close()
  })

  it('does not make rights be checked where nobody else logs in', async () => {
    const open = await TestBroker.open()
    await open.simulation.runUntil(open.broker.listenInside())
    await open.simulation.runUntil(open.broker.listen({ host: '127.0.0.1', port: 9092 }))
    const { platform } = open.simulation.host('local')
    const cluster = new Cluster({ platform, brokers: ['127.0.0.1:9092'] })
    await open.simulation.runUntil(createAdmin(cluster).createTopics([{ topic: 't', partitions: 1 }]))
    await open.simulation.runUntil(cluster.close())
    await open.close()
  })
})
