/** `millrace topics create`: makes topics; one that cannot be made does not keep the others from being made. */
import { createAdmin } from '../../client/admin/admin.ts'
import { isMillraceError, MillraceError } from '../../core/errors.ts'
import { checkTopicName } from '../../core/topic-name.ts'
import type { CommandContext } from '../command.ts'
import { eachOf } from '../each-of.ts'
import { settingsOf } from '../setting.ts'
import { askCluster } from '../with-cluster.ts'

const PARTITIONS_MAX = 100_000

export async function run(context: CommandContext): Promise<void> {
  const { flags, output } = context
  const topics = context.arguments.many('topic')
  topics.forEach(checkTopicName)
  const partitions = flags.whole('partitions', { min: 1, max: PARTITIONS_MAX }) ?? 1
  const configs = Object.fromEntries(settingsOf(flags.texts('set')))
  const dryRun = flags.on('dry-run')
  const { done, failure } = await askCluster(context, async (cluster) => {
    const admin = createAdmin(cluster, { timeoutMs: cluster.requestTimeoutMs })
    return eachOf(topics, 'not created', async (topic) => {
      try {
        await admin.createTopics([{ topic, partitions, configs }], { validateOnly: dryRun })
      } catch (error) {
        throw isMillraceError(error, 'MR_TOPIC_EXISTS') ? topicExists(topic) : error
      }
    })
  })
  if (done.length > 0) output.rows(done.map((topic) => ({ topic, partitions })))
  if (dryRun) output.note('only checked; nothing was created')
  if (failure !== undefined) throw failure
}

function topicExists(topic: string): MillraceError {
  return new MillraceError('MR_TOPIC_EXISTS', `topic "${topic}" already exists`, {
    hint: `\`millrace topics describe ${topic}\` shows it.`,
    context: { topic },
  })
}
