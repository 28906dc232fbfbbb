/** Which records the topics take that a pipeline writes: their settings, read when a thread is given tasks. */
import type { Admin } from '../../client/admin/admin.ts'
import { isMillraceError } from '../../core/errors.ts'
import type { TopicRules } from '../task/task-output.ts'

const names = [
  'max.message.bytes',
  'message.timestamp.after.max.ms',
  'message.timestamp.before.max.ms',
  'message.timestamp.type',
  'cleanup.policy',
]

/**
 * The rules of those topics that may be asked for: who may write to a topic need not have the right to see its settings.
 * What it refuses then is known only when the batch was sent.
 *
 * @throws what is retriable: a broker that does not answer
 */
export async function readTopicRules(
  admin: Admin,
  topics: Iterable<string>,
): Promise<ReadonlyMap<string, TopicRules>> {
  const resources = [...topics].map((name) => ({ type: 'topic' as const, name }))
  try {
    const described = await admin.describeConfigs(resources, { names })
    return new Map(described.map(({ name, configs }) => [name, rulesOf(configs)]))
  } catch (error) {
    if (isMillraceError(error) && !error.retriable) return new Map()
    throw error
  }
}

function rulesOf(configs: readonly { readonly name: string; readonly value: string | null }[]): TopicRules {
  const values = new Map(configs.map(({ name, value }) => [name, value]))
  const most = (name: string): number => Number(values.get(name) ?? Number.POSITIVE_INFINITY)
  const ownTime = values.get('message.timestamp.type') === 'LogAppendTime'
  const time = (name: string): number => (ownTime ? Number.POSITIVE_INFINITY : most(name))
  return {
    batchBytesMax: most('max.message.bytes'),
    aheadMsMax: time('message.timestamp.after.max.ms'),
    behindMsMax: time('message.timestamp.before.max.ms'),
    keyed: values.get('cleanup.policy')?.split(',').includes('compact') ?? false,
  }
}
