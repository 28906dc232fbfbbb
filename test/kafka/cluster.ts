/**
 * A real Apache Kafka of one or three nodes on this machine, from the jars that `npm run clients -- java` installs.
 *
 * Each node is broker and controller in one. A secure cluster has a second listener on each broker, SASL_SSL, at which
 * `kafkaUser` logs in by PLAIN or SCRAM; the other listener stays open to anybody.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { installClient, missingClient } from '../../scripts/clients/install.ts'
import { createAdmin } from '../../src/client/admin/admin.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { until } from '../../src/platform/clock.ts'
import { TestAuthority } from '../../src/platform/node/certificates-fixture.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { KafkaNode, type Properties } from './node.ts'

export interface KafkaUser {
  readonly username: string
  readonly password: string
}

/** Who logs in at a secure cluster; what no ACL denies is allowed, unless the config says otherwise. */
export const kafkaUser: KafkaUser = { username: 'alice', password: 'alice-secret' }
/** Who may everything, as does everybody at the open listener. */
export const kafkaAdmin: KafkaUser = { username: 'admin', password: 'admin-secret' }

/** A name of `npm run clients`; `java` brings the newest Kafka. */
export type KafkaRelease = 'java' | 'kafka-3.9'

export interface KafkaOptions {
  readonly brokers: 1 | 3
  /** Which Kafka: the newest by default. */
  readonly release?: KafkaRelease
  /** With a listener that asks for TLS and a login. */
  readonly secure?: boolean
  /** Properties of every node, over those that are set here. */
  readonly config?: Properties
  /** Ports that clients are sent to instead of the open listeners: those of proxies, in the order of the nodes. */
  readonly advertised?: readonly number[]
}

export interface KafkaCluster {
  /** `host:port` of the open listeners, in the order of the nodes. */
  readonly brokers: readonly string[]
  /** `host:port` of the listeners that ask for TLS and a login; none when the cluster is not secure. */
  readonly secureBrokers: readonly string[]
  /** PEM of the authority that has signed the brokers' certificates. */
  readonly authority: string
  /** Their ids are 1, 2, …: `nodes[0]` has id 1 and `brokers[0]`. */
  readonly nodes: readonly KafkaNode[]
  /** Waits until every node that runs knows all of them. */
  settled(): Promise<void>
  close(): Promise<void>
}

const READY_TIMEOUT_MS = 120_000
const platform = nodePlatform()

/** Why no Kafka can be started here; undefined when one can. */
export const missingKafka = (release: KafkaRelease = 'java'): string | undefined => missingClient(release)

/** Distinct free ports: all are held until the last is found. */
async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = []
  for (let at = 0; at < count; at++) {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    servers.push(server)
  }
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

interface Ports {
  readonly open: number
  /** Where clients are told that the open listener is. */
  readonly advertised: number
  readonly secure: number
  /** Of the brokers among themselves. */
  readonly inner: number
  readonly controller: number
}

const listenersOf = (of: Readonly<Record<string, number>>): string =>
  Object.entries(of)
    .map(([name, port]) => `${name}://127.0.0.1:${port}`)
    .join(',')

function propertiesOf(id: number, ports: readonly Ports[]): Properties {
  const { open, advertised, inner, controller } = ports[id - 1]!
  const replicas = `${Math.min(ports.length, 3)}`
  const inSync = ports.length > 1 ? '2' : '1'
  return {
    'process.roles': 'broker,controller',
    'node.id': `${id}`,
    'controller.quorum.voters': ports.map((one, at) => `${at + 1}@127.0.0.1:${one.controller}`).join(','),
    listeners: listenersOf({ PLAINTEXT: open, INNER: inner, CONTROLLER: controller }),
    'advertised.listeners': listenersOf({ PLAINTEXT: advertised, INNER: inner }),
    'listener.security.protocol.map':
      'PLAINTEXT:PLAINTEXT,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL',
    'inter.broker.listener.name': 'INNER',
    'controller.listener.names': 'CONTROLLER',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': 'true',
    'super.users': `User:ANONYMOUS;User:${kafkaAdmin.username}`,
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.num.partitions': '4',
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': '4',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '100',
    'log.cleaner.dedupe.buffer.size': '16777216',
    // No retention while tests run: they write records of old times, and read them back.
    'log.initial.task.delay.ms': '3600000',
    'num.network.threads': '2',
    'num.io.threads': '4',
  }
}

/** Kafka 3 begins to delete old records after 30 seconds, whatever `log.initial.task.delay.ms` says. */
const olderProperties: Properties = { 'log.retention.ms': '-1' }

function secureProperties(id: number, ports: readonly Ports[], authority: TestAuthority): Properties {
  const { open, advertised, inner, controller, secure } = ports[id - 1]!
  const { key, cert } = authority.issue({
    subject: [['CN', 'kafka']],
    hosts: ['localhost'],
    addresses: ['127.0.0.1'],
  })
  const security = 'org.apache.kafka.common.security'
  const users = [kafkaUser, kafkaAdmin].map((user) => ` user_${user.username}="${user.password}"`)
  const scram = `${security}.scram.ScramLoginModule required;`
  return {
    listeners: listenersOf({ PLAINTEXT: open, SECURE: secure, INNER: inner, CONTROLLER: controller }),
    'advertised.listeners': listenersOf({ PLAINTEXT: advertised, SECURE: secure, INNER: inner }),
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.key': key,
    'ssl.keystore.certificate.chain': cert,
    'listener.name.secure.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.secure.plain.sasl.jaas.config': `${security}.plain.PlainLoginModule required${users.join('')};`,
    'listener.name.secure.scram-sha-256.sasl.jaas.config': scram,
    'listener.name.secure.scram-sha-512.sasl.jaas.config': scram,
  }
}

/** How many brokers this one knows; none while it does not answer. */
async function brokersKnownTo(broker: string): Promise<number> {
  const cluster = new Cluster({ platform, brokers: [broker] })
  try {
    const { brokers } = await createAdmin(cluster, { timeoutMs: 1000 }).describeCluster()
    return brokers.length
  } catch {
    return 0
  } finally {
    await cluster.close()
  }
}

/** Starts a cluster and waits until it serves. @throws when the jars are missing or a node does not come up. */
export async function openKafkaCluster(options: KafkaOptions): Promise<KafkaCluster> {
  const { release = 'java', secure = false, config = {} } = options
  const jars = path.join(await installClient(release), 'jars')
  const free = await freePorts(4 * options.brokers)
  const ports = Array.from({ length: options.brokers }, (_, at): Ports => {
    const [open, secure, inner, controller] = free.slice(4 * at, 4 * at + 4) as [
      number,
      number,
      number,
      number,
    ]
    return { open, advertised: options.advertised?.[at] ?? open, secure, inner, controller }
  })
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-kafka-'))
  const authority = new TestAuthority(platform.clock.nowMs())
  const nodes = ports.map((_, at) => {
    const properties = {
      ...propertiesOf(at + 1, ports),
      ...(release !== 'java' && olderProperties),
      ...(secure && secureProperties(at + 1, ports, authority)),
      ...config,
    }
    return new KafkaNode(at + 1, jars, path.join(directory, `node-${at + 1}`), properties)
  })
  const address = (port: number): string => `127.0.0.1:${port}`
  const brokers = ports.map(({ open }) => address(open))

  async function settled(): Promise<void> {
    const waiting = nodes.filter((node) => node.runs)
    const settle = async (): Promise<boolean> => {
      const ended = waiting.find((node) => !node.runs)
      if (ended !== undefined) throw new Error(`Kafka ${ended.id} has ended:\n${ended.log}`)
      const known = await Promise.all(waiting.map((node) => brokersKnownTo(brokers[node.id - 1]!)))
      return known.every((count) => count === waiting.length)
    }
    const what = 'every Kafka knows the others'
    await until(platform.clock, settle, { what, timeoutMs: READY_TIMEOUT_MS, intervalMs: 50 })
  }

  async function close(): Promise<void> {
    await Promise.all(nodes.map((node) => node.kill()))
    rmSync(directory, { recursive: true, force: true })
  }

  try {
    const scram = [kafkaUser, kafkaAdmin].flatMap(({ username, password }) =>
      ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(
        (mechanism) => `${mechanism}=[name=${username},password=${password}]`,
      ),
    )
    await Promise.all(nodes.map((node) => node.format(secure ? scram : [])))
    for (const node of nodes) node.start()
    await settled()
  } catch (error) {
    await close()
    throw error
  }
  const secureBrokers = secure ? ports.map((one) => address(one.secure)) : []
  return { brokers, secureBrokers, authority: authority.cert, nodes, settled, close }
}
