/** A key within a window: what windowed aggregates are keyed by. */

import { MillraceError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'

export interface Windowed<K> {
  readonly key: K
  /** Included. */
  readonly windowStartMs: number
  /** Tumbling and hopping windows: excluded. Session windows: the time of the last record, included. */
  readonly windowEndMs: number
}

/** JSON of the key, the window's start and end. */
export function windowedSerde<K>(key: Serde<K>): Serde<Windowed<K>> {
  return {
    name: `windowed(${key.name})`,
    write(value, into) {
      into.utf8(JSON.stringify(value))
    },
    read(bytes, start, end) {
      const value = JSON.parse(bytes.utf8Slice(start, end)) as Windowed<K>
      if (typeof value.windowStartMs !== 'number' || typeof value.windowEndMs !== 'number') {
        throw new MillraceError('MR_RECORD_INVALID', 'not a windowed key')
      }
      return value
    },
  }
}
