/**
 * Messages and APIs: a table of fields with its versions.
 *
 * `defineMessage` is one encoding with versions (a coordinator's record, the consumer protocol);
 * `defineApi` is a request and its response under one API key. Readers and writers are compiled on first
 * use, per message and version (`plan.ts`), and kept in `plans`.
 */
import { invariant } from '../../core/invariant.ts'
import type { MessagePlan } from './plan.ts'
import type { Fields, FieldType, ReadOf, WriteOf } from './types.ts'

/** First and last version, both included. */
export type VersionRange = readonly [first: number, last: number]

export interface Message<F extends Fields = Fields> {
  readonly name: string
  readonly versions: VersionRange
  /** The first version with compact lengths and tagged fields; Infinity when there is none. */
  readonly flexibleFrom: number
  readonly fields: F
  /** What was compiled so far, by version. */
  readonly plans: (MessagePlan | undefined)[]
}

export interface MessageSpec<F extends Fields> {
  readonly name: string
  readonly versions: VersionRange
  readonly flexibleFrom: number | 'never'
  readonly fields: F
}

export interface Api<Q extends Fields = Fields, P extends Fields = Fields> {
  readonly key: number
  /** Kafka's name of the API, without `Request`. */
  readonly name: string
  readonly versions: VersionRange
  /** The last version that is not under development: what a broker announces by default. */
  readonly latestStable: number
  readonly flexibleFrom: number
  readonly request: Message<Q>
  readonly response: Message<P>
}

export interface ApiSpec<Q extends Fields, P extends Fields> {
  readonly key: number
  readonly name: string
  readonly versions: VersionRange
  readonly latestStable?: number
  readonly flexibleFrom: number | 'never'
  readonly request: Q
  readonly response: P
}

export type AnyApi = Api
export type AnyMessage = Message

/** What decoding a message gives. */
export type ValueOf<M extends AnyMessage> = ReadOf<M['fields']>
/** What encoding a message takes. */
export type InputOf<M extends AnyMessage> = WriteOf<M['fields']>
/** A decoded request of an API. */
export type RequestOf<A extends AnyApi> = ReadOf<A['request']['fields']>
/** A decoded response of an API. */
export type ResponseOf<A extends AnyApi> = ReadOf<A['response']['fields']>
/** A request as the caller writes it: fields with a default may be left out. */
export type RequestInput<A extends AnyApi> = WriteOf<A['request']['fields']>
/** A response as a handler writes it. */
export type ResponseInput<A extends AnyApi> = WriteOf<A['response']['fields']>

const DEPTH_MAX = 8

/** Refuses tables that could not be encoded: they are checked once, when they are defined. */
function checkFields(fields: Fields, flexibleFrom: number, depth: number): void {
  invariant(depth <= DEPTH_MAX, 'a message is not nested deeper than any of Kafka')
  const tags = new Set<number>()
  for (const spec of Object.values(fields)) {
    if (spec.tag !== undefined) {
      invariant(spec.since >= flexibleFrom, 'a tagged field exists in flexible versions only')
      invariant(!tags.has(spec.tag), 'a tag is given once per struct')
      tags.add(spec.tag)
    }
    let type: FieldType = spec.type
    while (type.kind === 'array') type = type.element
    if (type.kind === 'struct') checkFields(type.fields, flexibleFrom, depth + 1)
  }
}

export function defineMessage<F extends Fields>(spec: MessageSpec<F>): Message<F> {
  const flexibleFrom = spec.flexibleFrom === 'never' ? Number.POSITIVE_INFINITY : spec.flexibleFrom
  invariant(spec.versions[0] <= spec.versions[1], 'a message has at least one version')
  checkFields(spec.fields, flexibleFrom, 1)
  return { name: spec.name, versions: spec.versions, flexibleFrom, fields: spec.fields, plans: [] }
}

export function defineApi<Q extends Fields, P extends Fields>(spec: ApiSpec<Q, P>): Api<Q, P> {
  const { key, name, versions, flexibleFrom } = spec
  const request = defineMessage({ name: `${name}Request`, versions, flexibleFrom, fields: spec.request })
  const response = defineMessage({ name: `${name}Response`, versions, flexibleFrom, fields: spec.response })
  return {
    key,
    name,
    versions,
    latestStable: spec.latestStable ?? versions[1],
    flexibleFrom: request.flexibleFrom,
    request,
    response,
  }
}
