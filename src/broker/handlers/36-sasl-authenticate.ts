/**
 * SaslAuthenticate: v0–v2
 *
 * Behaviour: one step of a login that SaslHandshake began. Wrong credentials are answered late, without a word of what
 * was wrong with them, and the connection ends.
 *
 * Version notes
 * v1     how long the login holds: then the client has to log in again (KIP-368)
 */
import { saslAuthenticate } from '../../protocol/apis/sasl-authenticate.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { defineHandler } from './handler.ts'

const nothing = Buffer.alloc(0)

export const handler = defineHandler({
  api: saslAuthenticate,
  handle: (_, { connection }, { authBytes }) =>
    connection.login?.authenticate(authBytes) ?? {
      errorCode: ErrorCodes.ILLEGAL_SASL_STATE,
      errorMessage: 'SaslAuthenticate request received, but nobody logs in on this listener',
      authBytes: nothing,
    },
})
