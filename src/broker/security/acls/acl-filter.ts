/** Which rules a filter of DescribeAcls or DeleteAcls means. */
import { operations } from '../../request-context.ts'
import { type Acl, ANY, patternTypes, permissions, resourceTypes, WILDCARD } from './acl.ts'

/** As on the wire; null stands for anything. */
export interface AclFilter {
  readonly resourceTypeFilter: number
  readonly resourceNameFilter: string | null
  readonly patternTypeFilter: number
  readonly principalFilter: string | null
  readonly hostFilter: string | null
  readonly operation: number
  readonly permissionType: number
}

/** Why a filter means nothing, or undefined. */
export function filterFault(filter: AclFilter): string | undefined {
  const { operation, patternTypeFilter, permissionType, resourceTypeFilter } = filter
  const known = (code: number, table: Readonly<Record<string, number>>): boolean =>
    code === ANY || Object.values(table).includes(code)
  if (!known(resourceTypeFilter, resourceTypes)) return `unknown resource type ${resourceTypeFilter}`
  if (!known(patternTypeFilter, patternTypes)) return `unknown pattern type ${patternTypeFilter}`
  if (!known(operation, operations)) return `unknown operation ${operation}`
  if (!known(permissionType, permissions)) return `unknown permission type ${permissionType}`
  return undefined
}

export function fitsFilter(acl: Acl, filter: AclFilter): boolean {
  const { hostFilter, operation, permissionType, principalFilter, resourceTypeFilter } = filter
  if (resourceTypeFilter !== ANY && resourceTypes[acl.type] !== resourceTypeFilter) return false
  if (operation !== ANY && operations[acl.operation] !== operation) return false
  if (permissionType !== ANY && permissions[acl.permission] !== permissionType) return false
  if (principalFilter !== null && acl.principal !== principalFilter) return false
  if (hostFilter !== null && acl.host !== hostFilter) return false
  return fitsName(acl, filter)
}

/** `match` asks which rules would be looked at for a resource of this name. */
function fitsName(acl: Acl, { patternTypeFilter, resourceNameFilter: name }: AclFilter): boolean {
  if (patternTypeFilter === patternTypes.literal || patternTypeFilter === patternTypes.prefixed) {
    return patternTypes[acl.pattern] === patternTypeFilter && (name === null || acl.name === name)
  }
  if (name === null || patternTypeFilter === patternTypes.any) return name === null || acl.name === name
  return acl.pattern === 'prefixed' ? name.startsWith(acl.name) : acl.name === name || acl.name === WILDCARD
}
