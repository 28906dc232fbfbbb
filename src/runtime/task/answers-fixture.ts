/**
 * Something outside that pipelines ask, for models: answers come when `chance` says, in any order, and sometimes an
 * attempt fails. Everything happens within a call, so that a seed gives the same run.
 */
import assert from 'node:assert/strict'
import type { AsyncCall } from '../../operators/async-call.ts'

interface Open {
  readonly answer: () => unknown
  readonly settle: (value: unknown) => void
  readonly fail: (error: unknown) => void
}

export interface OutsideOptions {
  readonly chance: () => number
  /** How many calls may be under way. */
  readonly openMax: number
  /** How many of a hundred attempts fail that would not have to. */
  readonly failPercent: number
}

export class Outside {
  asked = 0
  openMax = 0
  private readonly open: Open[] = []
  private readonly options: OutsideOptions

  constructor(options: OutsideOptions) {
    this.options = options
  }

  /** A call that is answered later by what `answer` gives or throws then. */
  ask<T>(call: AsyncCall, answer: () => T): PromiseLike<T> {
    this.asked++
    const { open } = this
    return {
      // biome-ignore lint/suspicious/noThenProperty: an answer that comes without a turn of the event loop
      then(settle?: unknown, fail?: unknown): never {
        const one = { answer, settle, fail } as Open
        open.push(one)
        call.signal.addEventListener('abort', () => {
          const at = open.indexOf(one)
          if (at >= 0) open.splice(at, 1)
        })
        return undefined as never
      },
    }
  }

  /** Lets some answers come; true when one did, or one is still to come. */
  step(): boolean {
    const { chance, openMax, failPercent } = this.options
    assert.ok(this.open.length <= openMax, `${this.open.length} calls are under way`)
    this.openMax = Math.max(this.openMax, this.open.length)
    if (this.open.length === 0) return false
    while (this.open.length > 0 && chance() < 0.6) {
      const [one] = this.open.splice(Math.floor(chance() * this.open.length), 1)
      if (chance() * 100 < failPercent) {
        one!.fail(new Error('by chance'))
        continue
      }
      try {
        one!.settle(one!.answer())
      } catch (error) {
        one!.fail(error)
      }
    }
    return true
  }
}
