/**
 * Sorts by time: least-significant-digit radix sort with digits of 16 bits, which is stable, so that equal times stay
 * in the order of their indexes. Linear in the number of times: three passes for a range of a year.
 */
import { invariant } from '../../core/invariant.ts'

const DIGIT_BITS = 16
const DIGITS = 2 ** DIGIT_BITS

/** The indexes 0 to `count` in the order of their times, which are whole ms. */
export function orderByTime(times: Float64Array, count: number): Uint32Array {
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (let index = 0; index < count; index++) {
    const time = times[index]!
    invariant(Number.isSafeInteger(time), 'times that are sorted are whole ms')
    if (time < first) first = time
    if (time > last) last = time
  }
  let order = new Uint32Array(count)
  for (let index = 0; index < count; index++) order[index] = index
  let other = new Uint32Array(count)
  const counts = new Uint32Array(DIGITS)
  for (let unit = 1; unit <= last - first; unit *= DIGITS) {
    counts.fill(0)
    for (let index = 0; index < count; index++) counts[Math.floor((times[index]! - first) / unit) % DIGITS]!++
    let start = 0
    for (let digit = 0; digit < DIGITS; digit++) {
      const here = counts[digit]!
      counts[digit] = start
      start += here
    }
    for (let at = 0; at < count; at++) {
      const index = order[at]!
      const digit = Math.floor((times[index]! - first) / unit) % DIGITS
      other[counts[digit]!++] = index
    }
    ;[order, other] = [other, order]
  }
  return order
}
