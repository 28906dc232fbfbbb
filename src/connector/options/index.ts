/** Specifications of options: `option.path({ required: true, summary: '…' })`. */
import { list, variant } from './compound-options.ts'
import { boolean, choice, duration, number, path, pattern, size, text } from './scalar-options.ts'

export const option = { text, path, number, boolean, choice, duration, size, pattern, list, variant } as const

export { suggestName } from '../../core/did-you-mean.ts'
export { checkOptions, optionError, parseOptions } from './check-options.ts'
export { documentOptions, type OptionDocument, type VariantDocument } from './document-options.ts'
export type {
  Checked,
  Option,
  OptionFault,
  OptionInputs,
  OptionKind,
  OptionSpecs,
  OptionValues,
  Presence,
  VariantSpec,
} from './option.ts'
