/** `millrace groups list`: the groups that the brokers know. */
import { createAdmin } from '../../client/admin/admin.ts'
import type { CommandContext } from '../command.ts'
import { askCluster } from '../with-cluster.ts'

const columns = ['group', 'state', 'type', 'protocol_type']

export async function run(context: CommandContext): Promise<void> {
  const { output } = context
  const groups = await askCluster(context, (cluster) =>
    createAdmin(cluster, { timeoutMs: cluster.requestTimeoutMs }).listGroups(),
  )
  const rows = groups.map(({ group, state, type, protocolType }) => ({
    group,
    state,
    type,
    protocol_type: protocolType,
  }))
  if (rows.length > 0 || output.format !== 'table') output.rows(rows, columns)
  else output.note('no groups; `millrace consume TOPIC --group NAME` makes one')
}
