/**
 * CreateAcls: v1–v3
 *
 * Behaviour: adds rules; each that is not legal is refused by itself. What is answered is on the disk.
 *
 * Version notes
 * v3     rules for users
 */
import { createAcls } from '../../protocol/apis/create-acls.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import { clusterResource } from '../request-context.ts'
import {
  type Acl,
  CLUSTER_NAME,
  operationOf,
  operationsOf,
  patternTypes,
  permissionOf,
  resourceTypeOf,
} from '../security/acls/acl.ts'
import { ACLS_MAX } from '../security/acls/acls.ts'
import { brokerFault } from '../topics/topic-fault.ts'
import { defineHandler } from './handler.ts'
import { noAuthorizer } from './no-authorizer.ts'

type Creation = RequestOf<typeof createAcls>['creations'][number]
type Result = ResponseInput<typeof createAcls>['results'][number]

const fine: Result = { errorCode: ErrorCodes.NONE, errorMessage: null }

/** The rule that is asked for, or why it is none. */
function aclOf(creation: Creation): Acl | string {
  const { host, principal, resourceName: name, resourcePatternType } = creation
  const type = resourceTypeOf(creation.resourceType)
  const operation = operationOf(creation.operation)
  const permission = permissionOf(creation.permissionType)
  if (type === undefined) return `Invalid resource type ${creation.resourceType}`
  if (operation === undefined) return `Invalid operation ${creation.operation}`
  if (permission === undefined) return `Invalid permission type ${creation.permissionType}`
  const literal = resourcePatternType === patternTypes.literal
  if (!literal && resourcePatternType !== patternTypes.prefixed)
    return `Invalid pattern type ${resourcePatternType}`
  if (name === '') return 'Invalid empty resource name'
  if (type === 'cluster' && name !== CLUSTER_NAME) {
    return `The only valid name for the CLUSTER resource is ${CLUSTER_NAME}`
  }
  if (!/^[^:]+:.+$/.test(principal)) return `Could not parse principal from "${principal}"`
  if (host === '') return 'Invalid empty host'
  if (operation !== 'all' && !operationsOf[type].includes(operation)) {
    return `Operation ${operation} is not one that resources of type ${type} have`
  }
  return { type, pattern: literal ? 'literal' : 'prefixed', name, principal, host, operation, permission }
}

export const handler = defineHandler({
  api: createAcls,
  handle(broker, context, { creations }) {
    const all = (errorCode: number, errorMessage: string | null = null) => ({
      results: creations.map(() => ({ errorCode, errorMessage })),
    })
    if (!context.authorize('alter', clusterResource)) return all(ErrorCodes.CLUSTER_AUTHORIZATION_FAILED)
    const { acls } = broker.security
    if (acls === undefined) return all(ErrorCodes.SECURITY_DISABLED, noAuthorizer)
    const wanted = creations.map(aclOf)
    try {
      if (!acls.add(wanted.filter((acl) => typeof acl !== 'string'))) {
        return all(ErrorCodes.POLICY_VIOLATION, `there may be at most ${ACLS_MAX} rules`)
      }
    } catch (error) {
      const { code, message } = brokerFault(error)
      return all(code, message)
    }
    return {
      results: wanted.map((acl) =>
        typeof acl === 'string' ? { errorCode: ErrorCodes.INVALID_REQUEST, errorMessage: acl } : fine,
      ),
    }
  },
})
