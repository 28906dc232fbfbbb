/**
 * GetTelemetrySubscriptions (key 71), version 0: asks which client metrics a broker wants (KIP-714).
 *
 * Flexible.
 */
import { array, bool, int8, int16, int32, string, uuid } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const getTelemetrySubscriptions = defineApi({
  key: 71,
  name: 'GetTelemetrySubscriptions',
  versions: [0, 0],
  flexibleFrom: 0,
  request: {
    clientInstanceId: uuid(),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    clientInstanceId: uuid(),
    subscriptionId: int32(),
    acceptedCompressionTypes: array(int8()),
    pushIntervalMs: int32(),
    telemetryMaxBytes: int32(),
    deltaTemporality: bool(),
    requestedMetrics: array(string()),
  },
})
