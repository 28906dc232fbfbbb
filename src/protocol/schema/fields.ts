/** The words of which the tables are made: one builder per kind of field. */
import { invariant } from '../../core/invariant.ts'
import { implicitDefault } from './defaults.ts'
import type {
  AnyField,
  ArrayField,
  FieldOptions,
  FieldSpec,
  Fields,
  FieldType,
  NoOptions,
  ReadOf,
  ScalarField,
  ScalarKind,
  StructField,
} from './types.ts'

function specOf(type: FieldType, options: FieldOptions<unknown> = {}): FieldSpec {
  const since = options.since ?? 0
  const spec: FieldSpec = {
    type,
    since,
    until: options.until ?? Number.POSITIVE_INFINITY,
    nullableSince: options.nullable ? since : (options.nullableSince ?? Number.POSITIVE_INFINITY),
    default: options.default === undefined ? implicitDefault(type) : options.default,
    tag: options.tag,
    ignorable: options.ignorable ?? false,
    compact: options.compact ?? true,
  }
  invariant(spec.since <= spec.until, 'a field comes before it goes')
  invariant(
    spec.default !== null || spec.nullableSince !== Number.POSITIVE_INFINITY || type.kind === 'records',
    'only a nullable field has null as its default',
  )
  return spec
}

function scalar<R, W = R>(kind: ScalarKind) {
  return <const O extends FieldOptions<W> = NoOptions>(options?: O): ScalarField<R, W, O> =>
    specOf({ kind }, options) as ScalarField<R, W, O>
}

export const bool = scalar<boolean>('bool')
export const int8 = scalar<number>('int8')
export const int16 = scalar<number>('int16')
export const uint16 = scalar<number>('uint16')
export const int32 = scalar<number>('int32')
export const uint32 = scalar<number>('uint32')
export const int64 = scalar<bigint>('int64')
export const float64 = scalar<number>('float64')
export const string = scalar<string>('string')
/** Bytes; decoding gives a view of the frame, not a copy. */
export const bytes = scalar<Buffer, Uint8Array>('bytes')
/** Record batches; decoding gives a view of the frame, encoding can pass them on without a copy. */
export const records = scalar<Buffer, Uint8Array>('records')
/** 16 bytes; decoding gives a copy, because ids outlive the frame. */
export const uuid = scalar<Buffer, Uint8Array>('uuid')

/** A list of values of one kind: `array(int32())`, `array(struct({ … }), { since: 7 })`. */
export function array<E extends AnyField, const O extends FieldOptions<readonly []> = NoOptions>(
  element: E,
  options?: O,
): ArrayField<E, O> {
  invariant(
    element.since === 0 && element.tag === undefined && element.nullableSince === Number.POSITIVE_INFINITY,
    'the element of an array states no options',
  )
  return specOf({ kind: 'array', element: element.type }, options) as ArrayField<E, O>
}

/** A table inside a table. */
export function struct<F extends Fields, const O extends FieldOptions<ReadOf<F>> = NoOptions>(
  fields: F,
  options?: O,
): StructField<F, O> {
  return specOf({ kind: 'struct', fields }, options) as StructField<F, O>
}
