/** `millrace topics delete`: deletes topics with all their records, after each name was typed once more. */
import { createAdmin } from '../../client/admin/admin.ts'
import type { Cluster } from '../../client/cluster.ts'
import type { CommandContext } from '../command.ts'
import { confirm, type Question, requireAnswers } from '../confirm.ts'
import { eachOf } from '../each-of.ts'
import { countOf } from '../terminal/text.ts'
import { boundsOf } from '../topic-offsets.ts'
import { orAborted, requireTopic, withCluster } from '../with-cluster.ts'

export async function run(context: CommandContext): Promise<void> {
  const { flags, output, signal } = context
  const topics = [...new Set(context.arguments.many('topic'))]
  const dryRun = flags.on('dry-run')
  if (!dryRun) requireAnswers(context)
  await withCluster(context, async (cluster) => {
    const questions = await orAborted(signal, Promise.all(topics.map((topic) => questionOf(cluster, topic))))
    if (dryRun) {
      output.rows(topics.map((topic) => ({ topic })))
      output.note('nothing was deleted')
      return
    }
    await confirm(context, questions)
    const admin = createAdmin(cluster, { timeoutMs: cluster.requestTimeoutMs })
    const deleting = eachOf(topics, 'not deleted', (topic) => admin.deleteTopics([topic]))
    const { done, failure } = await orAborted(signal, deleting)
    if (done.length > 0) output.rows(done.map((topic) => ({ topic })))
    if (failure !== undefined) throw failure
  })
}

/** @throws MR_TOPIC_UNKNOWN */
async function questionOf(cluster: Cluster, topic: string): Promise<Question> {
  const { partitions } = await requireTopic(cluster, topic)
  const bounds = await boundsOf(
    cluster,
    partitions.map((one) => ({ topic, ...one })),
  )
  const records = [...bounds.values()].reduce((sum, one) => sum + one.endOffset - one.startOffset, 0)
  return { name: topic, what: `delete topic "${topic}" with ${countOf(records, 'record')}` }
}
