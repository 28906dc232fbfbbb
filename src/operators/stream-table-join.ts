/**
 * Joins each record of a stream with the value that a table holds for its key, inner or left. Changes of the table
 * cause no result.
 *
 * With a table of latest values: the value when the record is processed. With a versioned table: the value that
 * held at the record's timestamp (Kafka Streams, KIP-914). The key looked up is the record's, or of a global table
 * what `keyOf` finds in it. A left join without a key or a value there gives null for the table (KIP-962). A
 * record without a value, such as a deletion in a stream of a table's changes, is passed over.
 */
import type { OperatorSpec, TableView } from './operator.ts'

/** What a joiner gets: left value, right value, key. */
export type Joiner = (left: unknown, right: unknown, key: unknown) => unknown

export interface StreamTableJoinOptions {
  readonly table: TableView
  readonly left: boolean
  readonly joiner: Joiner
  /** With a global table: the key that the record is joined by. */
  readonly keyOf?: (value: unknown, key: unknown) => unknown
}

export function streamTableJoinOperator(options: StreamTableJoinOptions): OperatorSpec {
  const { table, left, joiner, keyOf } = options
  const side = left ? '-left' : ''
  const kind = keyOf !== undefined ? 'global-table' : table.versioned ? 'as-of' : 'stream-table'
  return {
    kind: `${kind}${side}-join`,
    stores: table.stores,
    outputDelayMs: 0,
    timely: true,
    // A global table is whole in every task: the stream may lie as it likes.
    keyed: keyOf === undefined,
    create(_name, context, output) {
      const reader = table.open(context)
      return {
        inputs: [
          {
            process(key, value, timestampMs) {
              if (value === null || value === undefined) return
              const lookedUp = keyOf === undefined ? key : keyOf(value, key)
              if (lookedUp === null || lookedUp === undefined) {
                if (left) output.process(key, joiner(value, null, key), timestampMs)
                return
              }
              const held = table.versioned ? reader.asOf(lookedUp, timestampMs) : reader.latest(lookedUp)
              if (held !== undefined) output.process(key, joiner(value, held.value, key), timestampMs)
              else if (left) output.process(key, joiner(value, null, key), timestampMs)
            },
          },
        ],
      }
    },
  }
}
