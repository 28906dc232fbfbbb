/** Sequence numbers of idempotent producers: 0 to 2^31 - 1, then 0 again (KIP-98). */

const TWO_TO_31 = 0x8000_0000

/** `sequence` moved on by `count`, wrapping behind 2^31 - 1. */
export function sequenceAfter(sequence: number, count: number): number {
  const sum = sequence + count
  return sum < TWO_TO_31 ? sum : sum - TWO_TO_31
}
