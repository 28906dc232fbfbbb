/**
 * The headers in front of every request and response.
 *
 * Request header: v1 with a client id, v2 (flexible) with tagged fields; the client id keeps its two-byte
 * length in v2, so that a broker can read the header of an ApiVersions request of any version.
 * Response header: v0, v1 (flexible) with tagged fields. ApiVersions is always answered with v0, because
 * the client cannot know yet what the broker speaks (KIP-511).
 */
import { int16, int32, string } from '../schema/fields.ts'
import { defineMessage } from '../schema/message.ts'

const API_VERSIONS_KEY = 18

export const requestHeader = defineMessage({
  name: 'RequestHeader',
  versions: [1, 2],
  flexibleFrom: 2,
  fields: {
    requestApiKey: int16(),
    requestApiVersion: int16(),
    correlationId: int32(),
    clientId: string({ nullable: true, compact: false }),
  },
})

export const responseHeader = defineMessage({
  name: 'ResponseHeader',
  versions: [0, 1],
  flexibleFrom: 1,
  fields: {
    correlationId: int32(),
  },
})

/** What the header versions of an API depend on. */
export interface HeaderRule {
  readonly key: number
  readonly flexibleFrom: number
}

/** The header version of a request; also for versions of the API that are not known here. */
export function requestHeaderVersion(api: HeaderRule, version: number): number {
  return version >= api.flexibleFrom ? 2 : 1
}

export function responseHeaderVersion(api: HeaderRule, version: number): number {
  return version >= api.flexibleFrom && api.key !== API_VERSIONS_KEY ? 1 : 0
}
