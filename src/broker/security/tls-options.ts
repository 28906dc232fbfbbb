/** From the ssl.* settings of a listener to what the network needs: files are read, and what is missing is said. */
import { MillraceError } from '../../core/errors.ts'
import { type Disk, readFile } from '../../platform/disk.ts'
import type { TlsIdentity, TlsServerOptions, TlsVersion } from '../../platform/net.ts'
import type { BrokerSettings } from '../config/broker-settings.ts'

type Wanted = Pick<TlsServerOptions, 'handshakeTimeoutMs' | 'handshakesMax' | 'onRefused'>

/** @throws MR_CONFIG_INVALID, MR_FILE_NOT_FOUND */
export function tlsServerOptions(
  disk: Disk,
  settings: BrokerSettings,
  { handshakesMax, handshakeTimeoutMs, onRefused }: Wanted,
): TlsServerOptions {
  const clientAuth = settings['ssl.client.auth'] as TlsServerOptions['clientAuth']
  const versions = settings['ssl.enabled.protocols'] as readonly TlsVersion[]
  const ciphers = settings['ssl.cipher.suites']
  const ca = textOrFile(disk, settings['ssl.truststore.certificates'], settings['ssl.truststore.location'])
  if (clientAuth !== 'none' && ca === undefined) {
    throw missing('ssl.truststore.location', `ssl.client.auth is ${clientAuth}, but no authority is trusted`)
  }
  return {
    ...identity(disk, settings),
    clientAuth,
    ...(ca !== undefined && { ca }),
    versionMin: versions.includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3',
    versionMax: versions.includes('TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2',
    ...(ciphers.length > 0 && { ciphers: ciphers.join(':') }),
    handshakesMax,
    handshakeTimeoutMs,
    ...(onRefused !== undefined && { onRefused }),
  }
}

function identity(disk: Disk, settings: BrokerSettings): TlsIdentity {
  const location = settings['ssl.keystore.location']
  const chain = settings['ssl.keystore.certificate.chain']
  const key = settings['ssl.keystore.key']
  if (location !== '' && settings['ssl.keystore.type'] === 'PKCS12') {
    return { pfx: readFile(disk, location), passphrase: settings['ssl.keystore.password'] }
  }
  const passphrase = settings['ssl.key.password']
  const secret = passphrase === '' ? {} : { passphrase }
  // A PEM keystore of Kafka's has key and certificates in one file.
  if (location !== '') {
    const pem = readFile(disk, location)
    return { cert: pem, key: pem, ...secret }
  }
  if (chain === '' || key === '')
    throw missing('ssl.keystore.location', 'a listener with TLS needs a certificate')
  return { cert: chain, key, ...secret }
}

function textOrFile(disk: Disk, text: string, path: string): string | Buffer | undefined {
  if (text !== '') return text
  return path === '' ? undefined : readFile(disk, path)
}

function missing(setting: string, what: string): MillraceError {
  return new MillraceError('MR_CONFIG_INVALID', what, {
    where: setting,
    hint: `Set ${setting} to a PEM file; docs/guide/security.md shows how one is made.`,
  })
}
