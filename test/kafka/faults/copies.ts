/** Whether a group has copied each record exactly once, and those of a partition in their order. */
import type { ReadRecord } from './history.ts'
import { copyOf } from './workers.ts'

export interface Copies {
  readonly missing: number
  /** `partition/first–last` of what is missing. */
  readonly gaps: readonly string[]
  readonly doubled: number
  readonly outOfOrder: number
}

export function checkCopies(originals: readonly ReadRecord[], copies: readonly ReadRecord[]): Copies {
  const counts = new Map<string, number>()
  const last = new Map<string, number>()
  let outOfOrder = 0
  for (const { key, value } of copies) {
    counts.set(value, (counts.get(value) ?? 0) + 1)
    const offset = Number(value.slice(value.indexOf('/') + 1))
    if (offset < (last.get(key) ?? -1)) outOfOrder++
    last.set(key, offset)
  }
  const missing = originals.filter(({ partition, offset }) => !counts.has(copyOf(partition, offset)))
  let doubled = 0
  for (const count of counts.values()) doubled += count - 1
  return { missing: missing.length, gaps: gapsOf(missing), doubled, outOfOrder }
}

function gapsOf(missing: readonly ReadRecord[]): string[] {
  return [...Map.groupBy(missing, ({ partition }) => partition)].map(
    ([partition, records]) => `${partition}/${records[0]!.offset}–${records.at(-1)!.offset}`,
  )
}
