/**
 * Which version of an API two sides speak (KIP-35, KIP-511).
 *
 * 1. A client opens with ApiVersions in its highest version.
 * 2. A broker that does not know this version answers in version 0 with UNSUPPORTED_VERSION and its list
 *    (`decodeApiVersionsResponse`); the client goes on with what the list says.
 * 3. Every other request is sent in the highest version that is in both lists (`BrokerVersions.choose`).
 */
import { ByteReader } from '../core/byte-reader.ts'
import { MillraceError } from '../core/errors.ts'
import { apiVersions } from './apis/api-versions.ts'
import { decodeResponse } from './codec/response.ts'
import { ErrorCodes } from './error-codes.ts'
import type { AnyApi, ResponseOf } from './schema/message.ts'

export interface AnnouncedVersions {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

const PRODUCE_KEY = 0

/**
 * The list for a broker's answer. Produce is announced from version 0, because librdkafka takes a higher minimum
 * for a broker without the record format that it needs (KAFKA-18659); requests below the real minimum are refused.
 */
export function announcedVersions(apis: readonly AnyApi[]): AnnouncedVersions[] {
  return apis.map((api) => ({
    apiKey: api.key,
    minVersion: api.key === PRODUCE_KEY ? 0 : api.versions[0],
    maxVersion: api.latestStable,
  }))
}

/** The highest version both in the table (without those under development) and in what a broker announces. */
export function highestCommonVersion(
  api: AnyApi,
  announced: AnnouncedVersions | undefined,
): number | undefined {
  if (announced === undefined) return undefined
  const version = Math.min(api.latestStable, announced.maxVersion)
  return version >= Math.max(api.versions[0], announced.minVersion) ? version : undefined
}

/** What one broker answered to ApiVersions. */
export class BrokerVersions {
  private readonly byKey: ReadonlyMap<number, AnnouncedVersions>
  private readonly features: ReadonlyMap<string, number>

  constructor(answer: Pick<ResponseOf<typeof apiVersions>, 'apiKeys' | 'finalizedFeatures'>) {
    this.byKey = new Map(answer.apiKeys.map((announced) => [announced.apiKey, announced]))
    this.features = new Map(
      answer.finalizedFeatures.map((feature) => [feature.name, feature.maxVersionLevel]),
    )
  }

  supports(api: AnyApi): boolean {
    return highestCommonVersion(api, this.byKey.get(api.key)) !== undefined
  }

  /**
   * The version in which to send a request: the highest common one, not above `versionMax` if that is given.
   * @throws MR_PROTOCOL_VERSION_UNSUPPORTED when there is none
   */
  choose(api: AnyApi, versionMax = Number.POSITIVE_INFINITY): number {
    const announced = this.byKey.get(api.key)
    const limited =
      announced === undefined || announced.maxVersion <= versionMax
        ? announced
        : { ...announced, maxVersion: versionMax }
    const version = highestCommonVersion(api, limited)
    if (version !== undefined) return version
    const theirs = announced === undefined ? 'nothing' : `${announced.minVersion} to ${announced.maxVersion}`
    const ours = `${api.versions[0]} to ${Math.min(api.latestStable, versionMax)}`
    throw new MillraceError(
      'MR_PROTOCOL_VERSION_UNSUPPORTED',
      `no common version of ${api.name}: the broker speaks ${theirs}, this side ${ours}`,
      { context: { api: api.name } },
    )
  }

  /** The level of a cluster feature such as `transaction.version`; 0 when it is not finalized. */
  featureLevel(name: string): number {
    return this.features.get(name) ?? 0
  }
}

/**
 * The answer to an ApiVersions request sent in `version`, where `reader` stands after the header. The error code
 * comes first in every version and tells whether the broker fell back to version 0.
 * @throws MR_PROTOCOL_REQUEST_INVALID
 */
export function decodeApiVersionsResponse(
  version: number,
  reader: ByteReader,
): ResponseOf<typeof apiVersions> {
  const fellBack =
    reader.remaining >= 2 &&
    new ByteReader(reader.buffer, reader.at, reader.end).int16() === ErrorCodes.UNSUPPORTED_VERSION
  return decodeResponse(apiVersions, fellBack ? 0 : version, reader)
}
