/** A member of a consumer group, whichever protocol the group speaks. */
import type { MillraceError } from '../../../core/errors.ts'
import type { Cluster } from '../../cluster.ts'
import type { Lane } from '../../connection/lane.ts'
import type { GroupMetadata } from '../../group-metadata.ts'
import type { ConsumerSettings } from '../options.ts'
import type { Assignment } from './assignment.ts'
import type { PollTasks } from './poll-tasks.ts'

export interface Membership {
  /**
   * Whose positions are committed. After the membership was lost still the old one, until the member is in again: what
   * was polled belongs to it, and a broker refuses its commits. Without it a transaction would commit as if outside of
   * a group, which nobody checks.
   */
  readonly metadata: GroupMetadata
  /** Who reads positions: nobody in particular between two memberships. */
  readonly reader: GroupMetadata | undefined
  /** True from the moment the member asks to join a new round until it knows its generation: no commit fits then. */
  readonly rebalancing: boolean
  /** Runs a commit that takes several requests; no new round is joined before it has settled. */
  holdGeneration<T>(commit: () => Promise<T>): Promise<T>
  /** Joins the group for these topics, or changes what it is subscribed to. */
  subscribe(topics: readonly string[]): void
  /** The caller has polled: it is alive. */
  polled(): void
  /** Gives up everything with its callbacks, and leaves the group. */
  leave(): Promise<void>
}

export interface MembershipParts {
  readonly cluster: Cluster
  readonly settings: ConsumerSettings & { readonly group: string }
  /** Joins and heartbeats. A join waits at the broker, so nothing else goes over it. */
  readonly lane: Lane
  /** For what must not wait behind a join. */
  readonly offsetsLane: Lane
  readonly assignment: Assignment
  readonly tasks: PollTasks
  /** The group cannot be joined or stayed in: poll tells the caller. */
  readonly onError: (error: MillraceError) => void
}
