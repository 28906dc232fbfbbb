/**
 * AlterClientQuotas: v0–v1
 *
 * Behaviour: sets and removes quotas of users and client ids (KIP-546): `producer_byte_rate`, `consumer_byte_rate`,
 * `request_percentage`. Each entity has its own outcome; what is answered is on the disk.
 *
 * Not supported: quotas of addresses, `controller_mutation_rate`. They are refused, as they would not be kept to.
 */
import { alterClientQuotas } from '../../protocol/apis/alter-client-quotas.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { RequestOf } from '../../protocol/schema/message.ts'
import { clusterResource } from '../request-context.ts'
import { type QuotaChange, type QuotaEntity, quotaKinds } from '../security/quotas/quota-table.ts'
import { brokerFault } from '../topics/topic-fault.ts'
import { defineHandler } from './handler.ts'

type Entry = RequestOf<typeof alterClientQuotas>['entries'][number]

function entityOf({ entity }: Entry): QuotaEntity | string {
  const parts: { user?: string | null; clientId?: string | null } = {}
  for (const { entityName, entityType } of entity) {
    const field = entityType === 'user' ? 'user' : entityType === 'client-id' ? 'clientId' : undefined
    if (entityType === 'ip') return 'Quotas of addresses are not supported by this broker'
    if (field === undefined) return `Unhandled client quota entity type: ${entityType}`
    if (entityName === '') return `Empty ${entityType} not supported`
    if (field in parts) return `Invalid entity: ${entityType} is named twice`
    parts[field] = entityName
  }
  return entity.length === 0 ? 'Invalid empty client quota entity' : parts
}

function valuesOf({ ops }: Entry): QuotaChange['values'] | string {
  const values: Record<string, number | undefined> = {}
  for (const { key, remove, value } of ops) {
    if (!(quotaKinds as readonly string[]).includes(key)) {
      return key === 'controller_mutation_rate'
        ? 'controller_mutation_rate is not supported by this broker'
        : `Invalid configuration key ${key}`
    }
    if (key in values) return `Duplicate key ${key}`
    if (!remove && !(value > 0 && Number.isFinite(value))) return `Quota ${key} must be greater than 0`
    if (!remove && key !== 'request_percentage' && !Number.isInteger(value)) {
      return `Configuration value for ${key} must be a whole number`
    }
    values[key] = remove ? undefined : value
  }
  return values
}

function changeOf(entry: Entry): QuotaChange | string {
  const entity = entityOf(entry)
  if (typeof entity === 'string') return entity
  const values = valuesOf(entry)
  return typeof values === 'string' ? values : { entity, values }
}

export const handler = defineHandler({
  api: alterClientQuotas,
  handle(broker, context, { entries, validateOnly }) {
    const all = (errorCode: number, errorMessage: string | null = null) => ({
      entries: entries.map(({ entity }) => ({ errorCode, errorMessage, entity })),
    })
    if (!context.authorize('alterConfigs', clusterResource)) {
      return all(ErrorCodes.CLUSTER_AUTHORIZATION_FAILED)
    }
    const changes = entries.map(changeOf)
    try {
      const legal = changes.filter((change) => typeof change !== 'string')
      if (!validateOnly && legal.length > 0) broker.security.quotas.table.change(legal)
    } catch (error) {
      const { code, message } = brokerFault(error)
      return all(code, message)
    }
    return {
      entries: entries.map(({ entity }, at) => {
        const change = changes[at]!
        const fault = typeof change === 'string' ? change : null
        return {
          errorCode: fault === null ? ErrorCodes.NONE : ErrorCodes.INVALID_REQUEST,
          errorMessage: fault,
          entity,
        }
      }),
    }
  },
})
