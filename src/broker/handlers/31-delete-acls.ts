/**
 * DeleteAcls: v1–v3
 *
 * Behaviour: removes the rules that any of the filters means, and tells which each meant. What is answered is on the
 * disk.
 *
 * Version notes
 * v3     rules for users
 */
import { deleteAcls } from '../../protocol/apis/delete-acls.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { ResponseInput } from '../../protocol/schema/message.ts'
import { clusterResource, operations } from '../request-context.ts'
import { type Acl, patternTypes, permissions, resourceTypes } from '../security/acls/acl.ts'
import { filterFault, fitsFilter } from '../security/acls/acl-filter.ts'
import { brokerFault } from '../topics/topic-fault.ts'
import { defineHandler } from './handler.ts'
import { noAuthorizer } from './no-authorizer.ts'

type FilterResult = ResponseInput<typeof deleteAcls>['filterResults'][number]

function told({
  host,
  name,
  operation,
  pattern,
  permission,
  principal,
  type,
}: Acl): FilterResult['matchingAcls'][number] {
  return {
    errorCode: ErrorCodes.NONE,
    errorMessage: null,
    resourceType: resourceTypes[type],
    resourceName: name,
    patternType: patternTypes[pattern],
    principal,
    host,
    operation: operations[operation],
    permissionType: permissions[permission],
  }
}

const refused = (errorCode: number, errorMessage: string | null): FilterResult => ({
  errorCode,
  errorMessage,
  matchingAcls: [],
})

export const handler = defineHandler({
  api: deleteAcls,
  handle(broker, context, { filters }) {
    const all = (errorCode: number, errorMessage: string | null = null) => ({
      filterResults: filters.map(() => refused(errorCode, errorMessage)),
    })
    if (!context.authorize('alter', clusterResource)) return all(ErrorCodes.CLUSTER_AUTHORIZATION_FAILED)
    const { acls } = broker.security
    if (acls === undefined) return all(ErrorCodes.SECURITY_DISABLED, noAuthorizer)
    const present = acls.all
    const found = filters.map((filter) => {
      const fault = filterFault(filter)
      return fault ?? present.filter((acl) => fitsFilter(acl, filter))
    })
    try {
      acls.remove(found.flatMap((each) => (typeof each === 'string' ? [] : each)))
    } catch (error) {
      const { code, message } = brokerFault(error)
      return all(code, message)
    }
    return {
      filterResults: found.map((each) =>
        typeof each === 'string'
          ? refused(ErrorCodes.INVALID_REQUEST, each)
          : { errorCode: ErrorCodes.NONE, errorMessage: null, matchingAcls: each.map(told) },
      ),
    }
  },
})
