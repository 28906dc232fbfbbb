/**
 * All events that a source had at one time, in the order of their own time.
 *
 * The order is (time, order of units, line, order within the row), which is the order of adding for equal times. A
 * dead letter takes the last good time before it in its unit, or else the first one after it, or else the first of
 * the set: so it comes where its row would have.
 */
import type { EncodedRow } from '../encoded-row.ts'
import { orderByTime } from './radix-sort.ts'
import { RecordArena } from './record-arena.ts'

export class ReplaySet {
  readonly arena: RecordArena
  readonly units: (readonly [unit: string, checksum: string])[] = []
  /** The last good time of the present unit. */
  private lastTime: number | undefined
  /** Records without a time, before the first good one of their unit, and of units without any. */
  private waiting: number[] = []
  private timeless: number[] = []

  constructor(bytesMax: number) {
    this.arena = new RecordArena(bytesMax)
  }

  add(row: EncodedRow): void {
    const { arena } = this
    const rowTime = row.records.find((record) => !Number.isNaN(record.timestampMs))?.timestampMs
    const otherwise = rowTime ?? this.lastTime ?? Number.NaN
    for (const record of row.records) {
      const timestampMs = Number.isNaN(record.timestampMs) ? otherwise : record.timestampMs
      for (const required of [true, false]) {
        for (const number of required ? record.routes.required : record.routes.optional) {
          const index = arena.add(row.bytes, { ...record, timestampMs }, { number, required })
          if (Number.isNaN(timestampMs)) this.waiting.push(index)
        }
      }
    }
    if (rowTime !== undefined) this.takeTime(rowTime)
  }

  endUnit(unit: string, checksum: string): void {
    this.units.push([unit, checksum])
    this.timeless.push(...this.waiting)
    this.waiting = []
    this.lastTime = undefined
  }

  /** Ends the set: its digest, and the order in which its records are played. */
  finish(nowMs: number): { readonly digest: string; readonly order: Uint32Array } {
    const { arena, timeless } = this
    const digest = arena.digest()
    if (timeless.length > 0) {
      let first = Number.POSITIVE_INFINITY
      for (let index = 0; index < arena.count; index++) {
        const time = arena.times[index]!
        if (time < first) first = time
      }
      const time = first === Number.POSITIVE_INFINITY ? nowMs : first
      for (const index of timeless) arena.times[index] = time
    }
    return { digest, order: orderByTime(arena.times, arena.count) }
  }

  private takeTime(timestampMs: number): void {
    for (const index of this.waiting) this.arena.times[index] = timestampMs
    this.waiting = []
    this.lastTime = timestampMs
  }
}
