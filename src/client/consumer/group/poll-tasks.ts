/**
 * Work that the group's background has for the caller's thread of control: callbacks run inside of poll, never beside
 * the caller's own code.
 */

interface PollTask {
  readonly run: () => Promise<void>
  readonly done: () => void
}

export class PollTasks {
  private readonly queue: PollTask[] = []
  private readonly onAdded: () => void
  private running = false

  constructor(onAdded: () => void) {
    this.onAdded = onAdded
  }

  /** True while a task of a poll is under way. */
  get busy(): boolean {
    return this.running
  }

  /** Resolves when a poll has run `task`, well or not: an error goes to the caller of poll. */
  run(task: () => Promise<void>): Promise<void> {
    return new Promise((done) => {
      this.queue.push({ run: task, done })
      this.onAdded()
    })
  }

  /** Runs what waits. @throws what the first failing task threw, after all have run */
  async serve(): Promise<void> {
    if (this.queue.length === 0 || this.running) return
    this.running = true
    const failures: unknown[] = []
    for (let task = this.queue.shift(); task !== undefined; task = this.queue.shift()) {
      try {
        await task.run()
      } catch (error) {
        failures.push(error)
      }
      task.done()
    }
    this.running = false
    if (failures.length > 0) throw failures[0]
  }

  /** Nothing waits any more; nobody will poll. */
  abandon(): void {
    for (const { done } of this.queue.splice(0)) done()
  }
}
