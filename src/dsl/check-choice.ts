/**
 * Checks of what the compiler checks too. Node runs a configuration without its types, so that a misspelt word that
 * nobody has compiled comes to here.
 */
import { suggestName } from '../core/did-you-mean.ts'
import { MillraceError } from '../core/errors.ts'

/** The value itself. @throws MR_PLAN_INVALID when it is none of the legal words */
export function checkChoice<T extends string>(what: string, value: T, legal: readonly string[]): T {
  if (legal.includes(value)) return value
  const shown = typeof value === 'string' ? `"${String(value)}"` : String(value)
  throw new MillraceError('MR_PLAN_INVALID', `${what} is ${shown}, which means nothing`, {
    hint: suggestName(String(value), legal),
  })
}

/** What may become of a record that fails. */
export const failurePolicies = ['fail', 'dead-letter', 'skip'] as const
