/**
 * Decisions about parked keys that one thread was given: taken between two rounds, answered once what follows from them is
 * committed. So who was told that a key is released need not ask again after a crash.
 */
import { MillraceError } from '../../core/errors.ts'
import { decideParked, type ParkedRequest, type TaskDecided } from '../parked/parked-request.ts'
import type { Task } from '../task/task.ts'

interface Waiting extends PromiseWithResolvers<readonly TaskDecided[]> {
  readonly request: ParkedRequest
  answers: readonly TaskDecided[]
}

export class Decisions {
  private waiting: Waiting[] = []
  /** Taken and not committed yet. */
  private taken: Waiting[] = []
  private over = false

  /**
   * The answers of the thread's tasks, none when it has ended.
   *
   * @throws MR_STORE_MOVING when what was decided could not be kept
   */
  ask(request: ParkedRequest): Promise<readonly TaskDecided[]> {
    if (this.over) return Promise.resolve([])
    const waiting = { ...Promise.withResolvers<readonly TaskDecided[]>(), request, answers: [] }
    this.waiting.push(waiting)
    return waiting.promise
  }

  take(tasks: Iterable<Task>): void {
    if (this.waiting.length === 0) return
    const held = [...tasks]
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
      // First, so that it is not forgotten when deciding fails.
      this.taken.push(next)
      next.answers = decideParked(held, next.request)
      if (next.answers.some(({ records }) => records > 0)) continue
      this.taken.pop()
      next.resolve(next.answers)
    }
  }

  /** What the tasks did is kept. */
  committed(): void {
    for (const { resolve, answers } of this.taken.splice(0)) resolve(answers)
  }

  /** Tasks are given up with what they did since the last commit. */
  undone(): void {
    for (const { reject, request } of this.taken.splice(0)) reject(notKept(request))
  }

  /** The thread ends. */
  end(): void {
    this.over = true
    this.undone()
    for (const { reject, request } of this.waiting.splice(0)) reject(notKept(request))
  }
}

/** What became of a decision is not known, or it was undone. */
export function notKept({ operator }: ParkedRequest): MillraceError {
  return new MillraceError('MR_STORE_MOVING', `a decision about a parked key of "${operator}" was not kept`, {
    hint: 'The thread that held the key has given it up meanwhile. Look at what is parked, and decide again.',
    context: { operator },
  })
}
