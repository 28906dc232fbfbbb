/**
 * A global table: every task has all of it, so that a stream is joined with it by any key and moves nowhere for that.
 *
 * Each record of its topic is broadcast through an internal topic to all tasks that read it. Without an event time of
 * its own a global table has no time: its records go first wherever one waits, so that what is there at the start is
 * read before the streams, and changes count from when they come (Kafka Streams' GlobalKTable). With an event time
 * it is merged with the streams by time, and a replay gives the same answer.
 */
import type { TableView } from '../operators/operator.ts'
import type { Graph } from '../plan/graph.ts'

export class GlobalTable<K, V> {
  readonly name: string
  /** @internal */
  readonly graph: Graph
  /** @internal */
  readonly view: TableView
  /** Types only: the key and the value. */
  declare readonly types?: readonly [K, V]

  constructor(graph: Graph, name: string, view: TableView) {
    this.graph = graph
    this.name = name
    this.view = view
  }
}
