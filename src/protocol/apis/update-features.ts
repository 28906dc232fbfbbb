/**
 * UpdateFeatures (key 57), versions 0 to 2: raises and lowers the finalized feature levels of a cluster (KIP-584).
 *
 * Flexible from the first version on.
 * v1  validate only; upgrade types (KIP-778)
 * v2  no results per feature in the answer (KIP-1022)
 */
import { array, bool, int8, int16, int32, string, struct } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const updateFeatures = defineApi({
  key: 57,
  name: 'UpdateFeatures',
  versions: [0, 2],
  flexibleFrom: 0,
  request: {
    timeoutMs: int32({ default: 60000 }),
    featureUpdates: array(
      struct({
        feature: string(),
        maxVersionLevel: int16(),
        allowDowngrade: bool({ until: 0 }),
        upgradeType: int8({ since: 1, default: 1 }),
      }),
    ),
    validateOnly: bool({ since: 1, default: false }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    results: array(
      struct({
        feature: string(),
        errorCode: int16(),
        errorMessage: string({ nullable: true }),
      }),
      { until: 1, ignorable: true },
    ),
  },
})
