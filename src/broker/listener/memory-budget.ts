/**
 * A limit on memory that many connections share.
 *
 * 1. Each holder says how much it holds (`hold`), whenever that changes.
 * 2. While the sum is over the limit, `admit` is false for all holders but one, the favourite, so that one of
 *    them always gets on: the sum never passes the limit by more than one frame and a chunk per connection.
 * 3. When memory is given back, those who were refused are called in the order of their refusal.
 */

export interface BudgetHolder {
  /** It may ask again. */
  budgetFreed(): void
}

export class MemoryBudget {
  readonly limitBytes: number
  private readonly holders = new Map<BudgetHolder, number>()
  private readonly waiting = new Set<BudgetHolder>()
  private favourite: BudgetHolder | undefined
  private sum = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  get usedBytes(): number {
    return this.sum
  }

  /** Bytes below the limit; 0 when it is passed. */
  get roomBytes(): number {
    return Math.max(0, this.limitBytes - this.sum)
  }

  /** Sets what `holder` holds; 0 when it is done. */
  hold(holder: BudgetHolder, bytes: number): void {
    const before = this.holders.get(holder) ?? 0
    if (bytes === before) return
    this.sum += bytes - before
    if (bytes === 0) this.holders.delete(holder)
    else this.holders.set(holder, bytes)
    if (this.sum <= this.limitBytes || (bytes === 0 && this.favourite === holder)) this.favourite = undefined
    if (bytes < before && this.waiting.size > 0) this.wake()
  }

  /** May `holder` take in more? If not, it is told by `budgetFreed` when to ask again. */
  admit(holder: BudgetHolder): boolean {
    if (this.sum <= this.limitBytes) return true
    this.favourite ??= holder
    if (this.favourite === holder) return true
    this.waiting.add(holder)
    return false
  }

  /** Forgets a holder that is closed. */
  release(holder: BudgetHolder): void {
    this.waiting.delete(holder)
    this.hold(holder, 0)
    if (this.favourite !== holder) return
    this.favourite = undefined
    this.wake()
  }

  private wake(): void {
    if (this.sum > this.limitBytes && this.favourite !== undefined) return
    for (const holder of [...this.waiting]) {
      this.waiting.delete(holder)
      if (this.sum > this.limitBytes) this.favourite = holder
      holder.budgetFreed()
      if (this.sum > this.limitBytes) return
    }
  }
}
