/**
 * PushTelemetry: v0, not announced
 *
 * Behaviour: nothing was subscribed to (KIP-714): what is sent is dropped.
 */
import { pushTelemetry } from '../../protocol/apis/push-telemetry.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { defineHandler } from './handler.ts'

export const handler = defineHandler({
  api: pushTelemetry,
  hidden: true,
  handle: () => ({ errorCode: ErrorCodes.NONE }),
})
