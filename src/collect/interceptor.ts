/**
 * Interceptors: functions through which each event goes between source and channels, in order.
 *
 * An interceptor gives the event on, changed or not, or several, or none. When it throws, the row of the source
 * goes to the dead letters as a whole, whatever other interceptors had made of it.
 */
import type { EventBody, SourceEvent } from '../connector/index.ts'
import { MillraceError } from '../core/errors.ts'
import type { Clock } from '../platform/clock.ts'
import type { Random } from '../platform/random.ts'

/** Nothing drops the event. */
export type Intercepted = SourceEvent | readonly SourceEvent[] | undefined

/** Must be pure but for what its context gives: after a restart it sees the same events again. */
export type InterceptorFunction<Body extends EventBody = EventBody> = (
  event: SourceEvent<Body>,
) => Intercepted

export interface InterceptorContext {
  readonly clock: Clock
  readonly random: Random
  /** The machine on which the agent runs. */
  readonly host: { readonly name: string; readonly address: string }
}

/** An interceptor that needs to be made for each agent, or that has a name. */
export interface Interceptor {
  readonly name: string
  open(context: InterceptorContext): InterceptorFunction
}

/** An interceptor for bodies of a known type, such as rows of CSV; the source gives that type, nothing checks it. */
export function interceptor<Body extends EventBody>(
  name: string,
  run: InterceptorFunction<Body>,
): Interceptor {
  return { name, open: () => run as InterceptorFunction }
}

export interface NamedInterceptor {
  readonly name: string
  readonly run: InterceptorFunction
}

export function openInterceptors(
  interceptors: readonly (Interceptor | InterceptorFunction)[],
  context: InterceptorContext,
): readonly NamedInterceptor[] {
  return interceptors.map((given, index) =>
    typeof given === 'function'
      ? { name: given.name === '' ? `interceptor ${index + 1}` : given.name, run: given }
      : { name: given.name, run: given.open(context) },
  )
}

/** The events that come out of the chain, added to `into`. */
export function intercept(
  chain: readonly NamedInterceptor[],
  event: SourceEvent,
  into: SourceEvent[],
  from = 0,
): void {
  if (from === chain.length) {
    into.push(event)
    return
  }
  const { name, run } = chain[from]!
  const result = run(event)
  if (result === undefined) return
  if (Array.isArray(result)) {
    for (const one of result as readonly SourceEvent[]) intercept(chain, checked(name, one), into, from + 1)
  } else intercept(chain, checked(name, result as SourceEvent), into, from + 1)
}

/** Users without types may return anything; a promise is the likeliest. */
function checked(name: string, result: SourceEvent): SourceEvent {
  const fits =
    typeof result === 'object' &&
    result !== null &&
    typeof result.headers === 'object' &&
    result.body !== undefined
  if (fits) return result
  const what = result instanceof Promise ? 'a promise' : 'something that is not an event'
  throw new MillraceError('MR_FUNCTION_FAILED', `interceptor "${name}" returned ${what}`, {
    hint: 'Return { headers, body, … }, a list of such, or undefined to drop the event; nothing asynchronous.',
  })
}
