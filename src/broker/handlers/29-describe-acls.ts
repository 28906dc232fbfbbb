/**
 * DescribeAcls: v1–v3
 *
 * Behaviour: the rules that a filter means, by resource. SECURITY_DISABLED while rights are not checked.
 *
 * Version notes
 * v3     rules for users
 */
import { describeAcls } from '../../protocol/apis/describe-acls.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { ResponseInput } from '../../protocol/schema/message.ts'
import { clusterResource, operations } from '../request-context.ts'
import { patternTypes, permissions, resourceTypes } from '../security/acls/acl.ts'
import { filterFault, fitsFilter } from '../security/acls/acl-filter.ts'
import { defineHandler } from './handler.ts'
import { noAuthorizer } from './no-authorizer.ts'

type Response = ResponseInput<typeof describeAcls>

const refused = (errorCode: number, errorMessage: string | null = null): Response => ({
  errorCode,
  errorMessage,
  resources: [],
})

export const handler = defineHandler({
  api: describeAcls,
  handle(broker, context, request) {
    if (!context.authorize('describe', clusterResource)) {
      return refused(ErrorCodes.CLUSTER_AUTHORIZATION_FAILED)
    }
    const { acls } = broker.security
    if (acls === undefined) return refused(ErrorCodes.SECURITY_DISABLED, noAuthorizer)
    const fault = filterFault(request)
    if (fault !== undefined) return refused(ErrorCodes.INVALID_REQUEST, fault)
    const found = acls.all.filter((acl) => fitsFilter(acl, request))
    const byResource = Map.groupBy(found, ({ name, pattern, type }) => `${type} ${pattern} ${name}`)
    return {
      errorCode: ErrorCodes.NONE,
      errorMessage: null,
      resources: [...byResource.values()].map((rules) => {
        const { name, pattern, type } = rules[0]!
        return {
          resourceType: resourceTypes[type],
          resourceName: name,
          patternType: patternTypes[pattern],
          acls: rules.map(({ host, operation, permission, principal }) => ({
            principal,
            host,
            operation: operations[operation],
            permissionType: permissions[permission],
          })),
        }
      }),
    }
  },
})
