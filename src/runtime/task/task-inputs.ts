/**
 * Merges a task's lanes by event time and keeps its stream time.
 *
 * 1. The next record is the head with the smallest timestamp; equal times go by the order of the lanes.
 * 2. A lane without a head blocks, unless it is idle or ended: what it would have sent might come first. So the
 *    order depends on what the lanes hold and not on how fast each is read: a replay gives the same answer.
 * 3. A lane's time is the largest event time up to its head, less its lateness; of an internal lane what its last
 *    marker said, or what follows from the timestamps of its records (`PlannedSource.lagMs`). Stream time is the
 *    smallest over the lanes that are not idle or ended, and never goes back.
 *
 * Source: the watermark rules of Akidau et al. 2015 (The Dataflow Model) §2, with Kafka Streams' choice of the
 * smallest head (PartitionGroup).
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
    let timeMs = Number.POSITIVE_INFINITY
    let active = false
    for (let at = 0; at < lanes.length; at++) {
      const lane = lanes[at]!
      if (lane.hasHead || lane.fill()) {
        if (chosen === undefined || lane.headTimestampMs < chosen.headTimestampMs) chosen = lane
      } else if (lane.state === 'active') {
        return undefined
      } else continue
      active = true
      if (lane.timeMs < timeMs) timeMs = lane.timeMs
    }
    // The marker that ends a lane says that there is no more of it, and nothing about the lanes that are idle.
    if (active && timeMs > this.streamTimeMs && timeMs < Number.POSITIVE_INFINITY) this.streamTimeMs = timeMs
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
