/** The transactions that were tried, with what is known of their ends, and what readers see of them. */
import { expect } from './anomaly.ts'

export interface TriedTransaction {
  readonly id: string
  /** Values of the records that were acknowledged, or may be there. */
  readonly values: Set<string>
  /** The offset that it commits for a group, at a place of the offsets' check. */
  offset: { readonly place: string; readonly offset: bigint } | undefined
  /** A commit was asked for, after everything in it was acknowledged. */
  commitAsked: boolean
  /** As it was acknowledged. */
  ended: 'commit' | 'abort' | undefined
}

export class TransactionCheck {
  readonly all: TriedTransaction[] = []
  private readonly byValue = new Map<string, TriedTransaction>()
  private readonly byOffset = new Map<bigint, TriedTransaction>()

  begin(id: string): TriedTransaction {
    const tried = { id, values: new Set<string>(), offset: undefined, commitAsked: false, ended: undefined }
    this.all.push(tried)
    return tried
  }

  addValue(tried: TriedTransaction, value: string): void {
    tried.values.add(value)
    this.byValue.set(value, tried)
  }

  addOffset(tried: TriedTransaction, place: string, offset: bigint): void {
    tried.offset = { place, offset }
    this.byOffset.set(offset, tried)
  }

  /** A reader with read_committed got these. */
  sees(values: Iterable<string>): void {
    for (const value of values) {
      const tried = this.byValue.get(value)
      expect(tried !== undefined, 'aborted-read', () => `${value}, which nobody wrote`)
      mayBeSeen(tried, value)
    }
  }

  /** A reader got this committed offset, which was committed in a transaction. */
  seesOffset(offset: bigint): void {
    const tried = this.byOffset.get(offset)
    if (tried !== undefined) mayBeSeen(tried, `offset ${offset}`)
  }

  /** Everything has ended: `values` is all that readers see, `offsets` what groups have committed. */
  finish(values: ReadonlySet<string>, offsets: ReadonlyMap<string, bigint>): void {
    this.sees(values)
    const seenOf = (tried: TriedTransaction): number =>
      [...tried.values].filter((value) => values.has(value)).length
    for (const tried of this.all) {
      const seen = seenOf(tried)
      expect(seen === 0 || seen === tried.values.size, 'torn-transaction', () => {
        return `${tried.id}: ${seen} of ${tried.values.size} records are seen`
      })
    }
    const largest = new Map<string, bigint>()
    for (const tried of this.all) {
      const { id, values: written, ended, offset } = tried
      const seen = seenOf(tried)
      const lost = ended === 'commit' && written.size > 0 && seen === 0
      expect(!lost, 'lost-transaction', () => `${id}: none of ${written.size} records is seen`)
      const committed = ended === 'commit' || (ended === undefined && seen > 0)
      if (offset !== undefined && committed) largest.set(offset.place, offset.offset)
    }
    for (const [place, offset] of largest) {
      const found = offsets.get(place) ?? -1n
      expect(found >= offset, 'lost-transaction', () => `${place} is at ${found}, ${offset} was committed`)
      this.seesOffset(found)
    }
  }
}

function mayBeSeen(tried: TriedTransaction, what: string): void {
  expect(tried.commitAsked && tried.ended !== 'abort', 'aborted-read', () => {
    return `${what} of ${tried.id}, ${tried.ended === 'abort' ? 'which was aborted' : 'of which no commit was asked for'}`
  })
}
