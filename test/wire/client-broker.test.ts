/** The client against our own broker: in this process, and through TCP. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Broker } from '../../src/broker/broker.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { clientScenarios, type ScenarioTarget } from './client-scenarios.ts'

async function openBroker(): Promise<{ readonly broker: Broker; close(): Promise<void> }> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'millrace-client-'))
  const config = {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': true,
    // What members learn with a heartbeat they learn soon.
    'group.consumer.heartbeat.interval.ms': 100,
  }
  const broker = await Broker.open({ platform: nodePlatform(), dataDirectory, config })
  return {
    broker,
    async close() {
      await broker.close()
      await rm(dataDirectory, { recursive: true, force: true })
    },
  }
}

const targets: readonly ScenarioTarget[] = [
  {
    name: 'our broker in this process',
    inProcess: true,
    async open() {
      const { broker, close } = await openBroker()
      return { reach: { connect: () => broker.connect() }, close }
    },
  },
  {
    name: 'our broker through TCP',
    async open() {
      const { broker, close } = await openBroker()
      const { host, port } = await broker.listen({ host: '127.0.0.1', port: 0 })
      return { reach: { brokers: [`${host}:${port}`] }, close }
    },
  },
]

for (const target of targets) clientScenarios(target)
