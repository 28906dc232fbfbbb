/** How an aggregate becomes a node of the plan: its input by key, its operator, its table. */
import { MillraceError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'
import { aggregateOperator } from '../operators/aggregate.ts'
import { type Aggregators, type AnyAggregator, combined, isAggregator } from '../operators/aggregator.ts'
import { countAggregateOperator } from '../operators/count-aggregate.ts'
import { LATE_PORT, RESULTS_PORT, withLateOutput } from '../operators/late-output.ts'
import type { OperatorSpec } from '../operators/operator.ts'
import { portOperator } from '../operators/port.ts'
import { readFirst } from '../operators/read-first.ts'
import { sessionAggregateOperator } from '../operators/session-aggregate.ts'
import { slidingAggregateOperator } from '../operators/sliding-aggregate.ts'
import { triggeredAggregateOperator } from '../operators/triggered-aggregate.ts'
import { windowAggregateOperator } from '../operators/window-aggregate.ts'
import type { Graph, GraphNode, OperatorNode } from '../plan/graph.ts'
import { repartitionFor } from './repartition.ts'
import { type NameOption, Stream } from './stream.ts'
import { madeBy, Table } from './table.ts'
import type { Window } from './window.ts'

/**
 * One aggregator, or a record of them as one.
 *
 * @throws MR_PLAN_INVALID for anything else, such as `count` that was not called
 */
export function oneAggregator(given: AnyAggregator<never> | Aggregators<never>): AnyAggregator<unknown> {
  if (typeof given !== 'object' || given === null) throw notAnAggregator('what was given', given)
  if (!isAggregator(given)) {
    const wrong = Object.keys(given).find((name) => typeof given[name]?.init !== 'function')
    if (wrong !== undefined) throw notAnAggregator(`"${wrong}"`, given[wrong])
  }
  return isAggregator(given)
    ? (given as AnyAggregator<unknown>)
    : combined(given as unknown as Aggregators<unknown>)
}

function notAnAggregator(what: string, given: unknown): MillraceError {
  return new MillraceError('MR_PLAN_INVALID', `${what} is no aggregator`, {
    hint:
      typeof given === 'function' && given.name !== ''
        ? `Call it: ${given.name}(…).`
        : 'Write { orders: count() }, or aggregator({ init, add }).',
  })
}

/** The operator that aggregates in windows, or over everything there ever was. */
export function aggregateSpec(
  window: Window | undefined,
  store: string,
  keySerde: Serde<unknown>,
  aggregator: AnyAggregator<unknown>,
): OperatorSpec {
  return readFirst(aggregator, (reading) => windowedSpec(window, { store, keySerde, aggregator: reading }))
}

function windowedSpec(
  window: Window | undefined,
  into: Parameters<typeof aggregateOperator>[0],
): OperatorSpec {
  if (window === undefined) return aggregateOperator(into)
  switch (window.kind) {
    case 'session':
      return sessionAggregateOperator({ ...window, ...into })
    case 'sliding':
      return slidingAggregateOperator({ ...window, ...into })
    case 'count':
      return countAggregateOperator({ ...window, ...into })
    case 'time': {
      const { windows, graceMs, emit } = window
      return typeof emit === 'string'
        ? windowAggregateOperator({ ...into, windows, graceMs, emit })
        : triggeredAggregateOperator({ ...into, windows, graceMs, triggers: emit })
    }
  }
}

export interface AggregateOptions<K, V> extends NameOption {
  /**
   * Is given the stream of the records that came too late for their window. Without it they go to the topic
   * `<pipeline>-late`.
   */
  readonly onLate?: (late: Stream<K, V>) => void
}

/** An aggregate as a node of the plan, apart into its results and what came too late for them. */
export function addWithLate(
  graph: Graph,
  name: string,
  { input, spec }: { readonly input: GraphNode; readonly spec: OperatorSpec },
): { readonly results: OperatorNode; readonly late: OperatorNode } {
  const both: OperatorNode = graph.add({ kind: 'operator', name, spec, inputs: [input] })
  const output = (port: number, what: string): OperatorNode =>
    graph.add({
      kind: 'operator',
      name: `${name}-${what}`,
      spec: portOperator('aggregate', port),
      inputs: [both],
    })
  return { results: output(RESULTS_PORT, 'results'), late: output(LATE_PORT, 'late') }
}

/** Adds the aggregate of one stream; its default name follows from what the stream reads. */
export function addAggregate<K, V, L, R, Gone extends null = never>(
  stream: Stream<K, V>,
  resultKey: Serde<L>,
  options: AggregateOptions<K, V>,
  make: (store: string) => OperatorSpec,
): Table<L, R, Gone> {
  const name = options.name ?? `${stream.origin.sources.join('-')}-aggregate`
  const { graph } = stream
  const input = repartitionFor(stream, name)
  const { onLate } = options
  const spec = make(name)
  const made = madeBy(spec)
  if (onLate === undefined) {
    const node = graph.add({ kind: 'operator', name, spec, inputs: [input.node] })
    return new Table<L, R, Gone>(graph, node, resultKey, name, made)
  }
  const { results, late } = addWithLate(graph, name, { input: input.node, spec: withLateOutput(spec) })
  const origin = { sources: stream.origin.sources, rekeyed: false }
  onLate(new Stream(graph, late, stream.keySerde, origin))
  return new Table<L, R, Gone>(graph, results, resultKey, name, made)
}
