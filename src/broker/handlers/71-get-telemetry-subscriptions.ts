/**
 * GetTelemetrySubscriptions: v0, not announced
 *
 * Behaviour: no client metrics are wanted (KIP-714): a client that asks anyway gets an empty subscription and the
 * longest interval, and stays quiet.
 */
import { randomUuid } from '../../platform/random.ts'
import { getTelemetrySubscriptions } from '../../protocol/apis/get-telemetry-subscriptions.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { zeroUuid } from '../../protocol/schema/defaults.ts'
import { defineHandler } from './handler.ts'

const LONGEST_MS = 0x7fff_ffff

export const handler = defineHandler({
  api: getTelemetrySubscriptions,
  hidden: true,
  handle(broker, _context, { clientInstanceId }) {
    const isNew = clientInstanceId.equals(zeroUuid)
    return {
      errorCode: ErrorCodes.NONE,
      clientInstanceId: isNew ? randomUuid(broker.platform.random) : clientInstanceId,
      subscriptionId: 0,
      acceptedCompressionTypes: [],
      pushIntervalMs: LONGEST_MS,
      telemetryMaxBytes: 0,
      deltaTemporality: false,
      requestedMetrics: [],
    }
  },
})
