/**
 * Who may do what, as Kafka's StandardAuthorizer decides it:
 *
 * 1. Super users may do everything.
 * 2. A rule that denies wins over all that allow.
 * 3. A rule that allows READ, WRITE, DELETE or ALTER allows DESCRIBE, one that allows ALTER_CONFIGS allows
 *    DESCRIBE_CONFIGS; what is denied implies nothing.
 * 4. What no rule allows is refused, but for `allow.everyone.if.no.acl.found` where no rule is about the resource.
 */
import type { Operation, Principal, Resource } from '../../request-context.ts'
import { type Acl, WILDCARD } from './acl.ts'
import type { AclIndex } from './acl-index.ts'

export interface Asking {
  readonly principal: Principal
  readonly clientHost: string
}

export interface AuthorizerRules {
  /** As `User:alice`. */
  readonly superUsers: ReadonlySet<string>
  readonly allowIfNoAcl: boolean
}

const impliedBy: Readonly<Partial<Record<Operation, ReadonlySet<Operation>>>> = {
  describe: new Set(['read', 'write', 'delete', 'alter']),
  describeConfigs: new Set(['alterConfigs']),
}

export const principalText = ({ type, name }: Principal): string => `${type}:${name}`

/** `User:alice;User:bob`, or undefined where a part is not a principal. */
export function parsePrincipals(text: string): ReadonlySet<string> | undefined {
  const parts = text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  return parts.every((part) => /^[^:]+:.+$/.test(part)) ? new Set(parts) : undefined
}

export class StandardAuthorizer {
  private readonly rules: AuthorizerRules
  index: AclIndex

  constructor(rules: AuthorizerRules, index: AclIndex) {
    this.rules = rules
    this.index = index
  }

  allows({ principal, clientHost }: Asking, operation: Operation, resource: Resource): boolean {
    const who = principalText(principal)
    if (this.rules.superUsers.has(who)) return true
    const everybody = `${principal.type}:${WILDCARD}`
    let found = false
    let allowed = false
    let denied = false
    this.index.forEach(resource, (acl) => {
      found = true
      if (!isAbout(acl, who, everybody, clientHost)) return
      if (acl.permission === 'deny') denied ||= acl.operation === operation || acl.operation === 'all'
      else allowed ||= isAllowedBy(acl, operation)
    })
    if (denied) return false
    return allowed || (!found && this.rules.allowIfNoAcl)
  }

  /**
   * Is there any resource of the type, whether it exists or not, with which this may be done? Rules that deny count
   * where they cover all that a rule allows.
   */
  allowsAny({ principal, clientHost }: Asking, operation: Operation, type: Resource['type']): boolean {
    const who = principalText(principal)
    if (this.rules.superUsers.has(who)) return true
    const everybody = `${principal.type}:${WILDCARD}`
    const about = this.index.ofType(type).filter((acl) => isAbout(acl, who, everybody, clientHost))
    const denials = about.filter(
      ({ operation: denied, permission }) =>
        permission === 'deny' && (denied === operation || denied === 'all'),
    )
    if (denials.some(({ name, pattern }) => pattern === 'literal' && name === WILDCARD)) return false
    if (this.rules.allowIfNoAcl) return true
    return about.some(
      (acl) =>
        acl.permission === 'allow' &&
        isAllowedBy(acl, operation) &&
        !denials.some((denial) => covers(denial, acl)),
    )
  }
}

function isAbout(acl: Acl, who: string, everybody: string, host: string): boolean {
  return (
    (acl.principal === who || acl.principal === everybody) && (acl.host === WILDCARD || acl.host === host)
  )
}

function isAllowedBy({ operation: allowed }: Acl, operation: Operation): boolean {
  return allowed === operation || allowed === 'all' || impliedBy[operation]?.has(allowed) === true
}

/** Is a rule about everything that the other is about? */
function covers(denial: Acl, { name, pattern }: Acl): boolean {
  if (denial.pattern === 'literal') return pattern === 'literal' && denial.name === name
  return !(pattern === 'literal' && name === WILDCARD) && name.startsWith(denial.name)
}
