/**
 * How clients come in through one listener: under TLS or not, with a login or not, and who they then are.
 *
 *   PLAINTEXT       nobody is asked: User:ANONYMOUS
 *   SSL             the subject of the client's certificate, by the mapping rules; without one User:ANONYMOUS
 *   SASL_PLAINTEXT  who logs in
 *   SASL_SSL        who logs in, under TLS
 */
import type { Logger } from '../../core/logger.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Disk } from '../../platform/disk.ts'
import type { Socket, TlsServerOptions } from '../../platform/net.ts'
import type { BrokerSettings } from '../config/broker-settings.ts'
import type { SecurityProtocol } from '../config/security-settings.ts'
import { anonymous, type ConnectionInfo, type Endpoint, internalPrincipal } from '../request-context.ts'
import type { InnerLogin } from '../security/inner-login.ts'
import { type PrincipalMapping, principalMapping } from '../security/principal-mapping.ts'
import type { SaslExchange } from '../security/sasl/exchange.ts'
import { SaslLogin } from '../security/sasl/sasl-login.ts'
import type { Security } from '../security/security.ts'
import { tlsServerOptions } from '../security/tls-options.ts'

export interface EntranceOptions {
  readonly name: string
  readonly protocol: SecurityProtocol
  /** Those of the listener. */
  readonly settings: BrokerSettings
  readonly security: Security
  readonly clock: Clock
  readonly logger: Logger
  readonly disk: Disk
  /** For the listener of this process's own threads, instead of the mechanisms of the settings. */
  readonly inner?: InnerLogin
}

/** Does everybody who comes in prove who they are? */
export function asksWho(protocol: SecurityProtocol, settings: BrokerSettings): boolean {
  if (protocol === 'SSL') return settings['ssl.client.auth'] === 'required'
  return protocol !== 'PLAINTEXT'
}

/** The address of a client without its port, as rules name it: IPv4 also where it came in through IPv6. */
export function clientHostOf({ remote }: Socket): string {
  const host = remote.slice(0, remote.lastIndexOf(':'))
  return host.startsWith('::ffff:') && host.includes('.') ? host.slice('::ffff:'.length) : host
}

/** What a listener counts. */
export interface EntranceCounts {
  open: number
  accepted: number
  loggedIn: number
  refusedLogins: number
}

export class Entrance {
  readonly name: string
  readonly counts: EntranceCounts = { open: 0, accepted: 0, loggedIn: 0, refusedLogins: 0 }
  readonly tls: TlsServerOptions | undefined
  private readonly options: EntranceOptions
  private readonly mechanisms: ReadonlyMap<string, () => SaslExchange> | undefined
  private readonly nameOf: PrincipalMapping | undefined

  /** @throws MR_CONFIG_INVALID, MR_FILE_NOT_FOUND */
  constructor(options: EntranceOptions) {
    const { disk, logger, name, protocol, security, settings } = options
    this.options = options
    this.name = name
    const overTls = protocol === 'SSL' || protocol === 'SASL_SSL'
    this.tls = overTls
      ? tlsServerOptions(disk, settings, {
          handshakesMax: settings['max.connections'],
          handshakeTimeoutMs: settings['connection.authentication.timeout.ms'],
          onRefused: (client, reason) =>
            logger.info({ client, listener: name, reason }, 'no TLS with a client'),
        })
      : undefined
    this.nameOf = protocol === 'SSL' ? principalMapping(settings['ssl.principal.mapping.rules']) : undefined
    const withLogin = protocol.startsWith('SASL_')
    this.mechanisms = withLogin ? (options.inner?.mechanisms ?? security.mechanisms(settings)) : undefined
  }

  /** What is known of a client that came in; undefined for one that is not let in. */
  admit(socket: Socket, id: number, advertised: Endpoint): ConnectionInfo | undefined {
    const clientHost = clientHostOf(socket)
    const principal = this.principalOf(socket)
    if (principal === undefined) return undefined
    const info = { id, principal, clientHost, advertised, listener: this.name, software: undefined }
    if (this.mechanisms === undefined) return info
    const withLogin: ConnectionInfo = {
      ...info,
      login: this.login(this.mechanisms, socket, (user) => {
        this.counts.loggedIn++
        const { inner } = this.options
        inner?.check(user)
        withLogin.principal = inner === undefined ? { type: 'User', name: user } : internalPrincipal
      }),
    }
    return withLogin
  }

  private principalOf({ peerName, remote }: Socket): ConnectionInfo['principal'] | undefined {
    if (this.nameOf === undefined || peerName === undefined) return anonymous
    const name = this.nameOf(peerName)
    if (name !== undefined && name !== '') return { type: 'User', name }
    this.options.logger.info(
      { client: remote, listener: this.name, subject: peerName },
      'no rule of ssl.principal.mapping.rules fits a certificate',
    )
    return undefined
  }

  private login(
    mechanisms: ReadonlyMap<string, () => SaslExchange>,
    { remote }: Socket,
    loggedIn: (user: string) => void,
  ): SaslLogin {
    const { clock, logger, settings } = this.options
    return new SaslLogin({
      clock,
      mechanisms,
      failureDelayMs: settings['connection.failed.authentication.delay.ms'],
      sessionMsMax: settings['connections.max.reauth.ms'],
      loggedIn,
      refused: (mechanism, reason) => {
        this.counts.refusedLogins++
        // A name that is not offered may be anything: only known ones are written down.
        const known = mechanisms.has(mechanism) ? mechanism : 'unknown'
        const fields = { audit: 'login', client: remote, listener: this.name, mechanism: known, reason }
        logger.info({ ...fields, outcome: 'refused' }, 'a login was refused')
      },
    })
  }
}
