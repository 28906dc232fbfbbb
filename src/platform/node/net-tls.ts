/**
 * TLS through `node:tls`: servers and clients whose sockets are handed over after the handshake.
 *
 * 1. A server takes the connection, gives it so long for its handshake, and counts those that are in one.
 * 2. A client checks the server's certificate against the authorities and the name, always.
 * 3. With TLS 1.3 a server tells only after the handshake that it refused the client's certificate: that comes as
 *    the end of the socket, and is made the same error (`tlsFailure`).
 *
 * TLS below 1.2, and renegotiation, are never spoken.
 */
import { constants, type X509Certificate } from 'node:crypto'
import net from 'node:net'
import tls from 'node:tls'
import type { TlsClientOptions, TlsIdentity, TlsServerOptions } from '../net.ts'
import { unusableIdentity } from './net-tls-error.ts'

const OLDEST = 'TLSv1.2'
const secureOptions = constants.SSL_OP_NO_RENEGOTIATION

function identity({ cert, key, pfx, passphrase }: TlsIdentity): tls.SecureContextOptions {
  return {
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(pfx !== undefined && { pfx }),
    ...(passphrase !== undefined && { passphrase }),
  }
}

/** The subject of a certificate as RFC 2253 and Java write it: the last part first. */
export function subjectOf(certificate: X509Certificate): string {
  // Node gives one part a line, already escaped as the RFC asks.
  return certificate.subject
    .split('\n')
    .filter((line) => line !== '')
    .reverse()
    .map((part) => part.split(' + ').join('+'))
    .join(',')
}

/** The subject of the other side's certificate, if it showed one that was accepted. */
export function peerNameOf(socket: tls.TLSSocket): string | undefined {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
  return certificate === undefined ? undefined : subjectOf(certificate)
}

const addressOf = ({ remoteAddress = '?', remotePort = 0 }: net.Socket): string =>
  `${remoteAddress}:${remotePort}`

/** A server that calls `accept` for each client whose handshake succeeded. @throws MR_TLS_FAILED */
export function tlsServer(options: TlsServerOptions, accept: (socket: tls.TLSSocket) => void): net.Server {
  const { ca, ciphers, clientAuth, handshakesMax, handshakeTimeoutMs, onRefused } = options
  let server: tls.Server
  try {
    server = tls.createServer({
      ...identity(options),
      ...(ca !== undefined && { ca }),
      ...(ciphers !== undefined && { ciphers }),
      minVersion: options.versionMin ?? OLDEST,
      ...(options.versionMax !== undefined && { maxVersion: options.versionMax }),
      requestCert: clientAuth !== 'none',
      // A certificate that is shown must be good, also where none has to be.
      rejectUnauthorized: clientAuth === 'required',
      handshakeTimeout: handshakeTimeoutMs,
      honorCipherOrder: true,
      secureOptions,
    })
  } catch (cause) {
    throw unusableIdentity(cause)
  }
  // By address: a TLS socket does not tell which connection it stands on.
  const inHandshake = new Map<string, net.Socket>()
  server.on('connection', (raw: net.Socket) => {
    const remote = addressOf(raw)
    if (inHandshake.size >= handshakesMax) {
      onRefused?.(remote, 'too many handshakes at a time')
      raw.destroy()
      return
    }
    inHandshake.set(remote, raw)
    raw.once('close', () => {
      if (inHandshake.get(remote) === raw) inHandshake.delete(remote)
    })
  })
  server.on('secureConnection', (socket) => {
    inHandshake.delete(addressOf(socket))
    const shown = socket.getPeerX509Certificate()
    if (clientAuth === 'requested' && shown !== undefined && !socket.authorized) {
      onRefused?.(addressOf(socket), String(socket.authorizationError))
      socket.destroy()
      return
    }
    accept(socket)
  })
  server.on('tlsClientError', (error, socket) => {
    onRefused?.(addressOf(socket), error.message)
    socket.destroy()
  })
  return server
}

/** Begins a connection; `secureConnect` tells that the server is who it says. @throws MR_TLS_FAILED */
export function tlsConnect(
  address: { readonly host: string; readonly port: number },
  options: TlsClientOptions,
): tls.TLSSocket {
  const { ca, checkServerName = true, serverName = address.host } = options
  let secureContext: tls.SecureContext
  try {
    secureContext = tls.createSecureContext({
      ...identity(options),
      ...(ca !== undefined && { ca }),
      minVersion: OLDEST,
      secureOptions,
    })
  } catch (cause) {
    throw unusableIdentity(cause)
  }
  return tls.connect({
    ...address,
    secureContext,
    // An address is not a name that could be asked for (RFC 6066); it is checked all the same.
    ...(net.isIP(serverName) === 0 && { servername: serverName }),
    rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) =>
      checkServerName ? tls.checkServerIdentity(serverName, certificate) : undefined,
  })
}
