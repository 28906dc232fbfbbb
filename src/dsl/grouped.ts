/** Records grouped by key: what an aggregate starts from. */
import type { Serde } from '../core/serde.ts'
import { aggregateOperator } from '../operators/aggregate.ts'
import { type AggregateResult, type Aggregators, combined } from '../operators/aggregator.ts'
import type { OperatorSpec } from '../operators/operator.ts'
import { sessionAggregateOperator } from '../operators/session-aggregate.ts'
import { windowAggregateOperator } from '../operators/window-aggregate.ts'
import { type Windowed, windowedSerde } from '../operators/windowed.ts'
import { repartitionFor } from './repartition.ts'
import type { NameOption, Stream } from './stream.ts'
import { Table } from './table.ts'
import type { SessionWindow, TimeWindow } from './window.ts'

export class Grouped<K, V> {
  /** @internal */
  readonly stream: Stream<K, V>

  constructor(stream: Stream<K, V>) {
    this.stream = stream
  }

  /** Aggregates within windows. */
  window(window: TimeWindow | SessionWindow): WindowedGrouped<K, V> {
    return new WindowedGrouped(this.stream, window)
  }

  /** Aggregates everything there ever was: a table that changes with every record. */
  aggregate<A extends Aggregators<V>>(
    aggregators: A,
    options: NameOption = {},
  ): Table<K, AggregateResult<A>> {
    return addAggregate(this.stream, this.stream.keySerde, options, (store) =>
      aggregateOperator({
        store,
        keySerde: this.stream.keySerde as Serde<unknown>,
        aggregator: combined(aggregators as Aggregators<unknown>),
      }),
    )
  }
}

export class WindowedGrouped<K, V> {
  /** @internal */
  readonly stream: Stream<K, V>
  private readonly window: TimeWindow | SessionWindow

  constructor(stream: Stream<K, V>, window: TimeWindow | SessionWindow) {
    this.stream = stream
    this.window = window
  }

  /** One result per key and window. */
  aggregate<A extends Aggregators<V>>(
    aggregators: A,
    options: NameOption = {},
  ): Table<Windowed<K>, AggregateResult<A>> {
    const aggregator = combined(aggregators as Aggregators<unknown>)
    const keySerde = this.stream.keySerde as Serde<unknown>
    const { window } = this
    return addAggregate(this.stream, windowedSerde(this.stream.keySerde), options, (store) =>
      window.kind === 'session'
        ? sessionAggregateOperator({
            store,
            keySerde,
            aggregator,
            gapMs: window.gapMs,
            graceMs: window.graceMs,
          })
        : windowAggregateOperator({
            store,
            keySerde,
            aggregator,
            sizeMs: window.sizeMs,
            advanceMs: window.advanceMs,
            graceMs: window.graceMs,
            emit: window.emit,
          }),
    )
  }
}

function addAggregate<K, V, L, R>(
  stream: Stream<K, V>,
  resultKey: Serde<L>,
  options: NameOption,
  make: (store: string) => OperatorSpec,
): Table<L, R> {
  const name = options.name ?? `${stream.origin.sources.join('-')}-aggregate`
  const input = repartitionFor(stream, name)
  const node = stream.graph.add({ kind: 'operator', name, spec: make(name), inputs: [input.node] })
  return new Table<L, R>(stream.graph, node, resultKey, name, undefined)
}
