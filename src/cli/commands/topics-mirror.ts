/**
 * `millrace topics mirror`: copies topics to another cluster, each committed record once, and brings the positions of
 * consumer groups along. It may be interrupted at any moment and started again.
 */
import { createAdmin } from '../../client/admin/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import type { GroupMove } from '../../client/mirror/group-moves.ts'
import { Mirror, openRecordsOf } from '../../client/mirror/mirror.ts'
import type { MirrorTopic } from '../../client/mirror/mirror-plan.ts'
import { formatDuration } from '../../core/duration.ts'
import { isMillraceError, messageOf } from '../../core/errors.ts'
import { sleep } from '../../platform/clock.ts'
import type { CommandContext } from '../command.ts'
import { configInFile } from '../command-config.ts'
import { showMirrorProgress } from '../mirror-progress.ts'
import { ofTarget, targetAddresses } from '../mirror-target.ts'
import { chosenTopics } from '../mirror-topics.ts'
import { countOf, formatCount } from '../terminal/text.ts'
import { orAborted, withCluster, withClusterAt } from '../with-cluster.ts'

/** While following, groups are brought along this often, and once more at the end. */
const GROUPS_INTERVAL_MS = 10_000
const TO_CONFIG = 'to-config'

interface Outcome {
  readonly mirror: Mirror
  /** What was known before anything was made: whose topics are new. */
  readonly before: readonly MirrorTopic[]
  readonly groups: readonly GroupMove[]
}

export async function run(context: CommandContext): Promise<void> {
  const { flags } = context
  const addresses = targetAddresses(flags.text('to'))
  const { security } = configInFile(context, TO_CONFIG, flags.text(TO_CONFIG))
  await withCluster(context, async (source) => {
    const known = await orAborted(context.signal, createAdmin(source).listTopics({ internal: true }))
    const topics = chosenTopics(context.arguments.many('topic'), known)
    if (topics.length === 0) {
      context.output.note('no topics to copy; make one with `millrace topics create NAME`')
    }
    try {
      const use = (target: Cluster): Promise<void> => mirrorTo(context, { source, target, topics })
      await withClusterAt(context, addresses, use, security)
    } catch (error) {
      throw addresses.some((address) => isMillraceError(error) && error.where?.includes(address) === true)
        ? ofTarget(error)
        : error
    }
  })
}

async function mirrorTo(
  context: CommandContext,
  clusters: { readonly source: Cluster; readonly target: Cluster; readonly topics: readonly string[] },
): Promise<void> {
  const { flags, output, platform, signal } = context
  const startMs = platform.clock.monotonicMs()
  const mirror = await orAborted(signal, Mirror.open(clusters))
  try {
    const before = mirror.topics
    if (flags.on('dry-run')) {
      const groups = flags.on('no-groups') ? [] : await orAborted(signal, mirror.planGroups())
      report(context, { mirror, before, groups })
      output.note('nothing was copied or moved')
      return
    }
    await orAborted(signal, mirror.prepare())
    tellMissed(context, mirror.topics)
    await copy(context, mirror)
    const complete = flags.on('follow') || !signal.aborted
    const groups = flags.on('no-groups') || !complete ? [] : await mirror.moveGroups()
    report(context, { mirror, before, groups })
    const seconds = (platform.clock.monotonicMs() - startMs) / 1000
    const { records } = mirror.progress
    const rate = records === 0 ? '' : ` (${formatCount(records / seconds)}/s)`
    output.note(`${countOf(records, 'record')} copied in ${formatDuration(seconds * 1000)}${rate}`)
    if (!complete) output.note('interrupted; start it again to go on from here')
  } finally {
    await mirror.close()
  }
}

/** Copies with progress; while following, groups come along. */
async function copy(context: CommandContext, mirror: Mirror): Promise<void> {
  const { flags, output, platform, signal, terminal } = context
  const follow = flags.on('follow')
  const hide = showMirrorProgress({
    terminal,
    clock: platform.clock,
    shown: !output.quiet && !flags.on('no-progress'),
    follow,
    state: () => mirror.progress,
  })
  const ended = new AbortController()
  const moving =
    follow && !flags.on('no-groups')
      ? keepMoving(context, mirror, AbortSignal.any([signal, ended.signal]))
      : undefined
  try {
    await mirror.copy({ follow, signal })
  } finally {
    ended.abort()
    await moving
    hide()
  }
}

/** Until the signal aborts. What goes wrong may go right the next time, or is told at the end. */
async function keepMoving({ logger, platform }: CommandContext, mirror: Mirror, signal: AbortSignal) {
  while (!signal.aborted) {
    try {
      await sleep(platform.clock, GROUPS_INTERVAL_MS, signal)
      await mirror.moveGroups()
    } catch (error) {
      if (!signal.aborted) logger.warn({ error: messageOf(error) }, 'positions of groups were not moved')
    }
  }
}

/** Records that the source deleted before they could be copied are no secret. */
function tellMissed({ output }: CommandContext, topics: readonly MirrorTopic[]): void {
  for (const { topic, partitions } of topics) {
    for (const { partition, missedRecords } of partitions) {
      if (missedRecords === 0) continue
      const what = countOf(missedRecords, 'record')
      output.note(`${what} of ${topic}/${partition} were deleted at the source before they were copied`)
    }
  }
}

function report({ flags, output }: CommandContext, { mirror, before, groups }: Outcome): void {
  const copied = mirror.copied()
  const dryRun = flags.on('dry-run')
  const topics = mirror.topics.map((topic) => {
    const known = before.find((one) => one.topic === topic.topic)
    const records = copied.get(topic.topic) ?? 0
    return {
      topic: topic.topic,
      partitions: topic.partitions.length,
      target: targetOf(known ?? topic),
      copied: records,
      lag: dryRun ? openRecordsOf(topic) : mirror.lagOf(topic.topic),
      missed: topic.partitions.reduce((sum, { missedRecords }) => sum + missedRecords, 0),
      settings_left: topic.configs.left,
    }
  })
  const moves = groups.map(({ group, kept, partitions }) => ({ group, moved_partitions: partitions, kept }))
  if (output.format !== 'table') {
    output.one({ topics, groups: moves })
    return
  }
  if (topics.length > 0) output.rows(topics, ['topic', 'partitions', 'target', 'copied', 'lag'])
  if (moves.length > 0) {
    output.raw('\n')
    output.rows(moves)
  }
  for (const { topic, target, settings_left: left } of topics) {
    if (left.length > 0 && target === 'created') output.note(`${topic}: not taken along: ${left.join(', ')}`)
  }
}

function targetOf({ targetId, partitions }: MirrorTopic): 'created' | 'begun' | 'continued' {
  if (targetId === undefined) return 'created'
  return partitions.every(({ isNew }) => isNew) ? 'begun' : 'continued'
}
