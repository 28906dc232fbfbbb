import { ByteWriter } from '../core/byte-writer.ts'
import { MillraceError, messageOf } from '../core/errors.ts'
import type { ChangelogRecord } from './store.ts'

/** Two writers that the stores of a thread share while they flush: a flush never runs inside another. */
export const keyScratch = new ByteWriter(256)
export const valueScratch = new ByteWriter(1024)

/** Runs a store's restore and names the store when the record cannot be read. */
export function restoring(
  store: string,
  record: ChangelogRecord,
  suffixBytes: number,
  run: () => void,
): void {
  if (record.keyStart < 0 || record.keyEnd - record.keyStart < suffixBytes) {
    throw new MillraceError('MR_STATE_CORRUPT', `a changelog record of store "${store}" has no usable key`)
  }
  try {
    run()
  } catch (cause) {
    throw new MillraceError('MR_STATE_CORRUPT', `store "${store}" cannot be restored: ${messageOf(cause)}`, {
      cause,
      hint: 'The type of the state changed? Rename the operator, or delete its changelog topic to start anew.',
    })
  }
}
