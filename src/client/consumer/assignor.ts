/**
 * How partitions are spread over the members of a classic consumer group.
 *
 * The group's leader runs the assignor that the broker chose among those that all members offer. An assignor of
 * one's own puts user data into each member's subscription, gets all of it when it assigns, and sends user data back
 * with each assignment, as Kafka Streams does with its tasks.
 */
import type { TopicPartition } from '../../core/record.ts'

export interface AssignorMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  /** What it is subscribed to. */
  readonly topics: readonly string[]
  /** What its own `metadata` gave; empty when nothing. */
  readonly userData: Buffer
  /** What it held when it joined; empty in the eager protocol, where all is given up before. */
  readonly owned: readonly TopicPartition[]
  /** The generation in which it got them; -1 when it does not say. */
  readonly generation: number
  readonly rackId: string | null
}

export interface AssignorInput {
  /** In the order of their ids, static members by their instance ids. */
  readonly members: readonly AssignorMember[]
  /** Of every topic that some member is subscribed to and that exists. */
  readonly partitionCounts: ReadonlyMap<string, number>
}

export interface AssignorOutput {
  readonly partitions: readonly TopicPartition[]
  readonly userData?: Buffer
}

export interface ReceivedAssignment {
  readonly partitions: readonly TopicPartition[]
  readonly userData: Buffer
  readonly generation: number
}

export interface Assignor {
  /** The same name in all members; Java's names for Java's assignors. */
  readonly name: string
  /**
   * `eager`: members give up everything before they join. `cooperative` (KIP-429): they keep what they have, the
   * assignor must not hand over a partition in the round in which another member still owns it, and the members that
   * had to give up something join again at once.
   */
  readonly protocol: 'eager' | 'cooperative'
  /** User data of the subscription. */
  metadata?(topics: readonly string[]): Buffer
  /** Who gets what: an entry for each member id; a member without one gets nothing. */
  assign(input: AssignorInput): ReadonlyMap<string, AssignorOutput>
  /** Called in every member with what it got, before its callbacks. */
  onAssignment?(assignment: ReceivedAssignment): void
}
