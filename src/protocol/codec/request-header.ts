/**
 * The header of a request as a broker reads it.
 *
 * Key and version stand first in every header version, and tell which one it is. An unknown version of a known
 * API is not an error here: the broker answers it (ApiVersions) or closes the connection (all others).
 */
import type { ByteReader } from '../../core/byte-reader.ts'
import { MillraceError } from '../../core/errors.ts'
import { requestHeader, requestHeaderVersion } from '../apis/header.ts'
import { apiOf } from '../apis/register.ts'
import type { AnyApi } from '../schema/message.ts'
import { planOf } from '../schema/plan.ts'
import { frameInvalid } from './errors.ts'

export interface DecodedRequestHeader {
  readonly api: AnyApi
  /** As the client sent it: not checked against the versions of the API. */
  readonly version: number
  readonly correlationId: number
  readonly clientId: string | null
}

interface HeaderFields {
  readonly requestApiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

/**
 * Reads the header where `reader` stands after the length; the body follows.
 * @throws MR_PROTOCOL_REQUEST_INVALID when it cannot be read or the API key is not known
 */
export function decodeRequestHeader(reader: ByteReader): DecodedRequestHeader {
  const start = reader.at
  try {
    const key = reader.int16()
    const version = reader.int16()
    const api = apiOf(key)
    if (api === undefined) throw new MillraceError('MR_BYTES_INVALID', `no API has the key ${key}`)
    reader.at = start
    const header = planOf(requestHeader, requestHeaderVersion(api, version)).read(reader) as HeaderFields
    return { api, version, correlationId: header.correlationId, clientId: header.clientId }
  } catch (error) {
    throw frameInvalid(error, requestHeader.name)
  }
}
