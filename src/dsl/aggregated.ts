/** How an aggregate becomes a node of the plan: its input by key, its operator, its table. */
import type { Serde } from '../core/serde.ts'
import { aggregateOperator } from '../operators/aggregate.ts'
import { type Aggregators, type AnyAggregator, combined, isAggregator } from '../operators/aggregator.ts'
import { countAggregateOperator } from '../operators/count-aggregate.ts'
import { LATE_PORT, RESULTS_PORT, withLateOutput } from '../operators/late-output.ts'
import type { OperatorSpec } from '../operators/operator.ts'
import { portOperator } from '../operators/port.ts'
import { sessionAggregateOperator } from '../operators/session-aggregate.ts'
import { slidingAggregateOperator } from '../operators/sliding-aggregate.ts'
import { triggeredAggregateOperator } from '../operators/triggered-aggregate.ts'
import { windowAggregateOperator } from '../operators/window-aggregate.ts'
import type { OperatorNode } from '../plan/graph.ts'
import { repartitionFor } from './repartition.ts'
import { type NameOption, Stream } from './stream.ts'
import { Table } from './table.ts'
import type { Window } from './window.ts'

/** One aggregator, or a record of them as one. */
export function oneAggregator(given: AnyAggregator<never> | Aggregators<never>): AnyAggregator<unknown> {
  return isAggregator(given)
    ? (given as AnyAggregator<unknown>)
    : combined(given as unknown as Aggregators<unknown>)
}

/** The operator that aggregates in windows, or over everything there ever was. */
export function aggregateSpec(
  window: Window | undefined,
  store: string,
  keySerde: Serde<unknown>,
  aggregator: AnyAggregator<unknown>,
): OperatorSpec {
  const into = { store, keySerde, aggregator }
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
  if (onLate === undefined) {
    const node = graph.add({ kind: 'operator', name, spec: make(name), inputs: [input.node] })
    return new Table<L, R, Gone>(graph, node, resultKey, name, undefined)
  }
  const spec = withLateOutput(make(name))
  const both: OperatorNode = graph.add({ kind: 'operator', name, spec, inputs: [input.node] })
  const output = (port: number, what: string): OperatorNode =>
    graph.add({
      kind: 'operator',
      name: `${name}-${what}`,
      spec: portOperator('aggregate', port),
      inputs: [both],
    })
  const results = output(RESULTS_PORT, 'results')
  const origin = { sources: stream.origin.sources, rekeyed: false }
  onLate(new Stream(graph, output(LATE_PORT, 'late'), stream.keySerde, origin))
  return new Table<L, R, Gone>(graph, results, resultKey, name, undefined)
}
