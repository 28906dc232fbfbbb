/** The broker that the clients are run against: our own in this process, or the one that is named. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Broker } from '../../src/broker/broker.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'

export interface Target {
  /** `host:port`. */
  readonly brokers: string
  /** Of our own broker. */
  readonly dataDirectory?: string
  /** Ends the broker and starts it again over its data and on its port. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** A real Kafka, `host:port`, instead of our broker. */
export const namedBrokers = process.env['MILLRACE_TEST_BROKERS']
/** Why scenarios that restart the broker do not run; false when they do. */
export const skipRestart = namedBrokers !== undefined && 'a broker that is named is not restarted'
/** Why scenarios that log in do not run; false when they do. */
export const skipLogin = namedBrokers !== undefined && 'a broker that is named has no users that are known'
export const targetName = namedBrokers === undefined ? 'our broker' : 'a real Kafka'

/** A member of a KIP-848 group learns of a change with its next heartbeat: every 5 s if not told otherwise. */
const config = { 'group.consumer.heartbeat.interval.ms': 500 }

export const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
export type Mechanism = (typeof mechanisms)[number]
export const user = { username: 'alice', password: 'alice-secret' } as const

/** Another broker of our own, at which clients log in as `user` in each of these ways. */
export async function openLoginTarget(): Promise<Pick<Target, 'brokers' | 'close'>> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'millrace-clients-'))
  const { username, password } = user
  const broker = await Broker.open({
    platform: nodePlatform(),
    dataDirectory,
    config: {
      'sasl.enabled.mechanisms': mechanisms.join(','),
      'plain.sasl.jaas.config': `PlainLoginModule required user_${username}="${password}";`,
      'super.users': `User:${username}`,
    },
  })
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    broker.putScramUser(username, password, { mechanism })
  }
  const { host, port } = await broker.listen({ host: '127.0.0.1', port: 0, protocol: 'SASL_PLAINTEXT' })
  return {
    brokers: `${host}:${port}`,
    async close() {
      await broker.close()
      await rm(dataDirectory, { recursive: true, force: true })
    },
  }
}

export async function openTarget(): Promise<Target> {
  if (namedBrokers !== undefined) {
    return {
      brokers: namedBrokers,
      restart: () => Promise.reject(new Error('a broker that is named is not restarted')),
      close: async () => {},
    }
  }
  const dataDirectory = await mkdtemp(join(tmpdir(), 'millrace-clients-'))
  const open = (): Promise<Broker> => Broker.open({ platform: nodePlatform(), dataDirectory, config })
  let broker = await open()
  const { host, port } = await broker.listen({ host: '127.0.0.1', port: 0 })
  return {
    brokers: `${host}:${port}`,
    dataDirectory,
    async restart() {
      await broker.close()
      broker = await open()
      await broker.listen({ host, port })
    },
    async close() {
      await broker.close()
      await rm(dataDirectory, { recursive: true, force: true })
    },
  }
}
