/**
 * `millrace topics alter`: changes settings of a topic, and gives it more partitions.
 *
 * Everything is checked before the first change, by the broker where it can, so that nothing is done by halves.
 */
import { createAdmin } from '../../client/admin/admin.ts'
import { MillraceError } from '../../core/errors.ts'
import type { CommandContext, CommandFlags } from '../command.ts'
import { settingsOf } from '../setting.ts'
import { countOf } from '../terminal/text.ts'
import { requireSetting, topicSettings } from '../topic-settings.ts'
import { askCluster, requireTopic } from '../with-cluster.ts'

const PARTITIONS_MAX = 100_000

interface Changes {
  /** By name; null takes a setting back to the broker's default. */
  readonly settings: ReadonlyMap<string, string | null>
  readonly partitions: number | undefined
}

interface ChangeRow {
  readonly [name: string]: string | null
  readonly topic: string
  readonly setting: string
  readonly before: string | null
  readonly after: string | null
}

export async function run(context: CommandContext): Promise<void> {
  const { flags, output } = context
  const topic = context.arguments.one('topic')
  const changes = changesOf(flags)
  const dryRun = flags.on('dry-run')
  const { count, rows } = await askCluster(context, async (cluster) => {
    const admin = createAdmin(cluster, { timeoutMs: cluster.requestTimeoutMs })
    const count = (await requireTopic(cluster, topic)).partitions.length
    checkPartitions(topic, count, changes.partitions)
    const known = await topicSettings(admin, topic)
    if (known !== undefined) for (const name of changes.settings.keys()) requireSetting(name, known)
    const configs = [{ type: 'topic' as const, name: topic, configs: Object.fromEntries(changes.settings) }]
    const alters = changes.settings.size > 0
    if (alters) await admin.alterConfigs(configs, { validateOnly: true })
    if (alters && !dryRun) await admin.alterConfigs(configs)
    const { partitions = count } = changes
    if (partitions > count && !dryRun) await admin.createPartitions([{ topic, partitions }])
    return { count, rows: rowsOf(topic, changes, { count, known }) }
  })
  const inTable = ({ before, after, ...row }: ChangeRow) => ({
    ...row,
    before: before ?? '',
    after: after ?? 'the default',
  })
  output.rows(output.format === 'table' ? rows.map(inTable) : rows)
  if (dryRun) output.note('only checked; nothing was changed')
  else if ((changes.partitions ?? count) > count) {
    output.note('records of a key may go to another partition than before')
  }
}

/** @throws MR_USAGE */
function changesOf(flags: CommandFlags): Changes {
  const settings = new Map<string, string | null>(settingsOf(flags.texts('set')))
  for (const name of flags.texts('unset')) {
    if (settings.has(name) && settings.get(name) !== null) {
      throw new MillraceError('MR_USAGE', `${name} is both set and unset`)
    }
    settings.set(name, null)
  }
  const partitions = flags.whole('partitions', { min: 1, max: PARTITIONS_MAX })
  if (settings.size > 0 || partitions !== undefined) return { settings, partitions }
  throw new MillraceError('MR_USAGE', 'nothing is said to change', {
    hint: 'Write --set NAME=VALUE, --unset NAME or --partitions N.',
  })
}

/** @throws MR_USAGE for fewer partitions than there are */
function checkPartitions(topic: string, count: number, wanted: number | undefined): void {
  if (wanted === undefined || wanted >= count) return
  throw new MillraceError('MR_USAGE', `topic "${topic}" has ${countOf(count, 'partition')}, not fewer`, {
    hint: 'Partitions can only become more; make a new topic for fewer.',
  })
}

function rowsOf(
  topic: string,
  { settings, partitions }: Changes,
  {
    count,
    known,
  }: { readonly count: number; readonly known: ReadonlyMap<string, string | null> | undefined },
): readonly ChangeRow[] {
  const rows = [...settings].map(([setting, after]) => ({
    topic,
    setting,
    before: known?.get(setting) ?? null,
    after,
  }))
  if (partitions === undefined) return rows
  return [...rows, { topic, setting: 'partitions', before: String(count), after: String(partitions) }]
}
