/**
 * Settings with Kafka's types: what a text means, which values are legal, how a value is written.
 *
 * Texts are read as Kafka reads them (surrounding blanks are cut off, `true` in any case). 64-bit numbers are
 * kept as numbers: those beyond 2^53, such as Kafka's default for "never", count as infinite.
 */
import { MillraceError } from '../core/errors.ts'
import { ErrorCodes } from '../protocol/error-codes.ts'

export type SettingType = 'boolean' | 'string' | 'int' | 'long' | 'double' | 'list'
export type SettingValue = boolean | string | number | readonly string[]

export interface Setting<T extends SettingValue = SettingValue> {
  readonly type: SettingType
  readonly default: T
  /** What the setting does, in a sentence or two. */
  readonly documentation: string
  /** The legal values for people: `1 or more`, `producer, gzip, …`. */
  readonly legal: string
  /** The value of a text. @throws MR_CONFIG_INVALID (INVALID_CONFIG) that names the setting */
  readonly parse: (text: string, name: string) => T
  /** Why a value is not legal, or undefined. */
  readonly validate: (value: T) => string | undefined
}

const LONG_MAX = 2n ** 63n - 1n
const INT_MAX = 2 ** 31 - 1

/** The error for a value that a setting does not take. */
export function invalidSetting(name: string, text: string, why: string): MillraceError {
  return new MillraceError('MR_CONFIG_INVALID', `"${text}" is not a value of ${name}: ${why}`, {
    where: name,
    context: { kafkaCode: ErrorCodes.INVALID_CONFIG, setting: name },
  })
}

interface Range {
  readonly min?: number
  readonly max?: number
  /** A value outside of the range that is legal too. */
  readonly or?: number
}

function rangeText({ min, max, or }: Range): string {
  const range =
    min === undefined && max === undefined
      ? 'any number'
      : max === undefined
        ? `${min} or more`
        : `${min} to ${max}`
  return or === undefined ? range : `${range}, or ${or}`
}

function numberSetting(
  type: 'int' | 'long' | 'double',
  fallback: number,
  range: Range,
  documentation: string,
  parse: (text: string) => number | undefined,
): Setting<number> {
  const legal = rangeText(range)
  const validate = (value: number): string | undefined => {
    if (value === range.or) return undefined
    const below = range.min !== undefined && !(value >= range.min)
    const above = range.max !== undefined && !(value <= range.max)
    return below || above ? `legal is ${legal}` : undefined
  }
  return {
    type,
    default: fallback,
    documentation,
    legal,
    validate,
    parse: (text, name) => {
      const value = parse(text.trim())
      const why = value === undefined ? `it is not a number of type ${type}` : validate(value)
      if (why !== undefined) throw invalidSetting(name, text, why)
      return value as number
    },
  }
}

function parseWhole(text: string, max: bigint): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text)
  if (value > max || value < -max - 1n) return undefined
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value)
}

/** A whole number of 32 bits. */
export const intSetting = (fallback: number, range: Range, documentation: string): Setting<number> =>
  numberSetting('int', fallback, { max: INT_MAX, ...range }, documentation, (text) =>
    parseWhole(text, BigInt(INT_MAX)),
  )

/** A whole number of 64 bits; infinite stands for 2^63 - 1. */
export const longSetting = (fallback: number, range: Range, documentation: string): Setting<number> =>
  numberSetting('long', fallback, range, documentation, (text) => parseWhole(text, LONG_MAX))

export const doubleSetting = (fallback: number, range: Range, documentation: string): Setting<number> =>
  numberSetting('double', fallback, range, documentation, (text) =>
    /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined,
  )

export const booleanSetting = (fallback: boolean, documentation: string): Setting<boolean> => ({
  type: 'boolean',
  default: fallback,
  documentation,
  legal: 'true or false',
  validate: () => undefined,
  parse: (text, name) => {
    const word = text.trim().toLowerCase()
    if (word !== 'true' && word !== 'false') throw invalidSetting(name, text, 'legal is true or false')
    return word === 'true'
  },
})

/** One of some words. */
export function choiceSetting<C extends string>(
  fallback: NoInfer<C>,
  choices: readonly C[],
  documentation: string,
): Setting<C> {
  const legal = choices.join(', ')
  return {
    type: 'string',
    default: fallback,
    documentation,
    legal,
    validate: (value) => (choices.includes(value) ? undefined : `legal is ${legal}`),
    parse: (text, name) => {
      const word = choices.find((choice) => choice === text.trim())
      if (word === undefined) throw invalidSetting(name, text, `legal is ${legal}`)
      return word
    },
  }
}

/** Words with commas between them; each counts once. Any words when `choices` is empty. */
export function listSetting(
  fallback: readonly string[],
  choices: readonly string[],
  documentation: string,
): Setting<readonly string[]> {
  const legal = choices.length === 0 ? 'a list' : `a list of ${choices.join(', ')}`
  const validate = (value: readonly string[]): string | undefined => {
    const wrong = choices.length === 0 ? undefined : value.find((word) => !choices.includes(word))
    return wrong === undefined ? undefined : `"${wrong}" is not one of ${choices.join(', ')}`
  }
  return {
    type: 'list',
    default: fallback,
    documentation,
    legal,
    validate,
    parse: (text, name) => {
      const words = text.split(',').map((word) => word.trim())
      const value = text.trim() === '' ? [] : [...new Set(words)]
      const why = validate(value)
      if (why !== undefined) throw invalidSetting(name, text, why)
      return value
    },
  }
}

/** A value as Kafka's tools show it. */
export function formatSetting(setting: Setting, value: SettingValue): string {
  if (setting.type === 'list') return (value as readonly string[]).join(',')
  if (setting.type === 'long' && value === Number.POSITIVE_INFINITY) return String(LONG_MAX)
  return String(value)
}
