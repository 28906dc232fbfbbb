/**
 * Merges a task's lanes by event time and keeps its stream time.
 *
 * 1. The next record is the head with the smallest timestamp; equal times go by the order of the lanes.
 * 2. A lane without a head blocks, unless it is idle or ended: what it would have sent might come first. So the
 *    order depends on what the lanes hold and not on how fast each is read: a replay gives the same answer.
 * 3. A lane's time is the largest event time up to its head, less its lateness; of an internal lane what its last
 *    marker said, or what follows from the timestamps of its records (`PlannedSource.lagMs`). Stream time is the
 *    smallest over the lanes that are not idle or ended, and never goes back.
 * 4. A lane with a higher priority goes before others, and one that bootstraps before all: time decides only between
 *    equals. They wait for a lane above them that is neither idle nor at its end. Time does not move while the head of
 *    any lane is not known.
 *
 * Source: the watermark rules of Akidau et al. 2015 (The Dataflow Model) §2, with Kafka Streams' choice of the
 * smallest head (PartitionGroup). Rule 4: Samza's `samza.priority` and `samza.bootstrap`.
 */
import type { Lane } from './lane.ts'

export class TaskInputs {
  readonly lanes: readonly Lane[]
  streamTimeMs = Number.NEGATIVE_INFINITY

  constructor(lanes: readonly Lane[]) {
    this.lanes = lanes
  }

  /** The lane whose head is next; undefined when the task must wait. Moves stream time on. */
  next(): Lane | undefined {
    const { lanes } = this
    let chosen: Lane | undefined
    let chosenRank = Number.NEGATIVE_INFINITY
    let blockedRank = Number.NEGATIVE_INFINITY
    let timeMs = Number.POSITIVE_INFINITY
    for (let at = 0; at < lanes.length; at++) {
      const lane = lanes[at]!
      const rank = lane.bootstrapping ? Number.POSITIVE_INFINITY : lane.priority
      if (lane.hasHead || lane.fill()) {
        const first = chosen === undefined || rank > chosenRank
        if (first || (rank === chosenRank && lane.headTimestampMs < chosen!.headTimestampMs)) {
          chosen = lane
          chosenRank = rank
        }
        if (lane.timeMs < timeMs) timeMs = lane.timeMs
      } else if (lane.state === 'active') {
        if (rank > blockedRank) blockedRank = rank
      } else lane.bootstrapping = false
    }
    if (blockedRank !== Number.NEGATIVE_INFINITY) return chosenRank > blockedRank ? chosen : undefined
    // The marker that ends a lane says that there is no more of it, and nothing about the lanes that are idle.
    if (chosen !== undefined && timeMs > this.streamTimeMs && timeMs < Number.POSITIVE_INFINITY)
      this.streamTimeMs = timeMs
    return chosen
  }

  /** True when no lane will ever give another record. */
  get ended(): boolean {
    return this.lanes.every((lane) => lane.state === 'ended' && !lane.fill())
  }

  /** True when every lane is dry and idle or ended. */
  get idle(): boolean {
    return this.lanes.every((lane) => lane.state !== 'active' && !lane.fill())
  }
}
