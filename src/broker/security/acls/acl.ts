/**
 * Rules about who may do what (Kafka's ACLs), with the numbers that they have on the wire.
 *
 * A rule says: this principal, from this host, may (or must not) do this operation on resources of this type and name.
 */
import { type Operation, operations, type Resource } from '../../request-context.ts'

export const resourceTypes = {
  topic: 2,
  group: 3,
  cluster: 4,
  transactionalId: 5,
  delegationToken: 6,
  user: 7,
} as const satisfies Record<Resource['type'], number>

export const patternTypes = { any: 1, match: 2, literal: 3, prefixed: 4 } as const
export const permissions = { deny: 2, allow: 3 } as const
/** In filters, for types, operations and permissions. */
export const ANY = 1

/** Stands for all names of a type, or all users, or all hosts. */
export const WILDCARD = '*'
export const CLUSTER_NAME = 'kafka-cluster'

export interface Acl {
  readonly type: Resource['type']
  readonly pattern: 'literal' | 'prefixed'
  readonly name: string
  /** `User:alice`, or `User:*`. */
  readonly principal: string
  readonly host: string
  readonly operation: Operation
  readonly permission: 'allow' | 'deny'
}

function nameIn<N extends string>(table: Readonly<Record<N, number>>, code: number): N | undefined {
  return (Object.keys(table) as N[]).find((name) => table[name] === code)
}

export const resourceTypeOf = (code: number): Resource['type'] | undefined => nameIn(resourceTypes, code)
export const operationOf = (code: number): Operation | undefined => nameIn(operations, code)
export const permissionOf = (code: number): Acl['permission'] | undefined => nameIn(permissions, code)

/** The same for two rules that say the same, and for no others. */
export function aclKey({ host, name, operation, pattern, permission, principal, type }: Acl): string {
  return JSON.stringify([type, pattern, name, principal, host, operation, permission])
}

const groupAndTransaction: readonly Operation[] = [
  'read',
  'describe',
  'delete',
  'describeConfigs',
  'alterConfigs',
]

/** What can be allowed or denied for each type (Kafka's AclEntry.supportedOperations), besides `all`. */
export const operationsOf: Readonly<Record<Resource['type'], readonly Operation[]>> = {
  topic: ['read', 'write', 'create', 'describe', 'delete', 'alter', 'describeConfigs', 'alterConfigs'],
  group: groupAndTransaction,
  cluster: [
    'create',
    'clusterAction',
    'describeConfigs',
    'alterConfigs',
    'idempotentWrite',
    'alter',
    'describe',
  ],
  transactionalId: ['describe', 'write', 'twoPhaseCommit'],
  delegationToken: ['describe'],
  user: ['createTokens', 'describeTokens'],
}
