/**
 * What is still to happen in a simulation: a binary heap ordered by time, then by order of creation, so that
 * two events of one instant always run in the order in which they were asked for.
 */

export interface SimulatedEvent {
  readonly atMs: number
  readonly sequence: number
  /** Undefined once cancelled; the heap drops such an event when it comes to the top. */
  run: (() => void) | undefined
}

function before(a: SimulatedEvent, b: SimulatedEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence)
}

export class EventQueue {
  private readonly heap: SimulatedEvent[] = []
  private sequence = 0

  add(atMs: number, run: () => void): SimulatedEvent {
    const event: SimulatedEvent = { atMs, sequence: this.sequence++, run }
    let at = this.heap.length
    this.heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(event, this.heap[parent]!)) break
      this.heap[at] = this.heap[parent]!
      at = parent
    }
    this.heap[at] = event
    return event
  }

  /** The next event that was not cancelled, still in the queue. */
  first(): SimulatedEvent | undefined {
    while (this.heap.length > 0 && this.heap[0]!.run === undefined) this.removeTop()
    return this.heap[0]
  }

  /** Takes the next event out. */
  take(): SimulatedEvent | undefined {
    const event = this.first()
    if (event !== undefined) this.removeTop()
    return event
  }

  private removeTop(): void {
    const last = this.heap.pop()!
    const length = this.heap.length
    if (length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= length) break
      if (child + 1 < length && before(this.heap[child + 1]!, this.heap[child]!)) child++
      if (!before(this.heap[child]!, last)) break
      this.heap[at] = this.heap[child]!
      at = child
    }
    this.heap[at] = last
  }
}
