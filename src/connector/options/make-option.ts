/** How the kinds of options are made: a check of one value, and what settings say of presence. */
import { isMillraceError, MillraceError } from '../../core/errors.ts'
import { describeInput } from './check-options.ts'
import type { Checked, Option, OptionKind, Presence } from './option.ts'

/** `required: true`, or a `default`, or neither. */
export interface OptionSettings<Input> {
  readonly summary: string
  readonly required?: true
  readonly default?: Input
}

export type PresenceOf<S> = S extends { readonly required: true }
  ? 'required'
  : S extends { readonly default: unknown }
    ? 'defaulted'
    : 'optional'

export interface OptionParts<Input, Value> {
  readonly kind: OptionKind
  readonly legal: string
  readonly choices?: readonly string[]
  /** The value, or undefined for what is not legal. A MillraceError that is thrown gives the hint. */
  parse(input: Input): Value | undefined
}

export function makeOption<Input, Value, S extends OptionSettings<Input>>(
  settings: S,
  parts: OptionParts<Input, Value>,
): Option<Input, Value, PresenceOf<S>> {
  const { kind, legal, choices } = parts
  return {
    kind,
    legal,
    summary: settings.summary,
    presence: presenceOf(settings) as PresenceOf<S>,
    ...(settings.default === undefined ? {} : { default: settings.default }),
    ...(choices === undefined ? {} : { choices }),
    check: (input, path) => checkValue(parts, input as Input, path),
  }
}

export function presenceOf(settings: OptionSettings<unknown>): Presence {
  if (settings.required === true && settings.default !== undefined) {
    throw new MillraceError('MR_OPTION_INVALID', 'an option that is required has no default')
  }
  if (settings.required === true) return 'required'
  return settings.default === undefined ? 'optional' : 'defaulted'
}

function checkValue<Input, Value>(
  parts: OptionParts<Input, Value>,
  input: Input,
  path: string,
): Checked<Value> {
  const message = `option "${path}" must be ${parts.legal}, got ${describeInput(input)}`
  try {
    const value = parts.parse(input)
    return value === undefined ? { faults: [{ path, message }] } : { value }
  } catch (error) {
    if (!isMillraceError(error)) throw error
    return { faults: [{ path, message, ...(error.hint === undefined ? {} : { hint: error.hint }) }] }
  }
}
