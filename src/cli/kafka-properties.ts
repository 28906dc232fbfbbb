/**
 * How a client reaches a secured cluster, as Kafka's own tools are told it: the properties of a `--command-config`
 * file, and of `kafka` in a configuration.
 *
 *   security.protocol=SASL_SSL
 *   sasl.mechanism=SCRAM-SHA-512
 *   sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="alice" password="…";
 *   ssl.truststore.location=ca.pem
 *
 * Properties about other things are taken as said to somebody else, since such files are shared; what is about
 * security and is not understood is an error, since the rest would be sent without it. Values are never repeated in
 * errors: they may be secrets.
 */
import { parseJaas } from '../broker/security/sasl/jaas.ts'
import type { ClusterOptions } from '../client/cluster.ts'
import type { SaslOptions } from '../client/connection/sasl/sasl-options.ts'
import { suggestName } from '../core/did-you-mean.ts'
import { MillraceError } from '../core/errors.ts'
import { type Disk, joinPath, readFile } from '../platform/disk.ts'
import type { TlsClientOptions, TlsIdentity } from '../platform/net.ts'

export type KafkaProperties = Readonly<Record<string, string>>

/** For a `Cluster`. Plain data, so that it may cross to a worker. */
export type ClientSecurity = Pick<ClusterOptions, 'tls' | 'sasl'>

export interface PropertiesPlace {
  readonly disk: Disk
  /** The file that the properties are in, for errors. */
  readonly file: string
  /** Against which relative paths are read. */
  readonly directory: string
}

const protocols = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const
const passwordModules = {
  PLAIN: ['PlainLoginModule', 'plain'],
  'SCRAM-SHA-256': ['ScramLoginModule', 'scram-sha-256'],
  'SCRAM-SHA-512': ['ScramLoginModule', 'scram-sha-512'],
} as const
const TOKEN_URL = 'sasl.oauthbearer.token.endpoint.url'

const understood = [
  'security.protocol',
  'sasl.mechanism',
  'sasl.jaas.config',
  TOKEN_URL,
  'ssl.truststore.location',
  'ssl.truststore.certificates',
  'ssl.truststore.type',
  'ssl.keystore.location',
  'ssl.keystore.type',
  'ssl.keystore.password',
  'ssl.keystore.certificate.chain',
  'ssl.keystore.key',
  'ssl.key.password',
  'ssl.endpoint.identification.algorithm',
] as const
/** Legal for Kafka's clients, and without a meaning here: what Java needs to know of its own libraries. */
const withoutMeaning =
  /^(?:ssl\.(?:protocol|provider|enabled\.protocols|cipher\.suites|truststore\.password|engine\.factory\.class|(?:key|trust)manager\.algorithm|secure\.random\.implementation)|sasl\.(?:kerberos|login)\..*|sasl\.client\.callback\.handler\.class|security\.providers)$/

/** @throws MR_CONFIG_INVALID, MR_FILE_NOT_FOUND */
export function clientSecurity(properties: KafkaProperties, place: PropertiesPlace): ClientSecurity {
  const reading = new Reading(properties, place)
  reading.checkNames()
  const protocol = reading.protocol()
  const overTls = protocol === 'SSL' || protocol === 'SASL_SSL'
  return {
    ...(overTls ? { tls: reading.tls() } : {}),
    ...(protocol.startsWith('SASL_') ? { sasl: reading.login() } : {}),
  }
}

/** The addresses of `bootstrap.servers`, if they are given. */
export function bootstrapServers(properties: KafkaProperties): readonly string[] | undefined {
  const addresses = (properties['bootstrap.servers'] ?? '').split(',').map((address) => address.trim())
  const named = addresses.filter((address) => address !== '')
  return named.length === 0 ? undefined : named
}

class Reading {
  private readonly properties: KafkaProperties
  private readonly place: PropertiesPlace

  constructor(properties: KafkaProperties, place: PropertiesPlace) {
    this.properties = properties
    this.place = place
  }

  checkNames(): void {
    const known: readonly string[] = understood
    for (const name of Object.keys(this.properties)) {
      if (!/^(?:ssl|sasl|security)\./.test(name) || known.includes(name) || withoutMeaning.test(name))
        continue
      this.refuse(name, 'is not a property of security', suggestName(name, known))
    }
  }

  protocol(): (typeof protocols)[number] {
    const text = this.text('security.protocol')?.toUpperCase()
    const protocol = protocols.find((each) => each === (text ?? 'PLAINTEXT'))
    if (protocol === undefined) {
      this.refuse('security.protocol', 'is not a protocol', `Write one of ${protocols.join(', ')}.`)
    }
    const forNothing = Object.keys(this.properties).find(
      (name) =>
        (name.startsWith('sasl.') && !protocol.startsWith('SASL_')) ||
        (/^ssl\.(?:trust|key)store\.(?:location|cert)/.test(name) && !protocol.endsWith('SSL')),
    )
    if (forNothing !== undefined) {
      const hint = `Write security.protocol=${forNothing.startsWith('sasl.') ? 'SASL_SSL' : 'SSL'}, or leave ${forNothing} away.`
      this.refuse(forNothing, `has no effect with security.protocol ${protocol}`, hint)
    }
    return protocol
  }

  tls(): true | TlsClientOptions {
    const type = this.text('ssl.truststore.type')?.toUpperCase()
    const trusted = this.text('ssl.truststore.location')
    if (
      trusted !== undefined &&
      (type === 'JKS' || type === 'PKCS12' || /\.(?:jks|p12|pfx)$/i.test(trusted))
    ) {
      const hint =
        'Name a PEM file with type PEM: `keytool -exportcert -rfc` writes the certificate of an authority.'
      this.refuse('ssl.truststore.location', 'is a store of Java, which is not read', hint)
    }
    const ca =
      this.text('ssl.truststore.certificates') ?? this.contents('ssl.truststore.location')?.toString()
    const algorithm = this.properties['ssl.endpoint.identification.algorithm']
    const options: TlsClientOptions = {
      ...(ca === undefined ? {} : { ca }),
      ...this.identity(),
      ...(algorithm?.trim() === '' ? { checkServerName: false } : {}),
    }
    return Object.keys(options).length === 0 ? true : options
  }

  login(): SaslOptions {
    const mechanism = this.text('sasl.mechanism')?.toUpperCase()
    if (mechanism === 'OAUTHBEARER') return this.tokenLogin()
    const found = Object.entries(passwordModules).find(([name]) => name === mechanism)?.[1]
    if (found === undefined) {
      const hint = `Write one of ${Object.keys(passwordModules).join(', ')}, OAUTHBEARER.`
      const what = mechanism === undefined ? 'is missing' : 'is no mechanism that is spoken here'
      this.refuse('sasl.mechanism', what, hint)
    }
    const [module, name] = found
    const hint = `Write org.apache.kafka.common.security.….${module} required username="alice" password="…";`
    const text = this.text('sasl.jaas.config')
    if (text === undefined) this.refuse('sasl.jaas.config', 'is missing', hint)
    const jaas = parseJaas(text)
    const username = jaas?.options.get('username')
    const password = jaas?.options.get('password')
    if (jaas?.module !== module || username === undefined || password === undefined) {
      this.refuse('sasl.jaas.config', `does not give username and password to ${module}`, hint)
    }
    return { mechanism: name, username, password }
  }

  /** A token that somebody put into a file, as Kafka reads it. */
  private tokenLogin(): SaslOptions {
    const url = this.text(TOKEN_URL)
    if (url === undefined || !url.startsWith('file://')) {
      const hint = `Write ${TOKEN_URL}=file:///path/to/token: asking a server for one is not done here.`
      this.refuse(TOKEN_URL, url === undefined ? 'is missing' : 'is not a file', hint)
    }
    const token = this.read(TOKEN_URL, decodeURIComponent(url.slice('file://'.length)))
    return { mechanism: 'oauthbearer', token: token.toString().trim() }
  }

  private identity(): TlsIdentity {
    const passphrase = this.text('ssl.key.password')
    const secret = passphrase === undefined ? {} : { passphrase }
    const chain = this.text('ssl.keystore.certificate.chain')
    const key = this.text('ssl.keystore.key')
    if (chain !== undefined && key !== undefined) return { cert: chain, key, ...secret }
    const location = this.text('ssl.keystore.location')
    if (location === undefined) return {}
    const type = this.text('ssl.keystore.type')?.toUpperCase()
    if (type === 'JKS' || /\.jks$/i.test(location)) {
      const hint = 'Name a PEM file with the key and the certificates, or a PKCS12 store.'
      this.refuse('ssl.keystore.location', 'is a store of Java, which is not read', hint)
    }
    const bytes = this.contents('ssl.keystore.location')!
    if (type === 'PKCS12' || /\.(?:p12|pfx)$/i.test(location)) {
      return { pfx: bytes, passphrase: this.text('ssl.keystore.password') ?? '' }
    }
    const pem = bytes.toString()
    return { cert: pem, key: pem, ...secret }
  }

  private text(name: (typeof understood)[number]): string | undefined {
    const text = this.properties[name]?.trim()
    return text === '' ? undefined : text
  }

  private contents(name: (typeof understood)[number]): Buffer | undefined {
    const path = this.text(name)
    return path === undefined ? undefined : this.read(name, path)
  }

  private read(name: string, path: string): Buffer {
    const { directory, disk, file } = this.place
    const absolute = path.startsWith('/') ? path : joinPath(directory, path)
    if (disk.exists(absolute)) return readFile(disk, absolute)
    throw new MillraceError('MR_FILE_NOT_FOUND', `there is no file "${path}"`, {
      where: `${file}: ${name}`,
      hint: `Paths are read against ${directory}.`,
    })
  }

  private refuse(name: string, what: string, hint: string): never {
    throw new MillraceError('MR_CONFIG_INVALID', `"${name}" ${what}`, {
      where: this.place.file,
      hint,
      context: { setting: name },
    })
  }
}
