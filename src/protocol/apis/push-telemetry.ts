/**
 * PushTelemetry (key 72), version 0: sends client metrics to a broker (KIP-714).
 *
 * Flexible.
 */
import { bool, bytes, int8, int16, int32, uuid } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const pushTelemetry = defineApi({
  key: 72,
  name: 'PushTelemetry',
  versions: [0, 0],
  flexibleFrom: 0,
  request: {
    clientInstanceId: uuid(),
    subscriptionId: int32(),
    terminating: bool(),
    compressionType: int8(),
    metrics: bytes(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
  },
})
