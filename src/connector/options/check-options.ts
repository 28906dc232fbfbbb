/** Checks what a user wrote against specifications: names first, then each value. */

import { suggestName } from '../../core/did-you-mean.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Checked, OptionFault, OptionSpecs, OptionValues } from './option.ts'

function faultsOfNames(specs: OptionSpecs, input: object, at: (name: string) => string): OptionFault[] {
  const faults: OptionFault[] = []
  for (const name of Object.keys(input)) {
    if (Object.hasOwn(specs, name)) continue
    const hint = suggestName(name, Object.keys(specs))
    faults.push({ path: at(name), message: `there is no option "${name}"`, hint })
  }
  return faults
}

/** All faults of the options at `path`, or their values. */
export function checkOptions<S extends OptionSpecs>(
  specs: S,
  input: unknown,
  path = '',
): Checked<OptionValues<S>> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return { faults: [{ path, message: `options must be an object, got ${describeInput(input)}` }] }
  }
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`)
  const faults = faultsOfNames(specs, input, at)
  const values: Record<string, unknown> = {}
  for (const [name, spec] of Object.entries(specs)) {
    const given = Object.hasOwn(input, name) ? (input as Record<string, unknown>)[name] : undefined
    if (given === undefined && spec.presence === 'required') {
      faults.push({ path: at(name), message: `option "${at(name)}" is missing`, hint: `Give ${spec.legal}.` })
      continue
    }
    const taken = given === undefined ? spec.default : given
    if (taken === undefined) {
      values[name] = undefined
      continue
    }
    const checked = spec.check(taken, at(name))
    if (checked.faults === undefined) values[name] = checked.value
    else faults.push(...checked.faults)
  }
  return faults.length === 0 ? { value: values as OptionValues<S> } : { faults }
}

/**
 * The values of the options of `owner`, such as `source "spool-directory"`.
 *
 * @throws MR_OPTION_INVALID that names every fault
 */
export function parseOptions<S extends OptionSpecs>(
  owner: string,
  specs: S,
  input: unknown,
): OptionValues<S> {
  const checked = checkOptions(specs, input)
  if (checked.faults !== undefined) throw optionError(owner, checked.faults)
  return checked.value
}

export function optionError(owner: string, faults: readonly OptionFault[]): MillraceError {
  const message = `${owner}: ${faults.map((fault) => fault.message).join('; ')}`
  const hints = [...new Set(faults.flatMap((fault) => (fault.hint === undefined ? [] : [fault.hint])))]
  return new MillraceError('MR_OPTION_INVALID', message, {
    context: { option: faults[0]?.path ?? '' },
    ...(hints.length === 0 ? {} : { hint: hints.join(' ') }),
  })
}

const TEXT_SHOWN_MAX = 60

/** A value as an error shows it: `"abc"`, `5`, `an object`. */
export function describeInput(input: unknown): string {
  if (typeof input === 'string') {
    return JSON.stringify(input.length > TEXT_SHOWN_MAX ? `${input.slice(0, TEXT_SHOWN_MAX)}…` : input)
  }
  if (input === null || ['number', 'boolean', 'undefined', 'bigint'].includes(typeof input))
    return String(input)
  return Array.isArray(input) ? 'a list' : typeof input === 'object' ? 'an object' : `a ${typeof input}`
}
