/** What a user of commands is told of a cluster that asks for more than the command brought. */
import { MillraceError } from '../core/errors.ts'

/** Options of the client library, as the properties of `--command-config` are called. */
const properties: readonly (readonly [option: string, property: string])[] = [
  ['tls.cert and tls.key', 'ssl.keystore.location'],
  ['tls.serverName', 'ssl.endpoint.identification.algorithm= (empty)'],
  ['tls.ca', 'ssl.truststore.location'],
  ['leave tls away', 'write security.protocol=PLAINTEXT'],
]

/** Somebody is there and ends the connection at once. */
export function hungUp(cause: MillraceError): MillraceError {
  const { context, where } = cause
  return new MillraceError('MR_CONNECTION_LOST', 'the broker ended the connection before it answered', {
    cause,
    context,
    ...(where === undefined ? {} : { where }),
    hint: 'If it asks for TLS or a login: --command-config FILE, with security.protocol and what belongs to it.',
  })
}

/** An error of TLS whose hint names properties in place of options. */
export function inWordsOfProperties(error: MillraceError): MillraceError {
  const { cause, code, context, hint = '', message, retriable, where } = error
  const told = properties.reduce((text, [option, property]) => text.replaceAll(option, property), hint)
  return new MillraceError(code, message, {
    cause,
    context,
    retriable,
    hint: `${told} Properties are read from --command-config FILE.`,
    ...(where === undefined ? {} : { where }),
  })
}
