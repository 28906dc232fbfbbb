/** What went wrong under TLS, in words that say what to do: Node gives OpenSSL's codes. */
import { MillraceError, messageOf } from '../../core/errors.ts'

const unknownAuthority = {
  what: 'its certificate comes from an authority that is not known here',
  hint: 'Give the certificate of its authority as tls.ca (PEM); for a self-signed one, that certificate itself.',
}
const certificateRefused = {
  what: 'the broker refused the certificate of this client',
  hint: 'Give tls.cert and tls.key, signed by an authority that the broker trusts (ssl.truststore.*).',
}
const noTls = {
  what: 'the port does not speak TLS',
  hint: 'Name the port of a listener with SSL or SASL_SSL, or leave tls away.',
}
const noCommonGround = {
  what: 'the two sides share no version or cipher of TLS',
  hint: 'TLS 1.2 and 1.3 are spoken; check ssl.enabled.protocols and ssl.cipher.suites of the broker.',
}

const causes: Readonly<Record<string, { readonly what: string; readonly hint: string }>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  CERT_HAS_EXPIRED: { what: 'its certificate has expired', hint: 'Renew the certificate of the broker.' },
  CERT_NOT_YET_VALID: {
    what: 'its certificate is not valid yet',
    hint: 'Check the clocks of both machines, and the certificate of the broker.',
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    what: 'its certificate is for another name',
    hint: 'Connect by a name that the certificate has, or give that as tls.serverName.',
  },
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  ERR_SSL_UNEXPECTED_MESSAGE: noTls,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: certificateRefused,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: certificateRefused,
  'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE': certificateRefused,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: certificateRefused,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: certificateRefused,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: certificateRefused,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: certificateRefused,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: noCommonGround,
  ERR_SSL_NO_CIPHERS_AVAILABLE: noCommonGround,
  ERR_SSL_UNSUPPORTED_PROTOCOL: noCommonGround,
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : ''
}

/** Is it TLS that failed, and not the network below? */
export function isTlsFailure(cause: unknown): boolean {
  const code = codeOf(cause)
  return Object.hasOwn(causes, code) || code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS')
}

/** The error for a connection that TLS ended. */
export function tlsFailure(where: string, cause: unknown): MillraceError {
  const code = codeOf(cause)
  const known = Object.hasOwn(causes, code) ? causes[code] : undefined
  return new MillraceError('MR_TLS_FAILED', `no TLS with ${where}: ${known?.what ?? messageOf(cause)}`, {
    cause,
    where,
    hint: known?.hint ?? 'Check certificates, authorities and versions of TLS on both sides.',
    context: { tlsCode: code },
  })
}

/** The other side went away in the handshake without a word, as a port without TLS does. */
export function handshakeCutOff(where: string, cause: unknown): MillraceError {
  return new MillraceError('MR_TLS_FAILED', `no TLS with ${where}: the connection ended in the handshake`, {
    cause,
    where,
    hint: 'Does the port belong to a listener with SSL or SASL_SSL? The log of the broker has the reason.',
  })
}

/** The error for a certificate, key or store of one's own. */
export function unusableIdentity(cause: unknown): MillraceError {
  return new MillraceError('MR_TLS_FAILED', `a certificate or key cannot be used: ${messageOf(cause)}`, {
    cause,
    hint: 'Give the certificate with its chain and the private key that belongs to it as PEM, or a PKCS #12 store, and its password if it has one.',
  })
}
