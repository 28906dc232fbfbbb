/** `millrace topics list`: the topics with their partitions and records. */
import { createAdmin } from '../../client/admin/admin.ts'
import type { TopicDescription } from '../../client/admin/topics.ts'
import { messageOf } from '../../core/errors.ts'
import { partitionName } from '../../core/record.ts'
import type { CommandContext } from '../command.ts'
import { boundsOf, type PartitionOffsets } from '../topic-offsets.ts'
import { askCluster } from '../with-cluster.ts'

const columns = ['topic', 'partitions', 'records', 'internal']

export async function run(context: CommandContext): Promise<void> {
  const { flags, output } = context
  const withInternal = flags.on('internal')
  const { bounds, topics } = await askCluster(context, async (cluster) => {
    const admin = createAdmin(cluster, { timeoutMs: cluster.requestTimeoutMs })
    const all = await admin.listTopics({ internal: withInternal })
    const listed = all.filter((topic) => withInternal || !isInternal(topic))
    const partitions = listed.flatMap(({ topic, partitions: of }) => of.map((one) => ({ topic, ...one })))
    const found = await boundsOf(cluster, partitions).catch((error: unknown) => {
      output.note(`records are not known: ${messageOf(error)}`)
      return new Map<string, PartitionOffsets>()
    })
    return { topics: listed, bounds: found }
  })
  const rows = topics.map((topic) => ({
    topic: topic.topic,
    partitions: topic.partitions.length,
    records: recordsOf(topic, bounds),
    internal: isInternal(topic),
  }))
  if (output.format !== 'table') output.rows(rows, columns)
  else if (rows.length > 0) output.rows(rows, withInternal ? columns : columns.slice(0, 3))
  else output.note('no topics; make one with `millrace topics create NAME`')
}

/** Topics that brokers keep for themselves, and by their names those that Millrace does. */
function isInternal({ internal, topic }: TopicDescription): boolean {
  return internal || topic.startsWith('__')
}

/** Between start and end of the partitions; null when one of them cannot be asked. */
function recordsOf(
  { topic, partitions }: TopicDescription,
  bounds: ReadonlyMap<string, PartitionOffsets>,
): number | null {
  let records = 0
  for (const { partition } of partitions) {
    const found = bounds.get(partitionName(topic, partition))
    if (found === undefined) return null
    records += found.endOffset - found.startOffset
  }
  return records
}
