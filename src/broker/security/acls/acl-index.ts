/**
 * Rules by what they are about, so that a question looks only at those that can answer it: the rules with exactly
 * the name, those with `*`, and one lookup per length of the prefixes there are.
 */
import type { Resource } from '../../request-context.ts'
import { type Acl, WILDCARD } from './acl.ts'

class TypeRules {
  readonly literal = new Map<string, Acl[]>()
  readonly prefixed = new Map<string, Acl[]>()
  /** Of the prefixes, shortest first. */
  private readonly prefixLengths = new Set<number>()
  private sortedLengths: readonly number[] | undefined

  add(acl: Acl): void {
    const byName = acl.pattern === 'literal' ? this.literal : this.prefixed
    const rules = byName.get(acl.name)
    if (rules === undefined) byName.set(acl.name, [acl])
    else rules.push(acl)
    if (acl.pattern === 'literal') return
    this.prefixLengths.add(acl.name.length)
    this.sortedLengths = undefined
  }

  forEach(name: string, take: (acl: Acl) => void): void {
    this.literal.get(name)?.forEach(take)
    if (name !== WILDCARD) this.literal.get(WILDCARD)?.forEach(take)
    this.sortedLengths ??= [...this.prefixLengths].sort((a, b) => a - b)
    for (const length of this.sortedLengths) {
      if (length > name.length) return
      this.prefixed.get(name.slice(0, length))?.forEach(take)
    }
  }
}

export class AclIndex {
  private readonly types = new Map<Resource['type'], TypeRules>()

  constructor(acls: Iterable<Acl>) {
    for (const acl of acls) {
      const rules = this.types.get(acl.type) ?? new TypeRules()
      this.types.set(acl.type, rules)
      rules.add(acl)
    }
  }

  /** Calls `take` with each rule about a resource. */
  forEach({ type, name }: Resource, take: (acl: Acl) => void): void {
    this.types.get(type)?.forEach(name, take)
  }

  /** All rules about resources of a type. */
  ofType(type: Resource['type']): readonly Acl[] {
    const rules = this.types.get(type)
    return rules === undefined ? [] : [...rules.literal.values(), ...rules.prefixed.values()].flat()
  }
}
