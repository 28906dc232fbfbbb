/** The requests of a member of a classic group. Codes that are errors are thrown. */
import { heartbeat } from '../../../protocol/apis/heartbeat.ts'
import { joinGroup } from '../../../protocol/apis/join-group.ts'
import { leaveGroup } from '../../../protocol/apis/leave-group.ts'
import { syncGroup } from '../../../protocol/apis/sync-group.ts'
import { ErrorCodes } from '../../../protocol/error-codes.ts'
import type { ResponseOf } from '../../../protocol/schema/message.ts'
import { isCoordinatorLost } from '../../cluster/ask-coordinator.ts'
import type { Cluster } from '../../cluster.ts'
import type { Lane } from '../../connection/lane.ts'
import type { NegotiatedConnection } from '../../connection/negotiated.ts'
import { checkAnswer, type Place } from '../../errors.ts'
import type { ConsumerSettings } from '../options.ts'

export type JoinAnswer = ResponseOf<typeof joinGroup>

export interface ClassicMember {
  readonly memberId: string
  readonly generation: number
}

const PROTOCOL_TYPE = 'consumer'
/** How much longer than the group may take an answer is waited for. */
const ANSWER_GRACE_MS = 5000
/** From here on the members that leave are a list. */
const LEAVE_LISTED_FROM_VERSION = 3

export interface ClassicRequestsOptions {
  readonly cluster: Cluster
  readonly settings: ConsumerSettings & { readonly group: string }
}

export class ClassicRequests {
  private readonly cluster: Cluster
  private readonly settings: ClassicRequestsOptions['settings']

  constructor(options: ClassicRequestsOptions) {
    this.cluster = options.cluster
    this.settings = options.settings
  }

  /** Waits until all members have joined. The first time the broker gives the member its id (KIP-394). */
  join(
    lane: Lane,
    memberId: string,
    protocols: readonly { readonly name: string; readonly metadata: Buffer }[],
    reason: string,
  ): Promise<JoinAnswer> {
    const { group, groupInstanceId, rebalanceTimeoutMs, sessionTimeoutMs } = this.settings
    return this.ask(lane, async (connection) => {
      const send = (id: string): Promise<JoinAnswer> =>
        connection.send(
          joinGroup,
          {
            groupId: group,
            sessionTimeoutMs,
            rebalanceTimeoutMs,
            memberId: id,
            groupInstanceId,
            protocolType: PROTOCOL_TYPE,
            protocols,
            reason,
          },
          { timeoutMs: rebalanceTimeoutMs + ANSWER_GRACE_MS },
        )
      let answer = await send(memberId)
      if (answer.errorCode === ErrorCodes.MEMBER_ID_REQUIRED) answer = await send(answer.memberId)
      checkAnswer(answer.errorCode, 'join the group', this.place(connection))
      return answer
    })
  }

  /** Sends the assignments, if the member leads, and waits for its own. */
  sync(
    lane: Lane,
    member: ClassicMember,
    protocolName: string | null,
    assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[],
  ): Promise<Buffer> {
    const { group, groupInstanceId, rebalanceTimeoutMs } = this.settings
    return this.ask(lane, async (connection) => {
      const answer = await connection.send(
        syncGroup,
        {
          groupId: group,
          generationId: member.generation,
          memberId: member.memberId,
          groupInstanceId,
          protocolType: PROTOCOL_TYPE,
          protocolName,
          assignments,
        },
        { timeoutMs: rebalanceTimeoutMs + ANSWER_GRACE_MS },
      )
      checkAnswer(answer.errorCode, 'get an assignment', this.place(connection))
      return answer.assignment
    })
  }

  heartbeat(lane: Lane, member: ClassicMember): Promise<void> {
    const { group, groupInstanceId, sessionTimeoutMs } = this.settings
    return this.ask(lane, async (connection) => {
      const answer = await connection.send(
        heartbeat,
        {
          groupId: group,
          generationId: member.generation,
          memberId: member.memberId,
          groupInstanceId,
        },
        { timeoutMs: sessionTimeoutMs },
      )
      checkAnswer(answer.errorCode, 'stay in the group', this.place(connection))
    })
  }

  leave(lane: Lane, memberId: string, reason: string): Promise<void> {
    const { group, groupInstanceId } = this.settings
    return this.ask(lane, async (connection) => {
      const listed = connection.versions.choose(leaveGroup) >= LEAVE_LISTED_FROM_VERSION
      const who = listed ? { members: [{ memberId, groupInstanceId, reason }] } : { memberId }
      const answer = await connection.send(leaveGroup, { groupId: group, ...who })
      const code = answer.members[0]?.errorCode || answer.errorCode
      if (code !== ErrorCodes.UNKNOWN_MEMBER_ID) checkAnswer(code, 'leave the group', this.place(connection))
    })
  }

  private async ask<T>(lane: Lane, attempt: (connection: NegotiatedConnection) => Promise<T>): Promise<T> {
    const { group } = this.settings
    try {
      return await attempt(await this.cluster.coordinator('group', group, lane))
    } catch (error) {
      if (isCoordinatorLost(error)) this.cluster.forgetCoordinator('group', group)
      throw error
    }
  }

  private place(connection: NegotiatedConnection): Place {
    return { group: this.settings.group, broker: connection.broker }
  }
}
