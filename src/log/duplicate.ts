/** Finds out whether an append came before: a producer that got no answer sends it again. */
import type { PreparedAppend } from './append.ts'
import type { ProducerBatch } from './producer-entry.ts'
import type { ProducerAppend } from './producer-state.ts'

/** The batch as it was appended before, when the first of these batches is one of its producer's last. */
export function findDuplicate(append: PreparedAppend, producers: ProducerAppend): ProducerBatch | undefined {
  for (const batch of append.batches) {
    if (batch.producerId < 0) continue
    const found = producers.duplicateOf({ ...batch, recordCount: batch.lastOffsetDelta + 1 })
    if (found !== undefined) return found
  }
  return undefined
}
