import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../platform/clock.ts'
import { Alarm } from './alarm.ts'

/** A clock whose timers count whole milliseconds, as Node's do: they come up to one too early. */
class CoarseClock implements Clock {
  timeMs = 0.7
  private readonly timers = new Set<{ readonly atMs: number; readonly run: () => void }>()

  nowMs(): number {
    return this.timeMs
  }

  monotonicMs(): number {
    return this.timeMs
  }

  after(delayMs: number, run: () => void): { cancel(): void } {
    const timer = { atMs: this.timeMs + Math.max(1, Math.trunc(delayMs)), run }
    this.timers.add(timer)
    return { cancel: () => void this.timers.delete(timer) }
  }

  async nextTurn(): Promise<void> {}

  /** The next timer fires. False when there is none. */
  next(): boolean {
    const [first] = [...this.timers].sort((a, b) => a.atMs - b.atMs)
    if (first === undefined) return false
    this.timers.delete(first)
    this.timeMs = first.atMs
    first.run()
    return true
  }
}

test('an alarm never rings before its time, however early its timer comes', () => {
  const clock = new CoarseClock()
  const rungMs: number[] = []
  const alarm = new Alarm(clock, () => rungMs.push(clock.timeMs))
  alarm.at(100.3)
  alarm.at(50.5)
  while (clock.next());
  assert.equal(rungMs.length, 1)
  assert.ok(rungMs[0]! >= 50.5 && rungMs[0]! < 52.5, `${rungMs[0]}`)
  alarm.at(200)
  alarm.cancel()
  assert.equal(clock.next(), false)
})
