/** Access rights (ACLs). A filter leaves out what does not matter. */
import { createAcls } from '../../protocol/apis/create-acls.ts'
import { deleteAcls } from '../../protocol/apis/delete-acls.ts'
import { describeAcls } from '../../protocol/apis/describe-acls.ts'
import { checkAnswer } from '../errors.ts'
import { type AdminContext, askAny, askController } from './context.ts'

/** In the order of their numbers; the first two stand for unknown and any. */
const resourceTypes = [
  'unknown',
  'any',
  'topic',
  'group',
  'cluster',
  'transactional-id',
  'delegation-token',
  'user',
] as const
const patternTypes = ['unknown', 'any', 'match', 'literal', 'prefixed'] as const
const operations = [
  'unknown',
  'any',
  'all',
  'read',
  'write',
  'create',
  'delete',
  'alter',
  'describe',
  'cluster-action',
  'describe-configs',
  'alter-configs',
  'idempotent-write',
  'create-tokens',
  'describe-tokens',
  'two-phase-commit',
] as const
const permissions = ['unknown', 'any', 'deny', 'allow'] as const

export type AclResourceType = Exclude<(typeof resourceTypes)[number], 'unknown' | 'any'>
export type AclOperation = Exclude<(typeof operations)[number], 'unknown' | 'any'>

export interface Acl {
  readonly resourceType: AclResourceType
  /** `kafka-cluster` for the cluster. */
  readonly resourceName: string
  /** Whether the name is meant as it is (default) or as the beginning of names. */
  readonly pattern?: 'literal' | 'prefixed'
  /** `User:alice`. */
  readonly principal: string
  /** `*` (default) for any. */
  readonly host?: string
  readonly operation: AclOperation
  /** `allow` by default. */
  readonly permission?: 'allow' | 'deny'
}

/** What is left out matches anything. */
export type AclFilter = Partial<Acl>

export interface AclAdmin {
  describeAcls(filter?: AclFilter): Promise<readonly Required<Acl>[]>
  createAcls(acls: readonly Acl[]): Promise<void>
  /** Gives what was deleted. */
  deleteAcls(filters: readonly AclFilter[]): Promise<readonly Required<Acl>[]>
}

const ANY = 1

export function aclAdmin(context: AdminContext): AclAdmin {
  return {
    describeAcls: (filter = {}) =>
      askAny(context, 'describing ACLs', async (connection) => {
        const answer = await connection.send(describeAcls, filterOf(filter))
        checkAnswer(answer.errorCode, 'describe ACLs', { broker: connection.broker }, answer.errorMessage)
        return answer.resources.flatMap(({ acls, ...resource }) =>
          acls.map((acl) => aclOf({ ...resource, ...acl })),
        )
      }),
    createAcls: (acls) =>
      askController(context, 'creating ACLs', async (connection) => {
        const answer = await connection.send(createAcls, {
          creations: acls.map((acl) => ({
            resourceType: resourceTypes.indexOf(acl.resourceType),
            resourceName: acl.resourceName,
            resourcePatternType: patternTypes.indexOf(acl.pattern ?? 'literal'),
            principal: acl.principal,
            host: acl.host ?? '*',
            operation: operations.indexOf(acl.operation),
            permissionType: permissions.indexOf(acl.permission ?? 'allow'),
          })),
        })
        for (const { errorCode, errorMessage } of answer.results) {
          checkAnswer(errorCode, 'create an ACL', { broker: connection.broker }, errorMessage)
        }
      }),
    deleteAcls: (filters) =>
      askController(context, 'deleting ACLs', async (connection) => {
        const answer = await connection.send(deleteAcls, { filters: filters.map(filterOf) })
        return answer.filterResults.flatMap(({ errorCode, errorMessage, matchingAcls }) => {
          checkAnswer(errorCode, 'delete ACLs', { broker: connection.broker }, errorMessage)
          return matchingAcls.map(aclOf)
        })
      }),
  }
}

function filterOf(filter: AclFilter) {
  return {
    resourceTypeFilter: filter.resourceType === undefined ? ANY : resourceTypes.indexOf(filter.resourceType),
    resourceNameFilter: filter.resourceName ?? null,
    patternTypeFilter: filter.pattern === undefined ? ANY : patternTypes.indexOf(filter.pattern),
    principalFilter: filter.principal ?? null,
    hostFilter: filter.host ?? null,
    operation: filter.operation === undefined ? ANY : operations.indexOf(filter.operation),
    permissionType: filter.permission === undefined ? ANY : permissions.indexOf(filter.permission),
  }
}

function aclOf(found: {
  readonly resourceType: number
  readonly resourceName: string
  readonly patternType: number
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}): Required<Acl> {
  return {
    resourceType: resourceTypes[found.resourceType] as AclResourceType,
    resourceName: found.resourceName,
    pattern: patternTypes[found.patternType] as 'literal' | 'prefixed',
    principal: found.principal,
    host: found.host,
    operation: operations[found.operation] as AclOperation,
    permission: permissions[found.permissionType] as 'allow' | 'deny',
  }
}
