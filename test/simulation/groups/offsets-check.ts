/**
 * Committed offsets as seen from outside. Each commit of a group has a number of its own, larger than all before, so
 * a group's offsets only go up: an answer must never be below what was acknowledged, or seen, before it was asked for.
 */
import { expect } from './anomaly.ts'

export class OffsetsCheck {
  /** By group and partition: the largest that was acknowledged, and that was seen. */
  private readonly acknowledged = new Map<string, bigint>()
  private readonly seen = new Map<string, bigint>()
  private last = 0n
  commits = 0

  next(): bigint {
    return ++this.last
  }

  committed(place: string, offset: bigint): void {
    this.commits++
    if (offset > (this.acknowledged.get(place) ?? -1n)) this.acknowledged.set(place, offset)
  }

  /** What an answer must reach that is asked for now. */
  floor(place: string): { readonly acknowledged: bigint; readonly seen: bigint } {
    return { acknowledged: this.acknowledged.get(place) ?? -1n, seen: this.seen.get(place) ?? -1n }
  }

  read(place: string, offset: bigint, floor: ReturnType<OffsetsCheck['floor']>): void {
    expect(offset >= floor.acknowledged, 'lost-commit', () => {
      return `${place} is at ${offset}, ${floor.acknowledged} was acknowledged`
    })
    expect(offset >= floor.seen, 'offset-went-back', () => `${place} is at ${offset}, ${floor.seen} was seen`)
    if (offset > (this.seen.get(place) ?? -1n)) this.seen.set(place, offset)
  }
}
