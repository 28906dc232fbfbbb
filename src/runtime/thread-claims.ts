/**
 * Who may run a thread of a pipeline: with exactly-once each thread has a transactional id of its own, and two members of
 * the group with the same one would fence each other for ever. So each says in its subscription which thread it is, and
 * the leader refuses all but one: those who hold partitions stay, and who came first goes before who came later.
 *
 * A member that is dead takes no part in a round, so the one that takes its place is not refused.
 *
 *   subscription  epoch int64 · thread + 1 int32 (0: none) · since int64, ms
 *   assignment    epoch int64 · the member that holds the thread, UTF-8; empty when it is not refused
 */
import type { AssignorMember } from '../client/consumer/assignor.ts'

export interface ThreadClaim {
  /** The number of the thread, which is part of its transactional id. */
  readonly index: number
  /** When it was started, by the wall clock of its machine. */
  readonly sinceMs: number
}

const EPOCH_BYTES = 8
const CLAIM_BYTES = EPOCH_BYTES + 12

export function subscriptionData(epoch: number, claim: ThreadClaim | undefined): Buffer {
  const bytes = Buffer.alloc(CLAIM_BYTES)
  bytes.writeBigInt64BE(BigInt(epoch))
  if (claim === undefined) return bytes
  bytes.writeInt32BE(claim.index + 1, EPOCH_BYTES)
  bytes.writeBigInt64BE(BigInt(Math.trunc(claim.sinceMs)), EPOCH_BYTES + 4)
  return bytes
}

export function assignmentData(epoch: number, holder: string | undefined): Buffer {
  const bytes = Buffer.alloc(EPOCH_BYTES)
  bytes.writeBigInt64BE(BigInt(epoch))
  return holder === undefined ? bytes : Buffer.concat([bytes, Buffer.from(holder)])
}

/** Of a subscription or an assignment; 0 of a member that has none yet. */
export function epochOf(bytes: Buffer): number {
  return bytes.length < EPOCH_BYTES ? 0 : Number(bytes.readBigInt64BE())
}

/** The member that holds the thread, of an assignment that is a refusal. */
export function holderOf(assignment: Buffer): string | undefined {
  return assignment.length > EPOCH_BYTES ? assignment.toString('utf8', EPOCH_BYTES) : undefined
}

function claimOf(subscription: Buffer): ThreadClaim | undefined {
  if (subscription.length < CLAIM_BYTES) return undefined
  const index = subscription.readInt32BE(EPOCH_BYTES) - 1
  return index < 0 ? undefined : { index, sinceMs: Number(subscription.readBigInt64BE(EPOCH_BYTES + 4)) }
}

type Claimant = Pick<AssignorMember, 'memberId' | 'userData' | 'owned' | 'generation'>

/** The members that are refused, each with the one that holds its thread. */
export function refusedMembers(members: readonly Claimant[]): ReadonlyMap<string, string> {
  const claims = members.flatMap((member) => {
    const claim = claimOf(member.userData)
    return claim === undefined ? [] : [{ member, ...claim }]
  })
  const refused = new Map<string, string>()
  for (const rivals of Map.groupBy(claims, ({ index }) => index).values()) {
    const [holder, ...others] = rivals.toSorted(
      (a, b) =>
        heldIn(b.member) - heldIn(a.member) ||
        a.sinceMs - b.sinceMs ||
        (a.member.memberId < b.member.memberId ? -1 : 1),
    )
    for (const { member } of others) refused.set(member.memberId, holder!.member.memberId)
  }
  return refused
}

/** The generation in which a member got what it holds; nothing is before all. */
function heldIn({ owned, generation }: Claimant): number {
  return owned.length === 0 ? -2 : generation
}
