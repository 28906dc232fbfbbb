/**
 * Joins two tables by their key: inner, left or outer. Every change of either side gives the joined value anew.
 *
 * Rules of Kafka Streams (KTableKTable*Join), without a cache:
 * - A result's timestamp is the larger of both sides'.
 * - inner: no result while the other side has no value; a deletion while it has one deletes.
 * - left:  the left side needs no partner; the right side acts only where the left has a value.
 * - outer: one side is enough. Nothing on both sides, before and now, gives nothing.
 * - Changes of a versioned table that came out of order give nothing (KIP-914).
 */
import {
  type BeforeFlag,
  type Held,
  type OperatorContext,
  type OperatorSpec,
  outOfOrder,
  type Receiver,
  type TableReader,
  type TableView,
} from './operator.ts'
import type { Joiner } from './stream-table-join.ts'

export type TableJoinKind = 'inner' | 'left' | 'outer'

export interface TableTableJoinOptions {
  readonly kind: TableJoinKind
  readonly left: TableView
  readonly right: TableView
  readonly joiner: Joiner
  readonly before: BeforeFlag
}

/** The joined value; null when there is none. */
function combine(
  { kind, joiner }: Pick<TableTableJoinOptions, 'kind' | 'joiner'>,
  left: unknown,
  right: unknown,
  key: unknown,
): unknown {
  const none = kind === 'outer' ? left === null && right === null : left === null
  if (none || (kind === 'inner' && right === null)) return null
  return joiner(left, right, key)
}

export function tableTableJoinOperator(options: TableTableJoinOptions): OperatorSpec {
  return {
    kind: options.kind === 'inner' ? 'table-table-join' : `table-table-${options.kind}-join`,
    stores: [...new Set([...options.left.stores, ...options.right.stores])],
    outputDelayMs: 0,
    timely: true,
    keyed: true,
    create: (_name, context, output) => ({
      inputs: [side(options, context, output, true), side(options, context, output, false)],
    }),
  }
}

function side(
  options: TableTableJoinOptions,
  context: OperatorContext,
  output: Receiver,
  fromLeft: boolean,
): Receiver {
  const { kind } = options
  const own = fromLeft ? options.left : options.right
  const other = (fromLeft ? options.right : options.left).open(context)
  /** Without a value on the other side this one may still give a result. */
  const alone = kind === 'outer' || (kind === 'left' && fromLeft)
  return {
    process(key, value, timestampMs, before) {
      if (key === null || key === undefined) return
      if (own.versioned && before === outOfOrder) return
      const mine = value ?? null
      const was = before ?? null
      const partner = other.latest(key)
      const theirs = partner?.value ?? null
      if (theirs === null && (!alone || (mine === null && was === null))) return
      const result = fromLeft ? combine(options, mine, theirs, key) : combine(options, theirs, mine, key)
      let replaced: unknown
      if (options.before.wanted)
        replaced = fromLeft ? combine(options, was, theirs, key) : combine(options, theirs, was, key)
      output.process(key, result, Math.max(timestampMs, partner?.timestampMs ?? timestampMs), replaced)
    },
  }
}

/** The joined table, looked up: both sides are asked. */
export function joinedView(options: Omit<TableTableJoinOptions, 'before'>): TableView {
  return {
    // The versions of a join are not those of its sides; Kafka Streams treats it as a table of latest values too.
    versioned: false,
    stores: [...new Set([...options.left.stores, ...options.right.stores])],
    open(context) {
      const left: TableReader = options.left.open(context)
      const right: TableReader = options.right.open(context)
      const latest = (key: unknown): Held | undefined => {
        const one = left.latest(key)
        const other = right.latest(key)
        const value = combine(options, one?.value ?? null, other?.value ?? null, key)
        if (value === null || value === undefined) return undefined
        const never = Number.NEGATIVE_INFINITY
        return { value, timestampMs: Math.max(one?.timestampMs ?? never, other?.timestampMs ?? never) }
      }
      return { latest, asOf: latest }
    },
  }
}
