/** A connection whose answers a test writes down: by the name of the API, in order or by a function. */
import { apiVersions } from '../protocol/apis/api-versions.ts'
import { apis } from '../protocol/apis/register.ts'
import { completeResponse } from '../protocol/codec/response.ts'
import type { Connection, SendOptions } from '../protocol/connection.ts'
import type { AnyApi, RequestInput, ResponseInput, ResponseOf } from '../protocol/schema/message.ts'

export interface Sent {
  readonly api: string
  readonly version: number
  // The test knows which API it is.
  // biome-ignore lint/suspicious/noExplicitAny: requests of all APIs
  readonly request: any
}

// biome-ignore lint/suspicious/noExplicitAny: the script of a test answers every API
export type Answer = (request: any, version: number) => unknown

export class ScriptedConnection implements Connection {
  closed = false
  readonly sent: Sent[] = []
  private readonly answers = new Map<string, Answer>()
  private readonly features: Readonly<Record<string, number>>
  private readonly versionsMax: Readonly<Record<string, number>>

  /** @param versionsMax what it announces by the name of an API, as an older broker does; below 0 for not at all */
  constructor(
    answers: Readonly<Record<string, Answer>> = {},
    features: Readonly<Record<string, number>> = {},
    versionsMax: Readonly<Record<string, number>> = {},
  ) {
    for (const [name, answer] of Object.entries(answers)) this.answers.set(name, answer)
    this.features = features
    this.versionsMax = versionsMax
  }

  on(name: string, answer: Answer): this {
    this.answers.set(name, answer)
    return this
  }

  /** The requests of one API so far. */
  of(name: string): Sent[] {
    return this.sent.filter(({ api }) => api === name)
  }

  async send<A extends AnyApi>(
    api: A,
    request: RequestInput<A>,
    options: SendOptions = {},
  ): Promise<ResponseOf<A>> {
    const version = options.version ?? this.latestOf(api)
    if (version < 0) throw new Error(`the broker of the script has no ${api.name}`)
    this.sent.push({ api: api.name, version, request })
    const answer =
      this.answers.get(api.name) ?? (api.key === apiVersions.key ? () => this.versions() : undefined)
    if (answer === undefined) throw new Error(`the script has no answer for ${api.name}`)
    const body = (await answer(request, version)) as ResponseInput<A>
    return completeResponse(api, version, body)
  }

  async close(): Promise<void> {
    this.closed = true
  }

  private latestOf(api: AnyApi): number {
    return this.versionsMax[api.name] ?? api.latestStable
  }

  private versions(): ResponseInput<typeof apiVersions> {
    return {
      errorCode: 0,
      apiKeys: apis
        .filter((api) => this.latestOf(api) >= 0)
        .map((api) => ({ apiKey: api.key, minVersion: api.versions[0], maxVersion: this.latestOf(api) })),
      finalizedFeatures: Object.entries(this.features).map(([name, level]) => ({
        name,
        minVersionLevel: 0,
        maxVersionLevel: level,
      })),
    }
  }
}

export interface ScriptedPartition {
  readonly leaderId?: number
  readonly leaderEpoch?: number
}

/** An answer to Metadata: topics with their partitions, brokers 0, 1, … at `b0:9092`, `b1:9092`, … */
export function metadataAnswer(
  topics: Readonly<Record<string, readonly ScriptedPartition[] | number>>,
  options: { readonly brokers?: number; readonly ids?: Readonly<Record<string, Buffer>> } = {},
) {
  return {
    brokers: Array.from({ length: options.brokers ?? 1 }, (_, nodeId) => ({
      nodeId,
      host: `b${nodeId}`,
      port: 9092,
    })),
    clusterId: 'scripted',
    controllerId: 0,
    topics: Object.entries(topics).map(([name, partitions]) => ({
      name,
      topicId: options.ids?.[name] ?? topicIdOf(name),
      errorCode: partitions === 0 ? 3 : 0,
      partitions: (typeof partitions === 'number'
        ? Array.from({ length: partitions }, () => ({}) as ScriptedPartition)
        : partitions
      ).map((one, partitionIndex) => ({
        errorCode: 0,
        partitionIndex,
        leaderId: one.leaderId ?? 0,
        leaderEpoch: one.leaderEpoch ?? 0,
        replicaNodes: [],
        isrNodes: [],
      })),
    })),
  }
}

export function topicIdOf(name: string): Buffer {
  return Buffer.alloc(16, `id of ${name}`)
}
