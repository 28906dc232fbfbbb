/** `millrace groups delete`: forgets groups with their positions, after each name was typed once more. */
import { createAdmin } from '../../client/admin/admin.ts'
import type { CommandContext } from '../command.ts'
import { confirm, requireAnswers } from '../confirm.ts'
import { eachOf } from '../each-of.ts'
import { changeGroup, refuseMembers, requireGroups } from '../group-state.ts'
import { countOf } from '../terminal/text.ts'
import { orAborted, withCluster } from '../with-cluster.ts'

export async function run(context: CommandContext): Promise<void> {
  const { flags, output, signal } = context
  const groups = [...new Set(context.arguments.many('group'))]
  const dryRun = flags.on('dry-run')
  if (!dryRun) requireAnswers(context)
  await withCluster(context, async (cluster) => {
    const admin = createAdmin(cluster, { timeoutMs: cluster.requestTimeoutMs })
    const described = await orAborted(signal, requireGroups(admin, groups))
    described.forEach(refuseMembers)
    const asking = groups.map(async (group) => {
      const positions = await admin.groupOffsets(group)
      return {
        name: group,
        what: `delete group "${group}" with ${countOf(positions.size, 'committed position')}`,
      }
    })
    const questions = await orAborted(signal, Promise.all(asking))
    if (dryRun) {
      output.rows(groups.map((group) => ({ group })))
      output.note('nothing was deleted')
      return
    }
    await confirm(context, questions)
    const deleting = eachOf(groups, 'not deleted', (group) =>
      changeGroup(group, () => admin.deleteGroups([group])),
    )
    const { done, failure } = await orAborted(signal, deleting)
    if (done.length > 0) output.rows(done.map((group) => ({ group })))
    if (failure !== undefined) throw failure
  })
}
