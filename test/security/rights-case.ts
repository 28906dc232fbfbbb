/**
 * One row of the table of rights: a request, and what comes back to who may do what.
 *
 * 1. Every step has a topic, a group and a transactional id of its own, and starts without any rule for the user.
 * 2. The rules of the step are made, the request is sent as the user, and the errors in the answer are compared, each
 *    once.
 * 3. Whatever is not allowed must not be named: `secret-…` is in no answer but where the step says so.
 */
import assert from 'node:assert/strict'
import { createAcls } from '../../src/protocol/apis/create-acls.ts'
import { createTopics } from '../../src/protocol/apis/create-topics.ts'
import { deleteAcls } from '../../src/protocol/apis/delete-acls.ts'
import { metadata } from '../../src/protocol/apis/metadata.ts'
import { errorKindOf, type KafkaErrorName } from '../../src/protocol/error-codes.ts'
import type { AnyApi, RequestInput, ResponseOf } from '../../src/protocol/schema/message.ts'

export type Send = <A extends AnyApi>(
  api: A,
  request: RequestInput<A>,
  options?: { readonly version?: number },
) => Promise<ResponseOf<A>>

export interface RightsServer {
  readonly admin: Send
  readonly user: Send
  /** As `User:alice`. */
  readonly principal: string
  /** How often an answer is asked for again: where rules take effect a little later. */
  readonly attempts: number
  pause(): Promise<void>
}

export interface Scene {
  readonly topic: string
  readonly topicId: Buffer
  /** A topic that does not exist. */
  readonly missing: string
  readonly group: string
  readonly txn: string
  readonly admin: Send
  /** A moment, for what takes effect a little later. */
  pause(): Promise<void>
}

export interface Step {
  /** As `read topic`, `write txn`, `alter cluster`, `describe secret-topic`, `describe missing`. */
  readonly rights: readonly string[]
  readonly codes: readonly KafkaErrorName[]
  /** What the answer tells of the rights themselves, where it was asked for: bits of Kafka's operations. */
  readonly told?: readonly number[]
  /** A name that must be in the answer. */
  readonly sees?: string
  /** A name that must not be in the answer, besides the secret ones. */
  readonly hides?: (scene: Scene) => string
}

export interface RightsCase {
  readonly api: AnyApi
  readonly what: string
  readonly version?: number
  readonly before?: (scene: Scene) => Promise<unknown>
  readonly request: (scene: Scene) => unknown
  readonly steps: readonly Step[]
}

export const SECRET_TOPIC = 'secret-topic'
export const SECRET_GROUP = 'secret-group'

/** A row whose request type is checked. */
export function rightsCase<A extends AnyApi>(
  api: A,
  what: string,
  request: (scene: Scene) => RequestInput<A>,
  steps: readonly Step[],
  more: { readonly version?: number; readonly before?: (scene: Scene) => Promise<unknown> } = {},
): RightsCase {
  return { api, what, request, steps, ...more }
}

const operations = { all: 2, read: 3, write: 4, create: 5, delete: 6, alter: 7, describe: 8 } as const
const moreOperations = {
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
} as const
const types = { topic: 2, missing: 2, group: 3, cluster: 4, txn: 5 } as const

let count = 0

async function sceneOf({ admin, pause }: RightsServer): Promise<Scene> {
  const n = count++
  const topic = `rights-${n}`
  const request = { name: topic, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  await admin(createTopics, { topics: [request], timeoutMs: 10_000 })
  const told = await admin(
    metadata,
    { topics: [{ name: topic }], allowAutoTopicCreation: false },
    { version: 12 },
  )
  const { topicId } = told.topics[0]!
  return { topic, topicId, missing: `missing-${n}`, group: `group-${n}`, txn: `txn-${n}`, admin, pause }
}

async function grant(
  { admin, principal }: RightsServer,
  scene: Scene,
  rights: readonly string[],
): Promise<void> {
  if (rights.length === 0) return
  const creations = rights.map((right) => {
    const [operation = '', kind = ''] = right.split(' ')
    const secret = kind === SECRET_TOPIC ? types.topic : kind === SECRET_GROUP ? types.group : undefined
    const name = kind === 'cluster' ? 'kafka-cluster' : (scene[kind as 'topic'] as string | undefined)
    return {
      resourceType: secret ?? types[kind as keyof typeof types],
      resourceName: secret === undefined ? name! : kind,
      principal,
      host: '*',
      operation: { ...operations, ...moreOperations }[operation as 'read'],
      permissionType: 3,
    }
  })
  const { results } = await admin(createAcls, { creations })
  assert.deepEqual(
    results.map(({ errorCode }) => errorCode),
    rights.map(() => 0),
  )
}

async function revokeAll({ admin, principal }: RightsServer): Promise<void> {
  const anything = { resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1, hostFilter: null }
  const filter = { ...anything, principalFilter: principal, operation: 1, permissionType: 1 }
  await admin(deleteAcls, { filters: [filter] })
}

/** The values of all fields with this ending in an answer, in their order. */
function fieldsIn(answer: unknown, ending: RegExp): readonly unknown[] {
  if (Array.isArray(answer)) return answer.flatMap((each) => fieldsIn(each, ending))
  if (typeof answer !== 'object' || answer === null || answer instanceof Uint8Array) return []
  return Object.entries(answer).flatMap(([name, value]) =>
    ending.test(name) ? [value] : fieldsIn(value, ending),
  )
}

/** The names of all errors in an answer, each once, sorted; NONE when there is none. */
export function codesIn(answer: unknown): readonly string[] {
  const found = new Set(
    fieldsIn(answer, /errorCode$/i).map((code) => errorKindOf(code as number).name as string),
  )
  found.delete('NONE')
  return found.size === 0 ? ['NONE'] : [...found].sort()
}

const textOf = (answer: unknown): string =>
  JSON.stringify(answer, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))

/** Runs a step, again where rules take effect later. */
export async function runStep(server: RightsServer, row: RightsCase, step: Step): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await revokeAll(server)
    const scene = await sceneOf(server)
    await row.before?.(scene)
    await grant(server, scene, step.rights)
    if (attempt > 1) await server.pause()
    try {
      const options = row.version === undefined ? {} : { version: row.version }
      const answer = await server.user(row.api, row.request(scene) as never, options)
      const text = textOf(answer)
      assert.deepEqual(codesIn(answer), step.codes, text.slice(0, 500))
      if (step.told !== undefined) assert.deepEqual(fieldsIn(answer, /authorizedOperations$/i), step.told)
      if (step.sees !== undefined) assert.ok(text.includes(step.sees), `${step.sees} is not in ${text}`)
      for (const secret of [SECRET_TOPIC, SECRET_GROUP, step.hides?.(scene)]) {
        if (secret === undefined || step.sees?.startsWith('secret-') === true) continue
        assert.ok(!text.includes(secret), `${secret} is in ${text}`)
      }
      return
    } catch (error) {
      if (attempt >= server.attempts) throw error
    }
  }
}
