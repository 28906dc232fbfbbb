/**
 * What a handler is: a function from a decoded request to the fields of its answer.
 *
 * A handler runs to its end before the next request is looked at. It answers at once where it can, and with a
 * promise where it has to wait (long poll, rebalance, disk sync). Bytes in a request are views of the
 * connection's memory and valid only until the handler returns: a handler that keeps them copies them.
 */
import type { AnyApi, RequestOf, ResponseInput, VersionRange } from '../../protocol/schema/message.ts'
import type { BrokerParts } from '../broker-parts.ts'
import type { RequestContext } from '../request-context.ts'

/** The answer to a request that the protocol leaves unanswered (Produce with `acks: 0`). */
export const noAnswer: unique symbol = Symbol('no answer')
/** Ends the connection without an answer, as Kafka does when an unacknowledged Produce fails. */
export const hangUp: unique symbol = Symbol('hang up')

export type Answer<A extends AnyApi> = ResponseInput<A> | typeof noAnswer | typeof hangUp

export interface Handler<A extends AnyApi = AnyApi> {
  readonly api: A
  /** The versions that are answered. */
  readonly versions: VersionRange
  /** The first version in the list of ApiVersions; below `versions` only to please old clients. */
  readonly announcedFrom: number
  /** Answered when asked, but not in the list of ApiVersions. */
  readonly hidden: boolean
  handle(broker: BrokerParts, context: RequestContext, request: RequestOf<A>): Answer<A> | Promise<Answer<A>>
}

export interface HandlerSpec<A extends AnyApi> {
  readonly api: A
  /** The stable versions of the API's table if not given. */
  readonly versions?: VersionRange
  readonly announcedFrom?: number
  readonly hidden?: true
  readonly handle: Handler<A>['handle']
}

export function defineHandler<A extends AnyApi>(spec: HandlerSpec<A>): Handler<A> {
  const versions = spec.versions ?? [spec.api.versions[0], spec.api.latestStable]
  return {
    api: spec.api,
    versions,
    announcedFrom: spec.announcedFrom ?? versions[0],
    hidden: spec.hidden === true,
    handle: spec.handle,
  }
}

/** An API as ApiVersions announces it. */
export interface ApiRange {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

export function announcedRanges(handlers: readonly Handler[]): readonly ApiRange[] {
  return handlers
    .filter(({ hidden }) => !hidden)
    .map(({ api, announcedFrom, versions }) => ({
      apiKey: api.key,
      minVersion: announcedFrom,
      maxVersion: versions[1],
    }))
}
