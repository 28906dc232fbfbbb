import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { Partition } from './partition.ts'

/** The error for a request that names the leader epoch it knows (KIP-320), or undefined; -1 names none. */
export function leaderEpochFault(partition: Partition, currentLeaderEpoch: number): number | undefined {
  if (currentLeaderEpoch < 0 || currentLeaderEpoch === partition.leaderEpoch) return undefined
  return currentLeaderEpoch < partition.leaderEpoch
    ? ErrorCodes.FENCED_LEADER_EPOCH
    : ErrorCodes.UNKNOWN_LEADER_EPOCH
}
