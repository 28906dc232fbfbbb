/** A table grouped by something of its values: what an aggregate over the table as it is now starts from. */
import { json, type Serde } from '../core/serde.ts'
import { type AnyReversibleAggregator, type ResultOf, reducer } from '../operators/aggregator.ts'
import { tableAggregateOperator } from '../operators/table-aggregate.ts'
import { tableGroupOperator } from '../operators/table-group.ts'
import type { GraphNode } from '../plan/graph.ts'
import { oneAggregator } from './aggregated.ts'
import type { NameOption } from './stream.ts'
import { type AnyTable, madeBy, Table } from './table.ts'

/** Named aggregators that can take values back. */
export type ReversibleAggregators<V> = Readonly<Record<string, AnyReversibleAggregator<V>>>

export class TableGrouped<L, V> {
  private readonly table: AnyTable
  private readonly groupOf: (value: unknown, key: unknown) => unknown
  private readonly keySerde: Serde<L>

  constructor(table: AnyTable, groupOf: (value: unknown, key: unknown) => unknown, keySerde: Serde<L>) {
    this.table = table
    this.groupOf = groupOf
    this.keySerde = keySerde
  }

  /**
   * Aggregates the values that the table has now. Aggregators must be able to take values back: `count`, `sum`,
   * `mean`, `stddev`, `distinctCount`, `histogram`, `quantiles`, and one's own with `subtract`.
   */
  aggregate<A extends ReversibleAggregators<V> = never, R = never>(
    given: A | AnyReversibleAggregator<V, R>,
    options: NameOption = {},
  ): Table<L, ResultOf<A, R>> {
    return this.add(oneAggregator(given) as AnyReversibleAggregator<unknown>, options)
  }

  /** Folds the values of a group into one of their own type; `subtract` takes back a value that was replaced. */
  reduce(
    add: (held: V, value: V) => V,
    subtract: (held: V, value: V) => V,
    options: NameOption = {},
  ): Table<L, V> {
    return this.add(reducer(add, subtract) as AnyReversibleAggregator<unknown>, options)
  }

  private add<R>(aggregator: AnyReversibleAggregator<unknown>, options: NameOption): Table<L, R> {
    const { table } = this
    const { graph } = table
    const name = options.name ?? `${table.sourceName}-aggregate`
    table.tellBefore(true)
    const keySerde = this.keySerde as Serde<unknown>
    const grouped: GraphNode = graph.add({
      kind: 'operator',
      name: `${name}-group`,
      spec: tableGroupOperator(this.groupOf),
      inputs: [table.node],
    })
    const moved: GraphNode = graph.add({
      kind: 'repartition',
      name: `${name}-repartition`,
      topic: `${graph.pipeline}-${name}-repartition`,
      input: grouped,
      keySerde,
      valueSerde: json<unknown>(),
    })
    const spec = tableAggregateOperator({ store: name, keySerde, aggregator })
    const node = graph.add({ kind: 'operator', name, spec, inputs: [moved] })
    return new Table<L, R>(graph, node, this.keySerde, name, madeBy(spec))
  }
}
