/**
 * DescribeClientQuotas: v0–v1
 *
 * Behaviour: the quotas of the entities that a filter means (KIP-546). Without `strict` an entity may have more parts
 * than the filter names. Quotas of addresses (`ip`) are not kept: a filter for them finds nothing.
 */
import { describeClientQuotas } from '../../protocol/apis/describe-client-quotas.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { RequestOf, ResponseInput } from '../../protocol/schema/message.ts'
import { clusterResource } from '../request-context.ts'
import type { QuotaRow } from '../security/security-table.ts'
import { defineHandler } from './handler.ts'

type Component = RequestOf<typeof describeClientQuotas>['components'][number]
type Response = ResponseInput<typeof describeClientQuotas>

const EXACT = 0
const DEFAULT = 1
const ANY = 2
const entityTypes = ['user', 'client-id', 'ip']

/** The part of an entity: a name, null for the default, undefined when it has none. */
function partOf({ clientId, user }: QuotaRow, entityType: string): string | null | undefined {
  return entityType === 'user' ? user : entityType === 'client-id' ? clientId : undefined
}

function componentsFault(components: readonly Component[]): string | undefined {
  const types = components.map(({ entityType }) => entityType)
  if (new Set(types).size < types.length) return 'Duplicate filter component'
  if (types.includes('ip') && types.length > 1) return 'Invalid entity filter component combination'
  for (const { match, matchType } of components) {
    if (matchType === EXACT ? match === null : matchType !== DEFAULT && matchType !== ANY) {
      return 'Unexpected match of a filter component'
    }
    if (matchType !== EXACT && match !== null) return 'Match not null for a filter component'
  }
  return undefined
}

function fits(row: QuotaRow, components: readonly Component[], strict: boolean): boolean {
  const parts = ['user', 'client-id'].filter((type) => partOf(row, type) !== undefined)
  if (strict && parts.length !== components.length) return false
  return components.every(({ entityType, match, matchType }) => {
    const part = partOf(row, entityType)
    if (part === undefined) return false
    return matchType === ANY || (matchType === DEFAULT ? part === null : part === match)
  })
}

export const handler = defineHandler({
  api: describeClientQuotas,
  handle(broker, context, { components, strict }): Response {
    const refused = (errorCode: number, errorMessage: string | null = null): Response => ({
      errorCode,
      errorMessage,
      entries: null,
    })
    if (!context.authorize('describeConfigs', clusterResource)) {
      return refused(ErrorCodes.CLUSTER_AUTHORIZATION_FAILED)
    }
    const unknown = components.find(({ entityType }) => !entityTypes.includes(entityType))
    if (unknown !== undefined) {
      return refused(
        ErrorCodes.UNSUPPORTED_VERSION,
        `Custom entity type '${unknown.entityType}' not supported`,
      )
    }
    const fault = componentsFault(components)
    if (fault !== undefined) return refused(ErrorCodes.INVALID_REQUEST, fault)
    const rows = broker.security.quotas.table.all.filter((row) => fits(row, components, strict))
    return {
      errorCode: ErrorCodes.NONE,
      errorMessage: null,
      entries: rows.map((row) => ({
        entity: ['user', 'client-id'].flatMap((entityType) => {
          const entityName = partOf(row, entityType)
          return entityName === undefined ? [] : [{ entityType, entityName }]
        }),
        values: Object.entries(row.values).map(([key, value]) => ({ key, value })),
      })),
    }
  },
})
