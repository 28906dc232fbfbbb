/** What an aggregate tells of the result that a change replaces, where somebody below needs to know it. */
import { type AnyAggregator, snapshotOf } from './aggregator.ts'
import type { BeforeFlag } from './operator.ts'

/**
 * The result of a state that is about to change, null when there is none; undefined when nobody wants to know.
 * It shares nothing with the state, which may be changed in place.
 */
export function replacedResult(
  flag: BeforeFlag,
  { result }: Pick<AnyAggregator<unknown>, 'result'>,
  state: unknown,
): unknown {
  if (!flag.wanted) return undefined
  if (state === null || state === undefined) return null
  return result(snapshotOf(state)) ?? null
}
