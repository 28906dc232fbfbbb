/** Clients that log in at a simulated broker, for tests of who may come in and what they may do. */
import { Cluster, type ClusterOptions } from '../../client/cluster.ts'
import { shakeHands } from '../../client/connection/handshake.ts'
import { logIn } from '../../client/connection/sasl/log-in.ts'
import type { SaslOptions } from '../../client/connection/sasl/sasl-options.ts'
import { TcpConnection } from '../../client/connection/tcp-connection.ts'
import { TestBroker } from '../broker-fixture.ts'
import type { BrokerConfig } from '../config/broker-config.ts'

export const SASL_PORT = 9093
const TIMEOUT_MS = 30_000

/** Users of PLAIN, each with its name and `-secret` as password. */
export const plainUsers = (...names: readonly string[]): string =>
  `PlainLoginModule required ${names.map((name) => `user_${name}="${name}-secret"`).join(' ')};`

export const plain = (username: string, password = `${username}-secret`): SaslOptions => ({
  mechanism: 'plain',
  username,
  password,
})

/** A broker with one listener at which clients log in, without TLS: the simulated network has none. */
export async function openWithLogin(config: BrokerConfig = {}): Promise<TestBroker> {
  const broker = await TestBroker.open({
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'plain.sasl.jaas.config': plainUsers('admin', 'alice', 'bob'),
    'super.users': 'User:admin',
    ...config,
  })
  await listenWithLogin(broker)
  return broker
}

export async function listenWithLogin({ broker, simulation }: TestBroker): Promise<void> {
  const options = { host: '127.0.0.1', port: SASL_PORT, protocol: 'SASL_PLAINTEXT' } as const
  await simulation.runUntil(broker.listen({ ...options, advertisedHost: 'local', advertisedPort: SASL_PORT }))
}

/** A connection on which somebody has logged in; or nobody has tried, without `sasl`. */
export function connectAs(
  { simulation }: Pick<TestBroker, 'simulation'>,
  sasl?: SaslOptions,
  host = 'client',
): Promise<TcpConnection> {
  const { platform } = simulation.host(host)
  const connecting = async (): Promise<TcpConnection> => {
    const connection = new TcpConnection({
      socket: await platform.net.connect({ host: 'local', port: SASL_PORT, timeoutMs: TIMEOUT_MS }),
      clock: platform.clock,
      clientId: 'test',
      broker: `local:${SASL_PORT}`,
      requestTimeoutMs: TIMEOUT_MS,
    })
    await shakeHands(connection, sasl === undefined ? undefined : logIn(sasl, platform.random))
    return connection
  }
  return simulation.runUntil(connecting())
}

/** A cluster as programs use it. */
export function clusterAs({ simulation }: TestBroker, options: Partial<ClusterOptions>): Cluster {
  const { platform } = simulation.host('client')
  return new Cluster({ platform, brokers: [`local:${SASL_PORT}`], ...options })
}
