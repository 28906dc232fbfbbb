/**
 * What a field of a wire message is, and the TypeScript types that follow from a table of fields.
 *
 * A message is an ordered table `{ name: field }`. A field states only what differs from the usual: the
 * versions it came and went with, whether it may be null, its default, its tag. Two types are inferred
 * from a table: `ReadOf` (what decoding gives: every field is there) and `WriteOf` (what encoding takes:
 * a field may be left out when the table states a default, when not every version has it, or when it is tagged).
 */

export type ScalarKind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'float64'
  | 'string'
  | 'bytes'
  | 'records'
  | 'uuid'

export type FieldType =
  | { readonly kind: ScalarKind }
  | { readonly kind: 'array'; readonly element: FieldType }
  | { readonly kind: 'struct'; readonly fields: Fields }

/** What a table may state of a field; all of it may be left out. */
export interface FieldOptions<V> {
  /** The first version with the field; without it, the message's first. */
  readonly since?: number
  /** The last version with the field; without it, the message's last. */
  readonly until?: number
  /** May be null, in every version that has the field. */
  readonly nullable?: true
  /** May be null from this version on. */
  readonly nullableSince?: number
  /** Without it: zero, false, empty, the zero uuid; null for records; a struct of defaults. */
  readonly default?: V | null
  /** Its number in the tagged section; the message has to be flexible in every version of the field. */
  readonly tag?: number
  /** In a version without the field its value is dropped; without this, a value other than the default is an error. */
  readonly ignorable?: true
  /** Keeps the length prefix of the old form also in flexible versions. */
  readonly compact?: false
}

/** A field with everything filled in. */
export interface FieldSpec {
  readonly type: FieldType
  readonly since: number
  /** Infinity when the last version has it. */
  readonly until: number
  /** Infinity when it is never null. */
  readonly nullableSince: number
  readonly default: unknown
  readonly tag: number | undefined
  readonly ignorable: boolean
  readonly compact: boolean
}

/** The names under which a field's types are kept; they exist only for the compiler. */
declare const read: unique symbol
declare const write: unique symbol
declare const optional: unique symbol

export interface AnyField extends FieldSpec {
  readonly [read]: unknown
  readonly [write]: unknown
  readonly [optional]: boolean
}

export type Fields = Readonly<Record<string, AnyField>>

/** The options of a field that states none. */
export type NoOptions = Readonly<Record<never, never>>

type NullIn<O> = O extends { nullable: true } | { nullableSince: number } ? null : never

type OptionalIn<O> = O extends { default: unknown } | { since: number } | { until: number } | { tag: number }
  ? true
  : false

export interface ScalarField<R, W, O> extends FieldSpec {
  readonly [read]: R | NullIn<O>
  readonly [write]: W | NullIn<O>
  readonly [optional]: OptionalIn<O>
}

export interface ArrayField<E extends AnyField, O> extends FieldSpec {
  readonly [read]: readonly E[typeof read][] | NullIn<O>
  readonly [write]: readonly E[typeof write][] | NullIn<O>
  readonly [optional]: OptionalIn<O>
}

export interface StructField<F extends Fields, O> extends FieldSpec {
  readonly [read]: ReadOf<F> | NullIn<O>
  readonly [write]: WriteOf<F> | NullIn<O>
  readonly [optional]: OptionalIn<O>
}

/** What decoding a table of fields gives. */
export type ReadOf<F extends Fields> = { readonly [K in keyof F]: F[K][typeof read] }

/** What encoding a table of fields takes. */
export type WriteOf<F extends Fields> = {
  readonly [K in keyof F as F[K][typeof optional] extends true ? never : K]: F[K][typeof write]
} & {
  readonly [K in keyof F as F[K][typeof optional] extends true ? K : never]?: F[K][typeof write] | undefined
}
