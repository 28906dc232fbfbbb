/**
 * `millrace groups reset`: sets where a group goes on in topics, told in the language of `consume -o`.
 *
 * The group must have no members: they would commit over it. Positions outside of what a partition holds are moved
 * to its start or end.
 */
import { createAdmin } from '../../client/admin/admin.ts'
import { MillraceError } from '../../core/errors.ts'
import { partitionName } from '../../core/record.ts'
import { chosenPartitions, partitionNumbers } from '../chosen-partitions.ts'
import type { CommandContext } from '../command.ts'
import { changeGroup, refuseMembers, requireGroups } from '../group-state.ts'
import { parsePosition } from '../offset-language.ts'
import { planReading } from '../read-plan.ts'
import { askCluster } from '../with-cluster.ts'

export async function run(context: CommandContext): Promise<void> {
  const { flags, output, platform } = context
  const group = context.arguments.one('group')
  const topics = flags.texts('topic')
  if (topics.length === 0) throw missing('the topic', '--topic orders')
  const to = flags.text('to')
  if (to === undefined) throw missing('where to go on', '--to start, --to 47 or --to @-1h')
  const range = { from: parsePosition(to, platform.clock.nowMs()) }
  const chosen = partitionNumbers(flags)
  const dryRun = flags.on('dry-run')
  const rows = await askCluster(context, async (cluster) => {
    const admin = createAdmin(cluster, { timeoutMs: cluster.requestTimeoutMs })
    const described = await requireGroups(admin, [group])
    described.forEach(refuseMembers)
    const partitions = await chosenPartitions(cluster, topics, chosen)
    const [plan, before] = await Promise.all([
      planReading(cluster, partitions, { range, isolation: 'read_uncommitted', follow: false }),
      admin.groupOffsets(group, partitions),
    ])
    const offsets = plan.map(({ topic, partition, from }) => ({ topic, partition, offset: from }))
    if (!dryRun) await changeGroup(group, () => admin.alterGroupOffsets(group, offsets))
    return plan.map(({ topic, partition, from, to: end }) => ({
      topic,
      partition,
      before: before.get(partitionName(topic, partition))?.offset ?? null,
      after: from,
      lag: Math.max(0, end - from),
    }))
  })
  output.rows(rows)
  if (dryRun) output.note('nothing was changed')
}

function missing(what: string, example: string): MillraceError {
  return new MillraceError('MR_USAGE', `${what} is not given`, { hint: `Write ${example}.` })
}
