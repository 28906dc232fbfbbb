/** A stream of records of one type, and what can be done with it. */
import { type Duration, durationMs } from '../core/duration.ts'
import { json, type Serde, type SerdeOrSchema, serdeOf, stringSerde } from '../core/serde.ts'
import { filterOperator } from '../operators/filter.ts'
import { flatMapOperator, flatMapValuesOperator } from '../operators/flat-map.ts'
import { type KeyValue, mapOperator, mapValuesOperator, selectKeyOperator } from '../operators/map.ts'
import { mergeOperator } from '../operators/merge.ts'
import type { OperatorSpec } from '../operators/operator.ts'
import { peekOperator } from '../operators/peek.ts'
import { streamStreamJoinOperator } from '../operators/stream-stream-join.ts'
import { type Joiner, streamTableJoinOperator } from '../operators/stream-table-join.ts'
import type { Graph, GraphNode } from '../plan/graph.ts'
import { Grouped } from './grouped.ts'
import { repartitionFor } from './repartition.ts'
import { Table } from './table.ts'

/** The part of the plan's names that comes from the user. */
export interface NameOption {
  /** What stores, internal topics and the picture of the flow call it. */
  readonly name?: string
}

/** How the new keys are written where records move to another task. Texts need none. */
export interface KeyOption<K> {
  readonly key: SerdeOrSchema<K>
}

export interface ToOptions<K, V> {
  /** How keys are written. Default: as the stream's keys are. */
  readonly key?: SerdeOrSchema<K>
  /** How values are written. Default: JSON. */
  readonly value?: SerdeOrSchema<V>
}

export interface StreamJoinOptions extends NameOption {
  /** How far apart the times of two records may be, in either direction or each for itself. */
  readonly within: Duration | { readonly before: Duration; readonly after: Duration }
  /** How long past that a late record still finds its partners. Default 0. */
  readonly grace?: Duration
}

/** Where a stream comes from: it decides the default names of what is kept for it. */
export interface StreamOrigin {
  readonly sources: readonly string[]
  /** The key changed since the records were last partitioned by it. */
  readonly rekeyed: boolean
}

export class Stream<K, V> {
  /** @internal */
  readonly graph: Graph
  /** @internal */
  readonly node: GraphNode
  /** @internal */
  readonly keySerde: Serde<K>
  /** @internal */
  readonly origin: StreamOrigin

  constructor(graph: Graph, node: GraphNode, keySerde: Serde<K>, origin: StreamOrigin) {
    this.graph = graph
    this.node = node
    this.keySerde = keySerde
    this.origin = origin
  }

  /** The records for which `keep` answers true. */
  filter(keep: (value: V, key: K) => boolean, options: NameOption = {}): Stream<K, V> {
    return this.apply(filterOperator(keep as (value: unknown, key: unknown) => boolean), options)
  }

  /** Each record with a new value; the key stays. */
  mapValues<W>(change: (value: V, key: K) => W, options: NameOption = {}): Stream<K, W> {
    return this.apply(mapValuesOperator(change as (value: unknown, key: unknown) => unknown), options)
  }

  /** Each record with a new key and value. */
  map<L extends string, W>(change: (value: V, key: K) => KeyValue<L, W>, options?: NameOption): Stream<L, W>
  map<L, W>(change: (value: V, key: K) => KeyValue<L, W>, options: NameOption & KeyOption<L>): Stream<L, W>
  map<L, W>(
    change: (value: V, key: K) => KeyValue<L, W>,
    options: NameOption & Partial<KeyOption<L>> = {},
  ): Stream<L, W> {
    const spec = mapOperator(change as (value: unknown, key: unknown) => KeyValue<unknown, unknown>)
    return this.rekey(spec, options)
  }

  /** Any number of values in place of each; the key stays. */
  flatMapValues<W>(expand: (value: V, key: K) => Iterable<W>, options: NameOption = {}): Stream<K, W> {
    return this.apply(
      flatMapValuesOperator(expand as (value: unknown, key: unknown) => Iterable<unknown>),
      options,
    )
  }

  /** Any number of records in place of each. */
  flatMap<L extends string, W>(
    expand: (value: V, key: K) => Iterable<KeyValue<L, W>>,
    options?: NameOption,
  ): Stream<L, W>
  flatMap<L, W>(
    expand: (value: V, key: K) => Iterable<KeyValue<L, W>>,
    options: NameOption & KeyOption<L>,
  ): Stream<L, W>
  flatMap<L, W>(
    expand: (value: V, key: K) => Iterable<KeyValue<L, W>>,
    options: NameOption & Partial<KeyOption<L>> = {},
  ): Stream<L, W> {
    const spec = flatMapOperator(
      expand as (value: unknown, key: unknown) => Iterable<KeyValue<unknown, unknown>>,
    )
    return this.rekey(spec, options)
  }

  /** Each record with a new key. What follows and needs equal keys together moves the records by it. */
  selectKey<L extends string>(keyOf: (value: V, key: K) => L, options?: NameOption): Stream<L, V>
  selectKey<L>(keyOf: (value: V, key: K) => L, options: NameOption & KeyOption<L>): Stream<L, V>
  selectKey<L>(
    keyOf: (value: V, key: K) => L,
    options: NameOption & Partial<KeyOption<L>> = {},
  ): Stream<L, V> {
    return this.rekey(selectKeyOperator(keyOf as (value: unknown, key: unknown) => unknown), options)
  }

  /** Shows each record to `look` and passes it on. */
  peek(look: (value: V, key: K) => void, options: NameOption = {}): Stream<K, V> {
    return this.apply(peekOperator(look as (value: unknown, key: unknown) => void), options)
  }

  /** The records of both streams. Keys must be written alike. */
  merge<W>(other: Stream<K, W>, options: NameOption = {}): Stream<K, V | W> {
    const name = options.name ?? this.graph.sequenceName('merge')
    const node = this.graph.add({
      kind: 'operator',
      name,
      spec: mergeOperator(2),
      inputs: [this.node, other.node],
    })
    const sources = [...new Set([...this.origin.sources, ...other.origin.sources])]
    const rekeyed = this.origin.rekeyed || other.origin.rekeyed
    return new Stream<K, V | W>(this.graph, node, this.keySerde, { sources, rekeyed })
  }

  /** Groups by a new key, for an aggregate. */
  groupBy<L extends string>(keyOf: (value: V, key: K) => L, options?: NameOption): Grouped<L, V>
  groupBy<L>(keyOf: (value: V, key: K) => L, options: NameOption & KeyOption<L>): Grouped<L, V>
  groupBy<L>(
    keyOf: (value: V, key: K) => L,
    options: NameOption & Partial<KeyOption<L>> = {},
  ): Grouped<L, V> {
    return new Grouped(
      this.rekey(selectKeyOperator(keyOf as (value: unknown, key: unknown) => unknown), options),
    )
  }

  /** Groups by the key that the records have. */
  groupByKey(): Grouped<K, V> {
    return new Grouped(this)
  }

  /**
   * Joins each record with the value that a table has for its key; records without one give nothing.
   * With a table that has a `history` it is the value as of the record's time.
   */
  join<T, R>(table: Table<K, T>, joiner: (left: V, right: T, key: K) => R, options?: NameOption): Stream<K, R>
  /** Joins records of one key that come close in time; records without a partner give nothing. */
  join<W, R>(
    other: Stream<K, W>,
    joiner: (left: V, right: W, key: K) => R,
    options: StreamJoinOptions,
  ): Stream<K, R>
  join<W, R>(
    other: Table<K, W> | Stream<K, W>,
    joiner: (left: V, right: W, key: K) => R,
    options: NameOption & Partial<StreamJoinOptions> = {},
  ): Stream<K, R> {
    const join = joiner as Joiner
    if (other instanceof Table) return this.joinTable(other, join, options)
    return this.joinStream(other, join, options as StreamJoinOptions)
  }

  /** Writes the records to a topic. */
  to(topic: string, options: ToOptions<K, V> = {}): void {
    this.graph.add({
      kind: 'sink',
      name: `to-${topic}`,
      topic,
      input: this.node,
      keySerde: (options.key === undefined ? this.keySerde : serdeOf(options.key)) as Serde<unknown>,
      valueSerde: options.value === undefined ? json<unknown>() : (serdeOf(options.value) as Serde<unknown>),
    })
  }

  private joinTable<T, R>(table: Table<K, T>, joiner: Joiner, options: NameOption): Stream<K, R> {
    const right = table.lookup()
    const name = options.name ?? `${this.origin.sources.join('-')}-${table.sourceName}-join`
    const left = repartitionFor(this, name)
    const spec = streamTableJoinOperator(right, joiner)
    const node = this.graph.add({ kind: 'operator', name, spec, inputs: [left.node] })
    return new Stream<K, R>(this.graph, node, this.keySerde, { sources: this.origin.sources, rekeyed: false })
  }

  private joinStream<W, R>(other: Stream<K, W>, joiner: Joiner, options: StreamJoinOptions): Stream<K, R> {
    const { within } = options
    const each = typeof within === 'object' ? within : { before: within, after: within }
    const sources = [...new Set([...this.origin.sources, ...other.origin.sources])]
    const name = options.name ?? `${sources.join('-')}-join`
    const left = repartitionFor(this, `${name}-left`)
    const right = repartitionFor(other, `${name}-right`)
    const spec = streamStreamJoinOperator({
      leftStore: `${name}-left`,
      rightStore: `${name}-right`,
      keySerde: this.keySerde as Serde<unknown>,
      beforeMs: durationMs(each.before),
      afterMs: durationMs(each.after),
      graceMs: durationMs(options.grace ?? 0),
      joiner,
    })
    const node = this.graph.add({ kind: 'operator', name, spec, inputs: [left.node, right.node] })
    return new Stream<K, R>(this.graph, node, this.keySerde, { sources, rekeyed: false })
  }

  private apply<W>(spec: OperatorSpec, options: NameOption): Stream<K, W> {
    const name = options.name ?? this.graph.sequenceName(spec.kind)
    const node = this.graph.add({ kind: 'operator', name, spec, inputs: [this.node] })
    return new Stream<K, W>(this.graph, node, this.keySerde, this.origin)
  }

  private rekey<L, W>(spec: OperatorSpec, options: NameOption & Partial<KeyOption<L>>): Stream<L, W> {
    const name = options.name ?? this.graph.sequenceName(spec.kind)
    const node = this.graph.add({ kind: 'operator', name, spec, inputs: [this.node] })
    const keySerde = options.key === undefined ? (stringSerde as unknown as Serde<L>) : serdeOf(options.key)
    return new Stream<L, W>(this.graph, node, keySerde, { sources: this.origin.sources, rekeyed: true })
  }
}
