/** `millrace topics describe`: partitions, offsets and settings of topics. */
import { type Admin, createAdmin } from '../../client/admin/admin.ts'
import type { ConfigEntry } from '../../client/admin/configs.ts'
import type { TopicDescription } from '../../client/admin/topics.ts'
import type { Cluster } from '../../client/cluster.ts'
import { isMillraceError } from '../../core/errors.ts'
import { partitionName } from '../../core/record.ts'
import type { CommandContext } from '../command.ts'
import { type Output, styler } from '../output.ts'
import { countOf, printable } from '../terminal/text.ts'
import { boundsOf } from '../topic-offsets.ts'
import { askCluster, requireTopic } from '../with-cluster.ts'

interface PartitionRow {
  readonly [name: string]: number | null | readonly number[]
  readonly partition: number
  readonly leader: number | null
  readonly replicas: readonly number[]
  readonly in_sync_replicas: readonly number[]
  readonly start_offset: number | null
  readonly end_offset: number | null
}

interface DescribedTopic {
  readonly description: TopicDescription
  readonly partitions: readonly PartitionRow[]
  /** Undefined when the broker does not tell. */
  readonly settings: readonly ConfigEntry[] | undefined
}

export async function run(context: CommandContext): Promise<void> {
  const { flags, output, terminal } = context
  const topics = [...new Set(context.arguments.many('topic'))]
  const described = await askCluster(context, async (cluster) => {
    for (const topic of topics) await requireTopic(cluster, topic)
    const admin = createAdmin(cluster, { timeoutMs: cluster.requestTimeoutMs })
    return describe(cluster, admin, topics)
  })
  if (output.format !== 'table') output.rows(described.map(rowOf))
  else {
    const bold = styler(terminal.out, '1')
    described.forEach((topic, at) => {
      if (at > 0) output.raw('\n')
      show(topic, output, { bold, all: flags.on('verbose') })
    })
  }
}

async function describe(
  cluster: Cluster,
  admin: Admin,
  topics: readonly string[],
): Promise<readonly DescribedTopic[]> {
  const descriptions = await admin.describeTopics(topics)
  const [bounds, settings] = await Promise.all([
    boundsOf(
      cluster,
      descriptions.flatMap(({ topic, partitions }) => partitions.map((one) => ({ topic, ...one }))),
    ),
    settingsOf(admin, topics),
  ])
  return descriptions.map((description) => ({
    description,
    settings: settings.get(description.topic),
    partitions: description.partitions.map(({ partition, leader, replicas, inSyncReplicas }) => {
      const found = bounds.get(partitionName(description.topic, partition))
      return {
        partition,
        leader: leader < 0 ? null : leader,
        replicas,
        in_sync_replicas: inSyncReplicas,
        start_offset: found?.startOffset ?? null,
        end_offset: found?.endOffset ?? null,
      }
    }),
  }))
}

async function settingsOf(
  admin: Admin,
  topics: readonly string[],
): Promise<ReadonlyMap<string, readonly ConfigEntry[]>> {
  try {
    const found = await admin.describeConfigs(topics.map((name) => ({ type: 'topic', name })))
    return new Map(found.map(({ name, configs }) => [name, configs]))
  } catch (error) {
    // Brokers are not bound to tell: the rest of the answer stands without it.
    if (isMillraceError(error, 'MR_PROTOCOL_VERSION_UNSUPPORTED')) return new Map()
    throw error
  }
}

function rowOf({ description, partitions, settings }: DescribedTopic) {
  return {
    topic: description.topic,
    topic_id: description.topicId,
    internal: description.internal,
    partitions,
    settings:
      settings === undefined ? null : Object.fromEntries(settings.map(({ name, value }) => [name, value])),
  }
}

function show(
  { description, partitions, settings = [] }: DescribedTopic,
  output: Output,
  { all, bold }: { readonly all: boolean; readonly bold: (text: string) => string },
): void {
  const records = partitions.reduce((sum, one) => sum + (one.end_offset ?? 0) - (one.start_offset ?? 0), 0)
  const counts = [countOf(partitions.length, 'partition'), countOf(records, 'record')]
  if (description.internal) counts.push('internal')
  output.raw(`${bold(printable(description.topic))}  ${counts.join(' · ')}\n\n`)
  output.rows(
    partitions.map(({ replicas, in_sync_replicas, ...rest }) => ({
      ...rest,
      replicas: replicas.join(','),
      in_sync_replicas: in_sync_replicas.join(','),
    })),
    ['partition', 'start_offset', 'end_offset', 'leader', 'replicas', 'in_sync_replicas'],
  )
  const shown = settings.filter(({ source }) => all || source === 'topic')
  if (shown.length === 0) return
  output.raw('\n')
  output.rows(shown.map(({ name, value, source }) => ({ setting: name, value, from: source })))
}
