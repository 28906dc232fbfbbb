/**
 * `millrace topics purge`: deletes the records of a topic before a position, or all there are, after its name was
 * typed once more. What is written meanwhile stays: the end is the one that was asked about.
 */
import { createAdmin } from '../../client/admin/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import { MillraceError } from '../../core/errors.ts'
import { partitionName } from '../../core/record.ts'
import { chosenPartitions, partitionNumbers } from '../chosen-partitions.ts'
import type { CommandContext } from '../command.ts'
import { confirm, requireAnswers } from '../confirm.ts'
import { type OffsetPoint, parsePosition } from '../offset-language.ts'
import { planReading } from '../read-plan.ts'
import { countOf } from '../terminal/text.ts'
import { offsetsAt } from '../topic-offsets.ts'
import { topicSettings } from '../topic-settings.ts'
import { orAborted, withCluster } from '../with-cluster.ts'

interface Cut {
  readonly topic: string
  readonly partition: number
  readonly startOffset: number
  readonly beforeOffset: number
}

export async function run(context: CommandContext): Promise<void> {
  const { flags, output, platform, signal } = context
  const topic = context.arguments.one('topic')
  const before = parsePosition(flags.text('before') ?? 'end', platform.clock.nowMs())
  const chosen = partitionNumbers(flags)
  const dryRun = flags.on('dry-run')
  if (!dryRun) requireAnswers(context)
  await withCluster(context, async (cluster) => {
    const cuts = await orAborted(signal, cutsOf(cluster, topic, chosen, before))
    const rows = cuts.map(({ partition, startOffset, beforeOffset }) => ({
      topic,
      partition,
      start_offset: beforeOffset,
      deleted: beforeOffset - startOffset,
    }))
    const deleted = rows.reduce((sum, row) => sum + row.deleted, 0)
    if (!dryRun && deleted > 0) {
      await confirm(context, [
        { name: topic, what: `delete ${countOf(deleted, 'record')} of topic "${topic}"` },
      ])
      const admin = createAdmin(cluster, { timeoutMs: cluster.requestTimeoutMs })
      await orAborted(signal, admin.deleteRecords(cuts.filter((cut) => cut.beforeOffset > cut.startOffset)))
    }
    output.rows(rows)
    if (dryRun) output.note('nothing was deleted')
  })
}

/** Where each partition is to start. @throws MR_TOPIC_UNKNOWN, MR_USAGE */
async function cutsOf(
  cluster: Cluster,
  topic: string,
  chosen: readonly number[],
  before: OffsetPoint,
): Promise<readonly Cut[]> {
  const partitions = await chosenPartitions(cluster, [topic], chosen)
  await requireDeletable(cluster, topic)
  const [plan, starts] = await Promise.all([
    planReading(cluster, partitions, {
      range: { from: before },
      isolation: 'read_uncommitted',
      follow: false,
    }),
    offsetsAt(cluster, partitions, 'earliest'),
  ])
  return plan.map(({ partition, from }) => {
    const startOffset = starts.get(partitionName(topic, partition)) ?? 0
    return { topic, partition, startOffset, beforeOffset: Math.max(from, startOffset) }
  })
}

/** Brokers refuse it for topics that are only compacted: said before anybody is asked. @throws MR_USAGE */
async function requireDeletable(cluster: Cluster, topic: string): Promise<void> {
  const admin = createAdmin(cluster, { timeoutMs: cluster.requestTimeoutMs })
  const policy = (await topicSettings(admin, topic))?.get('cleanup.policy')
  if (policy === undefined || policy === null || policy.split(',').includes('delete')) return
  throw new MillraceError('MR_USAGE', `topic "${topic}" keeps the last record of every key`, {
    where: `cleanup.policy=${policy}`,
    hint: `\`millrace topics alter ${topic} --set cleanup.policy=compact,delete\` allows to delete its records.`,
  })
}
