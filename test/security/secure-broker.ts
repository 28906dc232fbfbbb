/** A broker on this machine whose listeners ask for logins and certificates, with everything it needs made here. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Broker } from '../../src/broker/broker.ts'
import type { BrokerConfig } from '../../src/broker/config/broker-config.ts'
import { Cluster, type ClusterOptions } from '../../src/client/cluster.ts'
import { type MadeCertificate, TestAuthority } from '../../src/platform/node/certificates-fixture.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'

const platform = nodePlatform()

export class SecureBroker {
  readonly directory = mkdtempSync(join(tmpdir(), 'millrace-secure-'))
  readonly authority = new TestAuthority(platform.clock.nowMs())
  readonly caFile = join(this.directory, 'ca.pem')
  readonly alice: MadeCertificate
  private readonly clusters: Cluster[] = []
  private opened: Broker | undefined
  /** By the listener's name. */
  readonly addresses = new Map<string, string>()

  constructor() {
    const { authority, caFile, directory } = this
    this.alice = authority.issue({
      subject: [
        ['O', 'Mill'],
        ['CN', 'Alice'],
      ],
    })
    const server = authority.issue({
      subject: [['CN', 'broker']],
      hosts: ['localhost'],
      addresses: ['127.0.0.1'],
    })
    writeFileSync(caFile, authority.cert)
    writeFileSync(join(directory, 'server.pem'), server.key + server.cert)
    writeFileSync(join(directory, 'alice.pem'), this.alice.cert)
    writeFileSync(join(directory, 'alice.key'), this.alice.key)
  }

  get broker(): Broker {
    if (this.opened === undefined) throw new Error('the broker is not open')
    return this.opened
  }

  async open(config: BrokerConfig = {}): Promise<this> {
    const listeners = ['SASL_SSL', 'MTLS', 'PLAINTEXT']
    this.opened = await Broker.open({
      platform,
      dataDirectory: join(this.directory, 'data'),
      config: {
        listeners: listeners.map((name) => `${name}://127.0.0.1:0`),
        'listener.security.protocol.map': 'SASL_SSL:SASL_SSL,MTLS:SSL,PLAINTEXT:PLAINTEXT',
        'ssl.keystore.location': join(this.directory, 'server.pem'),
        'ssl.truststore.location': this.caFile,
        'listener.name.mtls.ssl.client.auth': 'required',
        'ssl.principal.mapping.rules': 'RULE:^CN=([^,]*),.*$/$1/L,DEFAULT',
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        'plain.sasl.jaas.config':
          'PlainLoginModule required user_admin="admin-secret" user_alice="alice-secret";',
        'super.users': 'User:admin',
        ...config,
      },
    })
    const endpoints = await this.opened.listenAsConfigured()
    for (const [at, { host, port }] of endpoints.entries())
      this.addresses.set(listeners[at]!, `${host}:${port}`)
    return this
  }

  cluster(listener: string, options: Partial<ClusterOptions> = {}): Cluster {
    const tls = listener === 'PLAINTEXT' ? {} : { tls: { ca: this.authority.cert } }
    const cluster = new Cluster({ platform, brokers: [this.addresses.get(listener)!], ...tls, ...options })
    this.clusters.push(cluster)
    return cluster
  }

  async close(): Promise<void> {
    for (const cluster of this.clusters) await cluster.close()
    await this.opened?.close()
    rmSync(this.directory, { recursive: true, force: true })
  }
}
