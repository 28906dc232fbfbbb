/**
 * SaslHandshake (key 17), versions 0 to 1: agrees on a SASL mechanism.
 *
 * v0  the tokens follow bare, without Kafka frames
 * v1  the tokens follow in SaslAuthenticate requests (KIP-152)
 *
 * It never became flexible: clients up to 2.4 do not negotiate its version (KAFKA-9577).
 */
import { array, int16, string } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const saslHandshake = defineApi({
  key: 17,
  name: 'SaslHandshake',
  versions: [0, 1],
  flexibleFrom: 'never',
  request: {
    mechanism: string(),
  },
  response: {
    errorCode: int16(),
    mechanisms: array(string()),
  },
})
