/** Configuration of topics, brokers and groups. */
import { describeConfigs } from '../../protocol/apis/describe-configs.ts'
import { incrementalAlterConfigs } from '../../protocol/apis/incremental-alter-configs.ts'
import type { NegotiatedConnection } from '../connection/negotiated.ts'
import { checkAnswer, type Place } from '../errors.ts'
import { type AdminContext, askAny, askBroker, askController } from './context.ts'

export type ConfigResourceType = 'topic' | 'broker' | 'broker-logger' | 'group'

export interface ConfigResource {
  readonly type: ConfigResourceType
  /** A topic, a group, a broker's id; empty for the default of all brokers. */
  readonly name: string
}

export interface ConfigEntry {
  readonly name: string
  /** Null for a secret. */
  readonly value: string | null
  /** Where the value comes from. */
  readonly source: ConfigSource
  readonly readOnly: boolean
  readonly sensitive: boolean
  readonly documentation: string | null
}

const resourceTypes: Readonly<Record<ConfigResourceType, number>> = {
  topic: 2,
  broker: 4,
  'broker-logger': 8,
  group: 32,
}

const sources = [
  'unknown',
  'topic',
  'broker',
  'cluster',
  'file',
  'default',
  'logger',
  'metrics',
  'group',
] as const
export type ConfigSource = (typeof sources)[number]

export interface ConfigAdmin {
  describeConfigs(
    resources: readonly ConfigResource[],
    options?: { readonly names?: readonly string[]; readonly documentation?: boolean },
  ): Promise<readonly (ConfigResource & { readonly configs: readonly ConfigEntry[] })[]>
  /** Sets values, and takes back to their defaults those that are null; leaves all others. */
  alterConfigs(
    changes: readonly (ConfigResource & { readonly configs: Readonly<Record<string, string | null>> })[],
    options?: { readonly validateOnly?: boolean },
  ): Promise<void>
}

const SET = 0
const DELETE = 1

export function configAdmin(context: AdminContext): ConfigAdmin {
  return {
    async describeConfigs(resources, options = {}) {
      const groups = [...Map.groupBy(resources, brokerOf)]
      const described = await Promise.all(
        groups.map(([nodeId, list]) =>
          at(context, nodeId, 'describing configs', async (connection) => {
            const answer = await connection.send(describeConfigs, {
              resources: list.map(({ type, name }) => ({
                resourceType: resourceTypes[type],
                resourceName: name,
                configurationKeys: options.names ?? null,
              })),
              includeDocumentation: options.documentation ?? false,
            })
            return answer.results.map((one, index) => {
              const resource = list[index]!
              checkAnswer(one.errorCode, 'describe configs', placeOf(resource, connection), one.errorMessage)
              return { ...resource, configs: one.configs.map(entryOf) }
            })
          }),
        ),
      )
      return described.flat()
    },
    async alterConfigs(changes, options = {}) {
      for (const [nodeId, list] of Map.groupBy(changes, brokerOf)) {
        await at(context, nodeId, 'altering configs', async (connection) => {
          const answer = await connection.send(incrementalAlterConfigs, {
            resources: list.map(({ type, name, configs }) => ({
              resourceType: resourceTypes[type],
              resourceName: name,
              configs: Object.entries(configs).map(([key, value]) => ({
                name: key,
                configOperation: value === null ? DELETE : SET,
                value,
              })),
            })),
            validateOnly: options.validateOnly ?? false,
          })
          for (const [index, one] of answer.responses.entries()) {
            checkAnswer(one.errorCode, 'alter configs', placeOf(list[index], connection), one.errorMessage)
          }
        })
      }
    },
  }
}

/** Configs of a broker are asked of itself, all others of the controller. */
function brokerOf({ type, name }: ConfigResource): number | undefined {
  return (type === 'broker' || type === 'broker-logger') && name !== '' ? Number(name) : undefined
}

function at<T>(
  context: AdminContext,
  nodeId: number | undefined,
  what: string,
  attempt: (connection: NegotiatedConnection) => Promise<T>,
): Promise<T> {
  if (nodeId !== undefined) return askBroker(context, nodeId, what, attempt)
  return what.startsWith('describing')
    ? askAny(context, what, attempt)
    : askController(context, what, attempt)
}

function placeOf(resource: ConfigResource | undefined, connection: NegotiatedConnection): Place {
  const { broker } = connection
  if (resource?.type === 'topic') return { topic: resource.name, broker }
  return resource?.type === 'group' ? { group: resource.name, broker } : { broker }
}

function entryOf(entry: {
  readonly name: string
  readonly value: string | null
  readonly readOnly: boolean
  readonly configSource: number
  readonly isSensitive: boolean
  readonly documentation: string | null
}): ConfigEntry {
  return {
    name: entry.name,
    value: entry.value,
    source: sources[entry.configSource] ?? 'unknown',
    readOnly: entry.readOnly,
    sensitive: entry.isSensitive,
    documentation: entry.documentation,
  }
}
