/** Options of one value. */

import { suggestName } from '../../core/did-you-mean.ts'
import { type Duration, durationMs } from '../../core/duration.ts'
import { MillraceError, messageOf } from '../../core/errors.ts'
import { type Size, sizeBytes } from '../../core/size.ts'
import { makeOption, type OptionSettings, type PresenceOf } from './make-option.ts'
import type { Option } from './option.ts'

interface Bounds {
  /** The smallest and the largest legal value. */
  readonly min?: number
  readonly max?: number
}

/** A text; not empty unless `empty: true`. */
export function text<const S extends OptionSettings<string> & { readonly empty?: true }>(
  settings: S,
): Option<string, string, PresenceOf<S>> {
  const empty = settings.empty === true
  return makeOption<string, string, S>(settings, {
    kind: 'text',
    legal: empty ? 'a text' : 'a text that is not empty',
    parse: (input) => (typeof input === 'string' && (empty || input !== '') ? input : undefined),
  })
}

/** A path on the machine's disk; a relative one starts at the configuration file. */
export function path<const S extends OptionSettings<string>>(
  settings: S,
): Option<string, string, PresenceOf<S>> {
  return makeOption<string, string, S>(settings, {
    kind: 'path',
    legal: 'a path',
    parse: (input) =>
      typeof input === 'string' && input !== '' && !input.includes('\0') ? input : undefined,
  })
}

/** A whole number. */
export function number<const S extends OptionSettings<number> & Bounds>(
  settings: S,
): Option<number, number, PresenceOf<S>> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = settings
  return makeOption<number, number, S>(settings, {
    kind: 'number',
    legal: `a whole number${boundsText(settings, String)}`,
    parse: (input) => (Number.isSafeInteger(input) && input >= min && input <= max ? input : undefined),
  })
}

export function boolean<const S extends OptionSettings<boolean>>(
  settings: S,
): Option<boolean, boolean, PresenceOf<S>> {
  return makeOption<boolean, boolean, S>(settings, {
    kind: 'boolean',
    legal: 'true or false',
    parse: (input) => (typeof input === 'boolean' ? input : undefined),
  })
}

/** One of a few texts. */
export function choice<
  const Choices extends readonly [string, ...string[]],
  const S extends OptionSettings<Choices[number]>,
>(choices: Choices, settings: S): Option<Choices[number], Choices[number], PresenceOf<S>> {
  return makeOption<Choices[number], Choices[number], S>(settings, {
    kind: 'choice',
    choices,
    legal: `one of ${choices.join(', ')}`,
    parse(input) {
      if (choices.includes(input)) return input
      const hint = typeof input === 'string' ? suggestName(input, choices) : `Legal: ${choices.join(', ')}.`
      throw new MillraceError('MR_OPTION_INVALID', 'not a choice', { hint })
    },
  })
}

/** A duration; the value is in milliseconds. `min` and `max` are in milliseconds. */
export function duration<const S extends OptionSettings<Duration> & Bounds>(
  settings: S,
): Option<Duration, number, PresenceOf<S>> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = settings
  return makeOption<Duration, number, S>(settings, {
    kind: 'duration',
    legal: `a duration such as 500ms or 30s${boundsText(settings, (ms) => `${ms}ms`)}`,
    parse(input) {
      if (typeof input !== 'string' && typeof input !== 'number') return undefined
      const ms = durationMs(input)
      return ms >= min && ms <= max ? ms : undefined
    },
  })
}

/** A size; the value is in bytes. `min` and `max` are in bytes. */
export function size<const S extends OptionSettings<Size> & Bounds>(
  settings: S,
): Option<Size, number, PresenceOf<S>> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = settings
  return makeOption<Size, number, S>(settings, {
    kind: 'size',
    legal: `a size such as 64KiB or 1MB${boundsText(settings, (bytes) => `${bytes} bytes`)}`,
    parse(input) {
      if (typeof input !== 'string' && typeof input !== 'number') return undefined
      const bytes = sizeBytes(input)
      return bytes >= min && bytes <= max ? bytes : undefined
    },
  })
}

/** A regular expression; the value is the expression, with flag `u`. */
export function pattern<const S extends OptionSettings<string>>(
  settings: S,
): Option<string, RegExp, PresenceOf<S>> {
  return makeOption<string, RegExp, S>(settings, {
    kind: 'pattern',
    legal: 'a regular expression',
    parse(input) {
      if (typeof input !== 'string') return undefined
      try {
        return new RegExp(input, 'u')
      } catch (cause) {
        throw new MillraceError('MR_OPTION_INVALID', 'not a pattern', { hint: `${messageOf(cause)}.`, cause })
      }
    },
  })
}

function boundsText({ min, max }: Bounds, show: (value: number) => string): string {
  if (min !== undefined && max !== undefined) return ` from ${show(min)} to ${show(max)}`
  if (min !== undefined) return ` of at least ${show(min)}`
  return max === undefined ? '' : ` of at most ${show(max)}`
}
