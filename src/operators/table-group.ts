/**
 * Groups the changes of a table by a new key, for an aggregate that adds new values and takes replaced ones back.
 *
 * As Kafka Streams' KTableRepartitionMap (KIP-904): a change whose old and new value have the same group goes there as
 * one record; else the old value's group hears of it first, then the new one's. A change of a versioned table that is
 * older than the latest one says nothing new about it and is passed over. A value without a group belongs to none.
 */
import { mapKeyOf } from '../state/store.ts'
import { type OperatorSpec, outOfOrder, statelessOperator } from './operator.ts'

/** What an aggregate of a table is told: either may be missing. */
export interface GroupChange {
  readonly before?: unknown
  readonly after?: unknown
}

const missing = (value: unknown): boolean => value === null || value === undefined

export function tableGroupOperator(groupOf: (value: unknown, key: unknown) => unknown): OperatorSpec {
  return statelessOperator('table-group', (output) => ({
    process(key, value, timestampMs, before) {
      if (before === outOfOrder) return
      const from = missing(before) ? undefined : groupOf(before, key)
      const to = missing(value) ? undefined : groupOf(value, key)
      if (!missing(from) && !missing(to) && mapKeyOf(from) === mapKeyOf(to)) {
        output.process(to, { before, after: value } satisfies GroupChange, timestampMs)
        return
      }
      if (!missing(from)) output.process(from, { before } satisfies GroupChange, timestampMs)
      if (!missing(to)) output.process(to, { after: value } satisfies GroupChange, timestampMs)
    },
  }))
}
