/** The windows that are open, by the time at which each is due. Made anew from the store after a restart. */
import { DeadlineHeap } from './deadline-heap.ts'
import { type WindowAssigner, windowEnd } from './window-assigner.ts'

export interface OpenWindow {
  readonly startMs: number
  readonly endMs: number
}

export class OpenWindows {
  private readonly assigner: WindowAssigner
  private readonly heldStarts: () => readonly number[]
  private readonly dueMs: (window: OpenWindow) => number
  private readonly open = new Set<number>()
  private heap: DeadlineHeap<OpenWindow> | undefined

  /** `heldStarts` lists the windows of the store, oldest first; `dueMs` says when a window is due. */
  constructor(
    assigner: WindowAssigner,
    heldStarts: () => readonly number[],
    dueMs: (window: OpenWindow) => number,
  ) {
    this.assigner = assigner
    this.heldStarts = heldStarts
    this.dueMs = dueMs
  }

  /** When the next window is due; Infinity when none is open. */
  get firstMs(): number {
    return this.windows().firstMs
  }

  /** A key came into a window, which may be a new one. */
  add(startMs: number, endMs: number): void {
    const heap = this.windows()
    if (this.open.has(startMs)) return
    this.open.add(startMs)
    heap.push(this.dueMs({ startMs, endMs }), { startMs, endMs })
  }

  /** The windows that are due at `timeMs`, by the time at which they were, then oldest first. */
  *take(timeMs: number): Generator<OpenWindow> {
    const heap = this.windows()
    while (heap.size > 0 && heap.firstMs <= timeMs) {
      const window = heap.pop()
      this.open.delete(window.startMs)
      yield window
    }
  }

  private windows(): DeadlineHeap<OpenWindow> {
    if (this.heap === undefined) {
      this.heap = new DeadlineHeap()
      for (const startMs of this.heldStarts()) {
        const window = { startMs, endMs: windowEnd(this.assigner, startMs) }
        this.open.add(startMs)
        this.heap.push(this.dueMs(window), window)
      }
    }
    return this.heap
  }
}
