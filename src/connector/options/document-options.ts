/** Options as data: what reference pages, forms and the REST interface print of them. */
import type { Json } from '../json.ts'
import type { Option, OptionKind, OptionSpecs } from './option.ts'

export interface OptionDocument {
  /** `deserializer` or, within a variant, `delimiter`. */
  readonly name: string
  readonly kind: OptionKind
  readonly required: boolean
  readonly default: Json
  readonly legal: string
  readonly summary: string
  readonly choices: readonly string[]
  readonly variants: readonly VariantDocument[]
}

export interface VariantDocument {
  readonly type: string
  readonly summary: string
  readonly options: readonly OptionDocument[]
}

/** One entry per option, in the order of the specification. */
export function documentOptions(specs: OptionSpecs): readonly OptionDocument[] {
  return Object.entries(specs).map(([name, option]) => documentOption(name, option))
}

function documentOption(name: string, option: Option): OptionDocument {
  const variants = Object.entries(option.variants ?? {}).map(([type, spec]) => ({
    type,
    summary: spec.summary,
    options: documentOptions(spec.options),
  }))
  return {
    name,
    kind: option.kind,
    required: option.presence === 'required',
    default: (option.default ?? null) as Json,
    legal: option.legal,
    summary: option.summary,
    choices: option.choices ?? [],
    variants,
  }
}
