/**
 * Where a broker is reached and by which protocol: from calls, and from the settings `listeners`,
 * `advertised.listeners` and `listener.security.protocol.map`.
 */
import { MillraceError } from '../../core/errors.ts'
import type { BrokerSettings } from '../config/broker-settings.ts'
import { type SecurityProtocol, securityProtocols } from '../config/security-settings.ts'

export interface ListenOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** What clients are told to connect to; the address of the listener if not given. */
  readonly advertisedHost?: string
  readonly advertisedPort?: number
  /** For logs, and for settings of this listener (`listener.name.<name>.…`); the protocol if not given. */
  readonly name?: string
  /** PLAINTEXT if not given. */
  readonly protocol?: SecurityProtocol
  /** Allows an address that other machines reach though nobody has to log in. */
  readonly insecure?: boolean
}

interface Address {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** The listeners that the settings ask for. @throws MR_CONFIG_INVALID */
export function configuredListeners(settings: BrokerSettings): readonly ListenOptions[] {
  const protocols = new Map(settings['listener.security.protocol.map'].map(protocolOf))
  const advertised = new Map(
    settings['advertised.listeners'].map((text) => {
      const address = addressOf('advertised.listeners', text)
      return [address.name, address]
    }),
  )
  const listeners = settings.listeners.map((text) => addressOf('listeners', text))
  if (new Set(listeners.map(({ name }) => name)).size < listeners.length) {
    throw illegal('listeners', settings.listeners.join(','), 'Give every listener a name of its own.')
  }
  return listeners.map(({ host, name, port }) => {
    const protocol = protocols.get(name)
    if (protocol === undefined) {
      throw illegal(
        'listeners',
        name,
        `Add ${name}:SASL_SSL, or another protocol, to listener.security.protocol.map.`,
      )
    }
    const told = advertised.get(name)
    return {
      name,
      host,
      port,
      protocol,
      insecure: settings['insecure.listeners.allow'],
      ...(told !== undefined && { advertisedHost: told.host, advertisedPort: told.port }),
    }
  })
}

function addressOf(setting: string, text: string): Address {
  const match = /^([\w.-]+):\/\/(?:\[([^\]]*)\]|([^:/[\]]*)):(\d{1,5})$/.exec(text.trim())
  const port = Number(match?.[4])
  if (match === null || port > 65_535) {
    throw illegal(setting, text, 'Write name://host:port, such as SASL_SSL://0.0.0.0:9093.')
  }
  // As in Kafka, no host means all addresses of the machine.
  return { name: match[1]!.toUpperCase(), host: (match[2] ?? match[3]) || '0.0.0.0', port }
}

function protocolOf(text: string): readonly [string, SecurityProtocol] {
  const [name = '', word = ''] = text.split(':')
  const protocol = securityProtocols.find((each) => each === word.trim().toUpperCase())
  if (protocol === undefined) {
    throw illegal(
      'listener.security.protocol.map',
      text,
      `Write name:protocol with ${securityProtocols.join(', ')}.`,
    )
  }
  return [name.trim().toUpperCase(), protocol]
}

function illegal(setting: string, text: string, hint: string): MillraceError {
  return new MillraceError('MR_CONFIG_INVALID', `"${text}" is not legal in ${setting}`, {
    where: setting,
    hint,
  })
}

/** Is an address reached from this machine only? */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host)
}

/** The error for a listener that everybody could use. */
export function exposed({ host, port }: { readonly host: string; readonly port: number }): MillraceError {
  return new MillraceError('MR_LISTEN_EXPOSED', 'a listener for other machines lets in everybody', {
    where: `${host}:${port}`,
    hint: 'Listen on 127.0.0.1, ask for a login (SASL_SSL), or allow it with insecure.listeners.allow.',
  })
}
