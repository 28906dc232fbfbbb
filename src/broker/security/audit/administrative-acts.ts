/**
 * Which requests change what belongs to everybody, and how each is told: what was done to which resource, and how it
 * ended. One entry per API; adding one is adding a line.
 *
 * Names only, and the values of topics' settings: nothing here ever has a password, a salt or a key.
 */
import { alterClientQuotas } from '../../../protocol/apis/alter-client-quotas.ts'
import { alterConfigs } from '../../../protocol/apis/alter-configs.ts'
import { alterUserScramCredentials } from '../../../protocol/apis/alter-user-scram-credentials.ts'
import { createAcls } from '../../../protocol/apis/create-acls.ts'
import { createPartitions } from '../../../protocol/apis/create-partitions.ts'
import { createTopics } from '../../../protocol/apis/create-topics.ts'
import { deleteAcls } from '../../../protocol/apis/delete-acls.ts'
import { deleteGroups } from '../../../protocol/apis/delete-groups.ts'
import { deleteRecords } from '../../../protocol/apis/delete-records.ts'
import { deleteTopics } from '../../../protocol/apis/delete-topics.ts'
import { incrementalAlterConfigs } from '../../../protocol/apis/incremental-alter-configs.ts'
import { offsetCommit } from '../../../protocol/apis/offset-commit.ts'
import { offsetDelete } from '../../../protocol/apis/offset-delete.ts'
import { ErrorCodes } from '../../../protocol/error-codes.ts'
import { zeroUuid } from '../../../protocol/schema/defaults.ts'
import type { AnyApi, RequestOf, ResponseInput } from '../../../protocol/schema/message.ts'
import { formatUuid } from '../../../protocol/uuid.ts'
import { resourceTypes } from '../../config/config-resources.ts'
import { operationOf, permissionOf, resourceTypeOf } from '../acls/acl.ts'
import { scramMechanismOf } from '../scram-users.ts'

export interface Act {
  /** `topics.create` */
  readonly audit: string
  /** `topic:orders` */
  readonly resource: string
  /** Kafka's number. */
  readonly errorCode: number
  readonly details?: Readonly<Record<string, unknown>>
  /** May be done all the time by one client, and is told less often then. */
  readonly frequent?: true
}

type Told = (request: never, answer: never) => readonly Act[]

const VALUE_LENGTH_MAX = 200

function told<A extends AnyApi>(
  api: A,
  acts: (request: RequestOf<A>, answer: ResponseInput<A>) => readonly Act[],
): readonly [number, Told] {
  return [api.key, acts as Told]
}

const resourceText = (type: string | undefined, name: string): string => `${type ?? 'unknown'}:${name}`
const worst = (codes: readonly (number | undefined)[]): number =>
  codes.find((code) => code !== undefined && code !== ErrorCodes.NONE) ?? ErrorCodes.NONE

interface ConfigChange {
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly { readonly name: string; readonly value: string | null }[]
}

function configActs(
  {
    resources,
    validateOnly,
  }: { readonly resources: readonly ConfigChange[]; readonly validateOnly: boolean },
  responses: readonly { readonly errorCode: number }[],
): readonly Act[] {
  if (validateOnly) return []
  return resources.map(({ configs, resourceName, resourceType }, at) => {
    const type = Object.entries(resourceTypes).find(([, number]) => number === resourceType)?.[0]
    // Those of the broker may be secret; a topic has no secrets.
    const value = (given: string | null): string | null =>
      resourceType === resourceTypes.topic ? (given?.slice(0, VALUE_LENGTH_MAX) ?? null) : '…'
    const settings = Object.fromEntries(configs.map((one) => [one.name, value(one.value)]))
    const resource = resourceText(type, resourceName)
    return {
      audit: 'configs.alter',
      resource,
      errorCode: responses[at]?.errorCode ?? 0,
      details: { settings },
    }
  })
}

const entries: readonly (readonly [number, Told])[] = [
  told(createTopics, ({ topics, validateOnly }, answer) => {
    if (validateOnly) return []
    const wanted = new Map(topics.map(({ name, numPartitions }) => [name, numPartitions]))
    return answer.topics.map(({ errorCode, name }) => {
      const details = { partitions: wanted.get(name) }
      return { audit: 'topics.create', resource: `topic:${name}`, errorCode, details }
    })
  }),
  told(deleteTopics, (_, { responses }) =>
    responses.map(({ errorCode, name, topicId = zeroUuid }) => {
      return { audit: 'topics.delete', resource: `topic:${name ?? formatUuid(topicId)}`, errorCode }
    }),
  ),
  told(createPartitions, ({ topics, validateOnly }, { results }) => {
    if (validateOnly) return []
    const wanted = new Map(topics.map(({ name, count }) => [name, count]))
    return results.map(({ errorCode, name }) => {
      const details = { partitions: wanted.get(name) }
      return { audit: 'partitions.create', resource: `topic:${name}`, errorCode, details }
    })
  }),
  told(deleteRecords, (_, { topics }) =>
    topics.map(({ name, partitions }) => ({
      audit: 'records.delete',
      resource: `topic:${name}`,
      errorCode: worst(partitions.map(({ errorCode }) => errorCode)),
      details: {
        before: Object.fromEntries(partitions.map((one) => [one.partitionIndex, Number(one.lowWatermark)])),
      },
    })),
  ),
  told(alterConfigs, (request, { responses }) => configActs(request, responses)),
  told(incrementalAlterConfigs, (request, { responses }) => configActs(request, responses)),
  told(deleteGroups, (_, { results }) =>
    results.map(({ errorCode, groupId }) => ({
      audit: 'groups.delete',
      resource: `group:${groupId}`,
      errorCode,
    })),
  ),
  told(offsetDelete, ({ groupId, topics }, answer) => [
    {
      audit: 'offsets.delete',
      resource: `group:${groupId}`,
      errorCode: worst([
        answer.errorCode,
        ...answer.topics.flatMap((one) => one.partitions.map((p) => p.errorCode)),
      ]),
      details: { topics: topics.map(({ name }) => name) },
    },
  ]),
  // Whoever is no member of the group: who resets its positions, or reads without joining.
  told(offsetCommit, ({ groupId, memberId, topics }, answer) =>
    memberId !== ''
      ? []
      : [
          {
            audit: 'offsets.reset',
            resource: `group:${groupId}`,
            errorCode: worst(answer.topics.flatMap((one) => one.partitions.map((p) => p.errorCode))),
            details: {
              topics: topics.map(({ name, topicId }) => (name === '' ? formatUuid(topicId) : name)),
            },
            frequent: true,
          },
        ],
  ),
  told(createAcls, ({ creations }, { results }) =>
    creations.map((rule, at) => ({
      audit: 'acls.create',
      resource: resourceText(resourceTypeOf(rule.resourceType), rule.resourceName),
      errorCode: results[at]?.errorCode ?? ErrorCodes.NONE,
      details: ruleOf(rule),
    })),
  ),
  told(deleteAcls, ({ filters }, { filterResults }) =>
    filterResults.flatMap(({ errorCode, matchingAcls }, at): readonly Act[] => {
      if (matchingAcls.length === 0) {
        const name = filters[at]?.resourceNameFilter ?? '*'
        return [{ audit: 'acls.delete', resource: `any:${name}`, errorCode, details: { rules: 0 } }]
      }
      return matchingAcls.map((rule) => ({
        audit: 'acls.delete',
        resource: resourceText(resourceTypeOf(rule.resourceType), rule.resourceName),
        errorCode: rule.errorCode,
        details: ruleOf(rule),
      }))
    }),
  ),
  told(alterClientQuotas, ({ entries: wanted, validateOnly }, answer) =>
    validateOnly
      ? []
      : wanted.map(({ entity, ops }, at) => ({
          audit: 'quotas.alter',
          resource: entity.map((one) => `${one.entityType}:${one.entityName ?? '<default>'}`).join(','),
          errorCode: answer.entries[at]?.errorCode ?? ErrorCodes.NONE,
          details: { quotas: Object.fromEntries(ops.map((op) => [op.key, op.remove ? null : op.value])) },
        })),
  ),
  told(alterUserScramCredentials, ({ deletions, upsertions }, { results }) => {
    const codes = new Map(results.map(({ user, errorCode }) => [user, errorCode]))
    const act = (name: string, mechanism: number, change: string): Act => ({
      audit: 'credentials.alter',
      resource: `user:${name}`,
      errorCode: codes.get(name) ?? ErrorCodes.NONE,
      details: { change, mechanism: scramMechanismOf(mechanism) ?? null },
    })
    return [
      ...deletions.map(({ mechanism, name }) => act(name, mechanism, 'removed')),
      ...upsertions.map(({ mechanism, name }) => act(name, mechanism, 'set')),
    ]
  }),
]

function ruleOf(rule: {
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}): Readonly<Record<string, unknown>> {
  const { host, principal } = rule
  const operation = operationOf(rule.operation) ?? null
  return { principal, from: host, operation, permission: permissionOf(rule.permissionType) ?? null }
}

/** By API key. */
export const administrativeActs: ReadonlyMap<number, Told> = new Map(entries)
