/**
 * Which offset a record has got at the target: runs of records whose offsets go up one by one on both sides.
 *
 * Offsets differ because the target's log has the marks of the mirror's own transactions, while the source's has marks
 * of others, and gaps that compaction left.
 */

/** `count` records from `source` on stand at `target` and the offsets that follow. */
export interface OffsetRun {
  readonly source: number
  readonly target: number
  count: number
}

/** Adds a run, or lengthens the last one when it goes on in both logs. */
export function addRun(runs: OffsetRun[], source: number, target: number, count: number): void {
  const last = runs.at(-1)
  if (last === undefined || last.source + last.count !== source || last.target + last.count !== target) {
    runs.push({ source, target, count })
  } else last.count += count
}

/**
 * Translates positions of one partition, given its runs in ascending order, piece by piece.
 *
 * A position stands for the first record at or after it. So it becomes the target's offset of that record; behind the
 * last record it becomes the offset after that one's.
 */
export class Translation {
  /** No runs were seen at all: nothing can be said. */
  unknown = true
  private readonly wanted: readonly number[]
  private readonly found = new Map<number, number>()
  private next = 0
  private endOffset = 0

  constructor(positions: Iterable<number>) {
    this.wanted = [...new Set(positions)].sort((a, b) => a - b)
  }

  add({ source, target, count }: OffsetRun): void {
    this.unknown = false
    this.endOffset = target + count
    const { wanted } = this
    while (this.next < wanted.length && wanted[this.next]! < source + count) {
      const position = wanted[this.next++]!
      this.found.set(position, target + Math.max(0, position - source))
    }
  }

  /** The target's position for one of those given; undefined when nothing is known of the partition. */
  of(position: number): number | undefined {
    return this.unknown ? undefined : (this.found.get(position) ?? this.endOffset)
  }
}
