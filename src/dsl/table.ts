/** A table: the latest value per key, and what can be done with it. */
import { json, type Serde } from '../core/serde.ts'
import type { TableStoreSpec } from '../operators/stream-table-join.ts'
import { tableSourceOperator } from '../operators/table-source.ts'
import type { Graph, GraphNode } from '../plan/graph.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { Stream, type ToOptions } from './stream.ts'

export class Table<K, V> {
  /** @internal */
  readonly graph: Graph
  /** @internal */
  readonly node: GraphNode
  /** @internal */
  readonly keySerde: Serde<K>
  /** @internal */
  readonly sourceName: string
  private stored: TableStoreSpec | undefined

  constructor(
    graph: Graph,
    node: GraphNode,
    keySerde: Serde<K>,
    sourceName: string,
    stored: TableStoreSpec | undefined,
  ) {
    this.graph = graph
    this.node = node
    this.keySerde = keySerde
    this.sourceName = sourceName
    this.stored = stored
  }

  /** Every change of the table as a record. */
  toStream(): Stream<K, V> {
    return new Stream<K, V>(this.graph, this.node, this.keySerde, {
      sources: [this.sourceName],
      rekeyed: false,
    })
  }

  /** Writes every change to a topic. */
  to(topic: string, options: ToOptions<K, V> = {}): void {
    this.toStream().to(topic, options)
  }

  /** The store in which a join finds the table's values; made when the first join asks for it. @internal */
  lookup(): TableStoreSpec {
    if (this.stored === undefined) {
      const name = `${this.sourceName}-table`
      const spec = keyValueStore(name, this.keySerde as Serde<unknown>, json<unknown>())
      this.graph.add({ kind: 'operator', name, spec: tableSourceOperator(spec), inputs: [this.node] })
      this.stored = { versioned: false, spec }
    }
    return this.stored
  }
}
