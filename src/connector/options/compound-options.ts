/** Options made of others. */

import { suggestName } from '../../core/did-you-mean.ts'
import { checkOptions, describeInput } from './check-options.ts'
import { makeOption, type OptionSettings, type PresenceOf, presenceOf } from './make-option.ts'
import type { Checked, Option, OptionFault, VariantInput, VariantSpecs, VariantValue } from './option.ts'

/** A list of values of one kind; the summary and presence of `item` do not count. */
export function list<Input, Value, const S extends OptionSettings<readonly Input[]>>(
  item: Option<Input, Value>,
  settings: S,
): Option<readonly Input[], readonly Value[], PresenceOf<S>> {
  const legal = `a list, each ${item.legal}`
  const made = makeOption<readonly Input[], readonly Value[], S>(settings, {
    kind: 'list',
    legal,
    parse: () => undefined,
  })
  return {
    ...made,
    check(input, path) {
      if (!Array.isArray(input)) {
        return {
          faults: [{ path, message: `option "${path}" must be ${legal}, got ${describeInput(input)}` }],
        }
      }
      const faults: OptionFault[] = []
      const values: Value[] = []
      for (const [index, element] of input.entries()) {
        const checked = item.check(element, `${path}[${index}]`)
        if (checked.faults === undefined) values.push(checked.value)
        else faults.push(...checked.faults)
      }
      return faults.length === 0 ? { value: values } : { faults }
    },
  }
}

/** One of several forms, told apart by `type`, each with options of its own. */
export function variant<const V extends VariantSpecs, const S extends OptionSettings<VariantInput<V>>>(
  variants: V,
  settings: S,
): Option<VariantInput<V>, VariantValue<V>, PresenceOf<S>> {
  const types = Object.keys(variants)
  return {
    kind: 'variant',
    summary: settings.summary,
    presence: presenceOf(settings) as PresenceOf<S>,
    ...(settings.default === undefined ? {} : { default: settings.default }),
    legal: `an object with type ${types.join(', ')}`,
    variants,
    check: (input, path) => checkVariant(variants, types, input, path),
  }
}

function checkVariant<V extends VariantSpecs>(
  variants: V,
  types: readonly string[],
  input: unknown,
  path: string,
): Checked<VariantValue<V>> {
  const given = typeof input === 'object' && input !== null ? (input as { readonly type?: unknown }) : {}
  const { type, ...rest } = given
  const variantSpec = typeof type === 'string' && Object.hasOwn(variants, type) ? variants[type] : undefined
  if (variantSpec === undefined) {
    const message = `option "${path}" must have a type of ${types.join(', ')}, got ${describeInput(type ?? input)}`
    const hint = typeof type === 'string' ? { hint: suggestName(type, types) } : {}
    return { faults: [{ path: `${path}.type`, message, ...hint }] }
  }
  const checked = checkOptions(variantSpec.options, rest, path)
  if (checked.faults !== undefined) return checked
  return { value: { type, ...checked.value } as VariantValue<V> }
}
