/**
 * ApiVersions: v0–v4
 *
 * Behaviour: lists every API that the broker serves, and its features. A version that is not known is answered in
 * v0 with UNSUPPORTED_VERSION and the same list, so that any client can go on (KIP-511).
 *
 * Version notes
 * v3     name and version of the client; an illegal name is refused (KIP-511). Features (KIP-584)
 * v4     features may start at version 0; before, those that do are left out (KAFKA-17011)
 */
import { apiVersions } from '../../protocol/apis/api-versions.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { ResponseInput } from '../../protocol/schema/message.ts'
import { features } from '../features.ts'
import type { ApiRange } from './handler.ts'
import { defineHandler } from './handler.ts'

type Response = ResponseInput<typeof apiVersions>

const SOFTWARE_FROM_VERSION = 3
const ZERO_FEATURES_FROM_VERSION = 4
const softwareName = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

/** The answer, in v0, to a version that is not known. */
export function unsupportedApiVersions(apiKeys: readonly ApiRange[]): Response {
  return { errorCode: ErrorCodes.UNSUPPORTED_VERSION, apiKeys }
}

export const handler = defineHandler({
  api: apiVersions,
  handle(broker, context, request) {
    if (context.version >= SOFTWARE_FROM_VERSION) {
      const { clientSoftwareName: name, clientSoftwareVersion: version } = request
      if (!softwareName.test(name) || !softwareName.test(version)) {
        return { errorCode: ErrorCodes.INVALID_REQUEST, apiKeys: [] }
      }
      context.connection.software = { name, version }
    }
    const told = features.filter(
      ({ minVersion }) => minVersion > 0 || context.version >= ZERO_FEATURES_FROM_VERSION,
    )
    return {
      errorCode: ErrorCodes.NONE,
      apiKeys: broker.apis,
      supportedFeatures: told.map(({ name, minVersion, maxVersion }) => ({ name, minVersion, maxVersion })),
      finalizedFeaturesEpoch: 0n,
      finalizedFeatures: features.map(({ name, level }) => ({
        name,
        minVersionLevel: level,
        maxVersionLevel: level,
      })),
    }
  },
})
