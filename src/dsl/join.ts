/** Joins of a stream: with another stream, a table, a global table. The methods of `Stream` are their face. */
import { type Duration, durationMs, formatDuration } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'
import { holdOperator } from '../operators/delay.ts'
import type { TableView } from '../operators/operator.ts'
import { type StreamJoinKind, streamStreamJoinOperator } from '../operators/stream-stream-join.ts'
import { type Joiner, streamTableJoinOperator } from '../operators/stream-table-join.ts'
import type { GlobalTable } from './global-table.ts'
import { repartitionFor } from './repartition.ts'
import { type NameOption, Stream, type StreamJoinOptions, type TableJoinOptions } from './stream.ts'
import type { AnyTable } from './table.ts'

// biome-ignore lint/suspicious/noExplicitAny: a stream of whatever values
export type AnyStream<K> = Stream<K, any>

/** The milliseconds of one duration for both directions, or of one for each. */
export function reachMs(within: StreamJoinOptions['within']): { beforeMs: number; afterMs: number } {
  const each: { before: Duration; after: Duration } =
    typeof within === 'object' ? within : { before: within, after: within }
  return {
    beforeMs: durationMs(each?.before, '`within` of a join'),
    afterMs: durationMs(each?.after, '`within` of a join'),
  }
}

export function joinStreams<K, R>(
  kind: StreamJoinKind,
  one: AnyStream<K>,
  other: AnyStream<K>,
  joiner: Joiner,
  options: StreamJoinOptions,
): Stream<K, R> {
  const sources = [...new Set([...one.origin.sources, ...other.origin.sources])]
  const name = options.name ?? `${sources.join('-')}-join`
  const left = repartitionFor(one, `${name}-left`)
  // A stream that is joined with itself goes through one internal topic.
  const right = other === one ? left : repartitionFor(other, `${name}-right`)
  const spec = streamStreamJoinOperator({
    kind,
    leftStore: `${name}-left`,
    rightStore: `${name}-right`,
    keySerde: one.keySerde as Serde<unknown>,
    ...reachMs(options.within),
    graceMs: durationMs(options.grace ?? 0, 'the grace of a join'),
    joiner,
  })
  const node = one.graph.add({ kind: 'operator', name, spec, inputs: [left.node, right.node] })
  return new Stream<K, R>(one.graph, node, one.keySerde, { sources, rekeyed: false })
}

export function joinTable<K, R>(
  stream: AnyStream<K>,
  table: AnyTable,
  left: boolean,
  joiner: Joiner,
  options: TableJoinOptions,
): Stream<K, R> {
  const { graph, keySerde, origin } = stream
  const name = options.name ?? `${origin.sources.join('-')}-${table.sourceName}-join`
  graph.checkOwn(table.graph, name)
  const view = table.lookup()
  const graceMs = durationMs(options.grace ?? 0, 'the grace of a join')
  if (graceMs > 0) checkGrace(name, view, graceMs)
  const moved = repartitionFor(stream, name).node
  const input =
    graceMs === 0
      ? moved
      : graph.add({
          kind: 'operator',
          name: `${name}-grace`,
          spec: holdOperator({ store: `${name}-grace`, byMs: graceMs }),
          inputs: [moved],
        })
  const spec = streamTableJoinOperator({ table: view, left, joiner })
  const node = graph.add({ kind: 'operator', name, spec, inputs: [input] })
  return new Stream<K, R>(graph, node, keySerde, { sources: origin.sources, rekeyed: false })
}

/** What a record waits for must still be known when it has waited. */
function checkGrace(name: string, { stores, versioned }: TableView, graceMs: number): void {
  const histories = stores.flatMap(({ historyMs }) => (historyMs === undefined ? [] : [historyMs]))
  const historyMs = versioned ? Math.min(...histories) : undefined
  if (historyMs !== undefined && graceMs <= historyMs) return
  const why =
    historyMs === undefined
      ? 'its table has no history, so it makes no difference when a version comes'
      : `its table remembers only ${formatDuration(historyMs)}`
  throw new MillraceError('MR_PLAN_INVALID', `"${name}" cannot have a grace: ${why}`, {
    hint: `Give the table a \`history\` of ${formatDuration(graceMs)} or more.`,
  })
}

export function joinGlobalTable<K, R>(
  stream: AnyStream<K>,
  // biome-ignore lint/suspicious/noExplicitAny: a table of whatever keys and values
  table: GlobalTable<any, any>,
  left: boolean,
  keyOf: (value: unknown, key: unknown) => unknown,
  joiner: Joiner,
  options: NameOption,
): Stream<K, R> {
  const { graph, keySerde, origin } = stream
  const name = options.name ?? `${origin.sources.join('-')}-${table.name}-join`
  graph.checkOwn(table.graph, name)
  if (typeof keyOf !== 'function') {
    throw new MillraceError('MR_PLAN_INVALID', `"${name}" is not told the key of the global table`, {
      hint: 'Say how a record names it: { on: (value) => value.currency }.',
    })
  }
  const spec = streamTableJoinOperator({ table: table.view, left, joiner, keyOf })
  const node = graph.add({ kind: 'operator', name, spec, inputs: [stream.node] })
  return new Stream<K, R>(graph, node, keySerde, origin)
}
