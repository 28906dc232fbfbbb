/** Which fields of a struct one version has, in the order in which they stand on the wire. */
import type { FieldSpec, Fields, FieldType } from './types.ts'

/** One version of a message, as the compilers see it. */
export interface Form {
  readonly version: number
  readonly flexible: boolean
}

export interface NamedField {
  readonly name: string
  readonly spec: FieldSpec
}

export interface StructLayout {
  /** In the order of the table. */
  readonly plain: readonly NamedField[]
  /** By tag, ascending. */
  readonly tagged: readonly NamedField[]
  /** Fields that this version does not have. */
  readonly absent: readonly NamedField[]
}

export function layoutOf(fields: Fields, form: Form): StructLayout {
  const plain: NamedField[] = []
  const tagged: NamedField[] = []
  const absent: NamedField[] = []
  for (const name of Object.keys(fields)) {
    const spec = fields[name]!
    const here = form.version >= spec.since && form.version <= spec.until
    const list = here ? (spec.tag === undefined ? plain : tagged) : absent
    list.push({ name, spec })
  }
  tagged.sort((a, b) => a.spec.tag! - b.spec.tag!)
  return { plain, tagged, absent }
}

export function isNullable(spec: FieldSpec, form: Form): boolean {
  return form.version >= spec.nullableSince
}

const fixedBytes: Readonly<Record<string, number>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  float64: 8,
  uuid: 16,
}

/** The fewest bytes that a value of the type takes: what an announced array length is held against. */
export function bytesMin(type: FieldType, form: Form, compact: boolean): number {
  const prefixIsCompact = form.flexible && compact
  switch (type.kind) {
    case 'string':
      return prefixIsCompact ? 1 : 2
    case 'bytes':
    case 'records':
    case 'array':
      return prefixIsCompact ? 1 : 4
    case 'struct': {
      const tagSection = form.flexible ? 1 : 0
      return layoutOf(type.fields, form).plain.reduce(
        (sum, { spec }) => sum + fieldBytesMin(spec, form),
        tagSection,
      )
    }
    default:
      return fixedBytes[type.kind]!
  }
}

function fieldBytesMin(spec: FieldSpec, form: Form): number {
  // A struct that may be null is a byte that says so.
  if (spec.type.kind === 'struct' && isNullable(spec, form)) return 1
  return bytesMin(spec.type, form, spec.compact)
}
