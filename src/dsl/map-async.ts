/** Asking something outside for each record. `Stream.mapAsync` is its face. */
import { type Duration, durationMs } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'
import { json, type Serde, type SerdeOrSchema, serdeOf } from '../core/serde.ts'
import type { Asker, AsyncCall, RetryRule } from '../operators/async-call.ts'
import { type MapAsyncOptions, mapAsyncOperator } from '../operators/map-async.ts'
import type { FailurePolicy, OperatorSpec } from '../operators/operator.ts'
import { checkChoice, failurePolicies } from './check-choice.ts'
import { repartitionFor } from './repartition.ts'
import { type NameOption, Stream } from './stream.ts'

/** How often a record is tried, and with which pauses. */
export interface RetryOptions {
  /** Attempts in all, the first one counted: a whole number from 1. */
  readonly attempts: number
  /** The pause after the first failure; it doubles with each. Default 100 ms. */
  readonly backoff?: Duration
  /** The longest pause. Default 10 seconds. */
  readonly backoffMax?: Duration
  /** False for an error that another attempt cannot mend. Default: all are tried again. */
  readonly when?: (error: unknown) => boolean
}

export interface ParkOptions {
  /** The pause between two attempts at a parked record; `never`: only when somebody decides so. Default 1 minute. */
  readonly retry?: Duration | 'never'
  /** Records in parked keys that a task holds before it takes no more of any key. Default 10,000. */
  readonly recordsMax?: number
}

/** How something outside is asked; for each record, or for what it is joined with. */
export interface AskOptions<V> extends NameOption {
  /** Calls under way at a time, in each task: a whole number from 1. Default 100. */
  readonly concurrency?: number
  /**
   * How long one attempt may take. Default 30 seconds.
   */
  readonly timeout?: Duration
  /** Default: one attempt. */
  readonly retry?: RetryOptions
  /** Records that wait in a task before it takes no more: from 1. Default: ten times the concurrency, at least 1000. */
  readonly waitingMax?: number
  /** How values are kept while they wait. Default: JSON. */
  readonly value?: SerdeOrSchema<V>
}

/** In which order the answers come out, and what happens to a record that fails for good. */
export type AnswerOptions =
  | {
      /**
       * `kept` (default): as the records came. `none`: as the answers come. `per-key`: as the records of each key came,
       * and one record of a key is asked for at a time.
       */
      readonly order?: 'kept' | 'none'
      /** Default: the rule of the record's source. */
      readonly onFailure?: FailurePolicy
    }
  | {
      readonly order: 'per-key'
      /** `park`: the key waits until the record succeeds, or somebody decides about it. Default: the source's rule. */
      readonly onFailure?: FailurePolicy | 'park'
      readonly park?: ParkOptions
    }

export type MapAsyncFunction<K, V, W> = (value: V, key: K, call: AsyncCall) => W | PromiseLike<W>

const CONCURRENCY = 100
const WAITING_MIN = 1000
const PARKED_RECORDS_MAX = 10_000

export function mapAsync<K, V, W>(
  stream: Stream<K, V>,
  fn: MapAsyncFunction<K, V, W>,
  options: AskOptions<V> & AnswerOptions,
): Stream<K, W> {
  const name = options.name ?? `${stream.origin.sources.join('-')}-map-async`
  const ask = fn as (value: unknown, key: unknown, call: AsyncCall) => unknown
  return addAsking(stream, name, 'map-async', options, () => ({ ask }))
}

/** An operator that asks. Records move by key first where their order per key is to be kept. */
export function addAsking<K, V, W>(
  stream: Stream<K, V>,
  name: string,
  kind: string,
  options: AskOptions<V> & AnswerOptions,
  open: () => Asker,
): Stream<K, W> {
  const spec = askingOperator(stream.keySerde as Serde<unknown>, name, kind, options, open)
  const { graph, origin, keySerde } = stream
  const input = spec.keyed ? repartitionFor(stream, name) : stream
  const node = graph.add({ kind: 'operator', name, spec, inputs: [input.node] })
  return new Stream<K, W>(graph, node, keySerde, {
    sources: origin.sources,
    rekeyed: spec.keyed ? false : origin.rekeyed,
  })
}

function askingOperator<V>(
  keySerde: Serde<unknown>,
  name: string,
  kind: string,
  options: AskOptions<V> & AnswerOptions,
  open: () => Asker,
): OperatorSpec {
  const concurrency = wholeNumber(name, 'concurrency', options.concurrency ?? CONCURRENCY)
  const order = checkChoice(`order of "${name}"`, options.order ?? 'kept', ['kept', 'per-key', 'none'])
  if (options.onFailure !== undefined)
    checkChoice(`onFailure of "${name}"`, options.onFailure, [...failurePolicies, 'park'])
  if (options.onFailure === 'park' && order !== 'per-key')
    throw new MillraceError('MR_PLAN_INVALID', `"${name}" parks keys and does not keep the order per key`, {
      hint: "Say order: 'per-key'.",
    })
  const park = options.order === 'per-key' ? (options.park ?? {}) : {}
  const settings: MapAsyncOptions = {
    kind,
    store: name,
    keySerde,
    valueSerde: options.value === undefined ? json<unknown>() : (serdeOf(options.value) as Serde<unknown>),
    order,
    concurrency,
    waitingMax: wholeNumber(
      name,
      'waitingMax',
      options.waitingMax ?? Math.max(WAITING_MIN, 10 * concurrency),
    ),
    timeoutMs: durationMs(options.timeout ?? '30 seconds', `timeout of "${name}"`),
    retry: retryRule(name, options.retry),
    onFailure: options.onFailure,
    park: {
      retryMs:
        park.retry === 'never'
          ? Number.POSITIVE_INFINITY
          : durationMs(park.retry ?? '1 minute', `park.retry of "${name}"`),
      recordsMax: wholeNumber(name, 'park.recordsMax', park.recordsMax ?? PARKED_RECORDS_MAX),
    },
    open,
  }
  return mapAsyncOperator(settings)
}

function retryRule(name: string, options: RetryOptions = { attempts: 1 }): RetryRule {
  return {
    attemptsMax: wholeNumber(name, 'retry.attempts', options.attempts),
    backoffMs: durationMs(options.backoff ?? '100 ms', `retry.backoff of "${name}"`),
    backoffMaxMs: durationMs(options.backoffMax ?? '10 seconds', `retry.backoffMax of "${name}"`),
    when: options.when ?? (() => true),
  }
}

/** @throws MR_PLAN_INVALID for anything but a whole number from 1 */
export function wholeNumber(name: string, option: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new MillraceError('MR_PLAN_INVALID', `${option} of "${name}" is ${value}, not a whole number from 1`)
}
