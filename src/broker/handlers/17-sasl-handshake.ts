/**
 * SaslHandshake: v0–v1
 *
 * Behaviour: begins a login by the named mechanism, or a repeated one on a connection that is logged in (KIP-368). A
 * mechanism that is not offered is answered with those that are, and the connection ends. Where nobody logs in, and in
 * the middle of a login, it is ILLEGAL_SASL_STATE.
 *
 * Version notes
 * v0     tokens follow bare, without SaslAuthenticate
 * v1     tokens in SaslAuthenticate (KIP-152)
 */
import { saslHandshake } from '../../protocol/apis/sasl-handshake.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { defineHandler } from './handler.ts'

export const handler = defineHandler({
  api: saslHandshake,
  handle: (_, { connection, version }, { mechanism }) =>
    connection.login?.handshake(mechanism, version) ?? {
      errorCode: ErrorCodes.ILLEGAL_SASL_STATE,
      mechanisms: [],
    },
})
