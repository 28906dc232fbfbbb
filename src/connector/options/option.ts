/**
 * What an option of a connector is: how it is checked, what it becomes, and what its reference page says.
 *
 * One specification serves the type of the config file, the check of values that come over REST, forms, and docs.
 * A check never throws and never stops at the first fault: a form wants them all.
 */

/** `optional` has neither a value that must be given nor one that is taken instead. */
export type Presence = 'required' | 'defaulted' | 'optional'

export type OptionKind =
  | 'text'
  | 'number'
  | 'boolean'
  | 'choice'
  | 'duration'
  | 'size'
  | 'path'
  | 'pattern'
  | 'list'
  | 'variant'

export interface OptionFault {
  /** `deserializer.delimiter`; empty for the options as a whole. */
  readonly path: string
  /** What is wrong: lower case, values quoted. */
  readonly message: string
  readonly hint?: string
}

export type Checked<Value> =
  | { readonly value: Value; readonly faults?: undefined }
  | { readonly faults: readonly OptionFault[] }

export interface Option<Input = unknown, Value = unknown, P extends Presence = Presence> {
  readonly kind: OptionKind
  /** One sentence for the reference page. */
  readonly summary: string
  readonly presence: P
  /** What is taken when the option is not given. */
  readonly default?: Input
  /** What may be written: `a duration such as 500ms`. */
  readonly legal: string
  /** The values of a choice, with what each means if that is not plain. */
  readonly choices?: readonly string[]
  /** The options of each form of a variant. */
  readonly variants?: Readonly<Record<string, VariantSpec>>
  /** `path` is where the value stands, for faults. */
  check(input: unknown, path: string): Checked<Value>
}

export type OptionSpecs = Readonly<Record<string, Option>>

export interface VariantSpec {
  readonly summary: string
  readonly options: OptionSpecs
}

type InputOf<O> = O extends Option<infer Input> ? Input : never
type RequiredNames<S extends OptionSpecs> = {
  [Name in keyof S]: S[Name] extends Option<unknown, unknown, 'required'> ? Name : never
}[keyof S]

type Simplify<T> = { [Name in keyof T]: T[Name] }

/** What a user writes for these options. */
export type OptionInputs<S extends OptionSpecs> = Simplify<
  { readonly [Name in RequiredNames<S>]: InputOf<S[Name]> } & {
    readonly [Name in Exclude<keyof S, RequiredNames<S>>]?: InputOf<S[Name]> | undefined
  }
>

/** What a connector gets of these options: checked, with defaults, durations in ms and sizes in bytes. */
export type OptionValues<S extends OptionSpecs> = Simplify<{
  readonly [Name in keyof S]: S[Name] extends Option<unknown, infer Value, infer P>
    ? P extends 'optional'
      ? Value | undefined
      : Value
    : never
}>

export type VariantSpecs = Readonly<Record<string, VariantSpec>>

/** What a user writes for a variant: `{ type: 'csv', delimiter: ';' }`. */
export type VariantInput<V extends VariantSpecs> = {
  [Type in keyof V & string]: Simplify<{ readonly type: Type } & OptionInputs<V[Type]['options']>>
}[keyof V & string]

export type VariantValue<V extends VariantSpecs> = {
  [Type in keyof V & string]: Simplify<{ readonly type: Type } & OptionValues<V[Type]['options']>>
}[keyof V & string]
