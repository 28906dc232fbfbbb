/** `millrace groups describe`: the members of groups, and per partition how far they have come. */
import { createAdmin } from '../../client/admin/admin.ts'
import type { GroupDescription } from '../../client/admin/groups.ts'
import type { CommandContext } from '../command.ts'
import { type GroupPosition, lagOf, memberName, positionsOf, requireGroups } from '../group-state.ts'
import { type Output, styler } from '../output.ts'
import { countOf, printable } from '../terminal/text.ts'
import { askCluster } from '../with-cluster.ts'

interface DescribedGroup {
  readonly description: GroupDescription
  readonly positions: readonly GroupPosition[]
}

const columns = ['topic', 'partition', 'committed_offset', 'end_offset', 'lag', 'client_id', 'host']

export async function run(context: CommandContext): Promise<void> {
  const { flags, output, terminal } = context
  const groups = [...new Set(context.arguments.many('group'))]
  const described = await askCluster(context, async (cluster): Promise<readonly DescribedGroup[]> => {
    const admin = createAdmin(cluster, { timeoutMs: cluster.requestTimeoutMs })
    const descriptions = await requireGroups(admin, groups)
    return Promise.all(
      descriptions.map(async (description) => ({
        description,
        positions: await positionsOf(cluster, admin, description),
      })),
    )
  })
  if (output.format !== 'table') output.rows(described.map(rowOf))
  else {
    const bold = styler(terminal.out, '1')
    described.forEach((group, at) => {
      if (at > 0) output.raw('\n')
      show(group, output, { bold, all: flags.on('verbose') })
    })
  }
}

function rowOf({ description, positions }: DescribedGroup) {
  const { group, state, type, assignor, members } = description
  return {
    group,
    state,
    type,
    assignor,
    lag: totalLag(positions),
    members: members.map((member) => ({
      member_id: member.memberId,
      instance_id: member.groupInstanceId,
      client_id: member.clientId,
      host: member.host,
      partitions: member.assignment.length,
    })),
    partitions: positions.map((position) => ({
      ...partitionRow(position),
      member_id: position.member?.memberId ?? null,
    })),
  }
}

function partitionRow({ topic, partition, committed, end, member }: GroupPosition) {
  return {
    topic,
    partition,
    committed_offset: committed,
    end_offset: end,
    lag: lagOf({ committed, end }),
    client_id: member?.clientId ?? null,
    host: member?.host ?? null,
  }
}

function show(
  { description, positions }: DescribedGroup,
  output: Output,
  { all, bold }: { readonly all: boolean; readonly bold: (text: string) => string },
): void {
  const { group, state, assignor, members } = description
  const lag = totalLag(positions)
  const facts = [state, countOf(members.length, 'member')]
  facts.push(lag === null ? 'lag not known' : `lag ${countOf(lag, 'record')}`)
  if (assignor !== '') facts.push(printable(assignor))
  output.raw(`${bold(printable(group))}  ${facts.join(' · ')}\n`)
  if (positions.length > 0) {
    output.raw('\n')
    const rows = positions.map((one) => ({ ...partitionRow(one), member_id: one.member?.memberId ?? null }))
    output.rows(rows, all ? [...columns, 'member_id'] : columns)
  }
  const idle = members.filter(({ assignment }) => assignment.length === 0)
  if (idle.length === 0) return
  const names = idle.map(memberName).join(', ')
  output.raw(`\nwithout a partition: ${printable(names)}\n`)
}

/** Of the partitions where it is known; null when there are some, and it is known of none. */
function totalLag(positions: readonly GroupPosition[]): number | null {
  const known = positions.map(lagOf).filter((lag) => lag !== null)
  return known.length === 0 && positions.length > 0 ? null : known.reduce((sum, lag) => sum + lag, 0)
}
