/** A stream of records of one type, and what can be done with it. */
import { type Duration, durationMs } from '../core/duration.ts'
import { json, type Serde, type SerdeOrSchema, serdeOf, stringSerde } from '../core/serde.ts'
import { deduplicateOperator } from '../operators/deduplicate.ts'
import { type DelayOptions, delayOperator } from '../operators/delay.ts'
import { filterOperator } from '../operators/filter.ts'
import { flatMapOperator, flatMapValuesOperator } from '../operators/flat-map.ts'
import { type KeyValue, mapOperator, mapValuesOperator, selectKeyOperator } from '../operators/map.ts'
import { mergeOperator } from '../operators/merge.ts'
import type { OperatorSpec, RecordFunction, RecordMetadata } from '../operators/operator.ts'
import { peekOperator } from '../operators/peek.ts'
import { printOperator } from '../operators/print.ts'
import type { Joiner } from '../operators/stream-table-join.ts'
import { tableSourceOperator } from '../operators/table-source.ts'
import type { Graph, GraphNode } from '../plan/graph.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { queried } from '../state/store.ts'
import {
  type BranchConditions,
  type Branches,
  type BranchOptions,
  branchStream,
  routeStream,
} from './branch.ts'
import type { GlobalTable } from './global-table.ts'
import { Grouped } from './grouped.ts'
import { joinGlobalTable, joinStreams, joinTable } from './join.ts'
import { type AnswerOptions, type AskOptions, type MapAsyncFunction, mapAsync } from './map-async.ts'
import {
  addProcessor,
  type Outputs,
  type ProcessorDefinition,
  type ProcessorOutputs,
  type States,
} from './processor.ts'
import { joinRemoteTable, type RemoteJoinOptions, RemoteTable } from './remote-table.ts'
import { repartitionBy, repartitionFor } from './repartition.ts'
import type {
  DeduplicateOptions,
  GlobalJoinOptions,
  KeyOption,
  NameOption,
  PrintOptions,
  RepartitionOptions,
  StreamJoinOptions,
  TableJoinOptions,
  ToOptions,
} from './stream-options.ts'
import { type AnyTable, Table } from './table.ts'

export type {
  DeduplicateOptions,
  GlobalJoinOptions,
  KeyOption,
  NameOption,
  PrintOptions,
  RepartitionOptions,
  StreamJoinOptions,
  TableJoinOptions,
  ToOptions,
} from './stream-options.ts'

type Joinable<K> =
  | AnyTable
  | GlobalTable<unknown, unknown>
  | RemoteTable<unknown, unknown>
  | Stream<K, unknown>
type AnyJoinOptions<K, V> = NameOption &
  Partial<StreamJoinOptions & GlobalJoinOptions<K, V, unknown> & RemoteJoinOptions>

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

  /** The records for which `keep` answers true. A type guard narrows the type. */
  filter<W extends V>(
    keep: (value: V, key: K, record: RecordMetadata) => value is W,
    options?: NameOption,
  ): Stream<K, W>
  filter(keep: (value: V, key: K, record: RecordMetadata) => boolean, options?: NameOption): Stream<K, V>
  filter(
    keep: (value: V, key: K, record: RecordMetadata) => boolean,
    options: NameOption = {},
  ): Stream<K, V> {
    return this.apply(filterOperator(keep as RecordFunction<boolean>), options)
  }

  /** Each record with a new value; the key stays. */
  mapValues<W>(
    change: (value: V, key: K, record: RecordMetadata) => W,
    options: NameOption = {},
  ): Stream<K, W> {
    return this.apply(mapValuesOperator(change as RecordFunction<unknown>), options)
  }

  /** Each record with a new key and value. */
  map<L extends string, W>(
    change: (value: V, key: K, record: RecordMetadata) => KeyValue<L, W>,
    options?: NameOption,
  ): Stream<L, W>
  map<L, W>(
    change: (value: V, key: K, record: RecordMetadata) => KeyValue<L, W>,
    options: NameOption & KeyOption<L>,
  ): Stream<L, W>
  map<L, W>(
    change: (value: V, key: K, record: RecordMetadata) => KeyValue<L, W>,
    options: NameOption & Partial<KeyOption<L>> = {},
  ): Stream<L, W> {
    const spec = mapOperator(change as RecordFunction<KeyValue<unknown, unknown>>)
    return this.rekey(spec, options)
  }

  /** Any number of values in place of each; the key stays. */
  flatMapValues<W>(
    expand: (value: V, key: K, record: RecordMetadata) => Iterable<W>,
    options: NameOption = {},
  ): Stream<K, W> {
    return this.apply(flatMapValuesOperator(expand as RecordFunction<Iterable<unknown>>), options)
  }

  /** Any number of records in place of each. */
  flatMap<L extends string, W>(
    expand: (value: V, key: K, record: RecordMetadata) => Iterable<KeyValue<L, W>>,
    options?: NameOption,
  ): Stream<L, W>
  flatMap<L, W>(
    expand: (value: V, key: K, record: RecordMetadata) => Iterable<KeyValue<L, W>>,
    options: NameOption & KeyOption<L>,
  ): Stream<L, W>
  flatMap<L, W>(
    expand: (value: V, key: K, record: RecordMetadata) => Iterable<KeyValue<L, W>>,
    options: NameOption & Partial<KeyOption<L>> = {},
  ): Stream<L, W> {
    const spec = flatMapOperator(expand as RecordFunction<Iterable<KeyValue<unknown, unknown>>>)
    return this.rekey(spec, options)
  }

  /** Each record with a new key. What follows and needs equal keys together moves the records by it. */
  selectKey<L extends string>(
    keyOf: (value: V, key: K, record: RecordMetadata) => L,
    options?: NameOption,
  ): Stream<L, V>
  selectKey<L>(
    keyOf: (value: V, key: K, record: RecordMetadata) => L,
    options: NameOption & KeyOption<L>,
  ): Stream<L, V>
  selectKey<L>(
    keyOf: (value: V, key: K, record: RecordMetadata) => L,
    options: NameOption & Partial<KeyOption<L>> = {},
  ): Stream<L, V> {
    return this.rekey(selectKeyOperator(keyOf as RecordFunction<unknown>), options)
  }

  /** Shows each record to `look` and passes it on. */
  peek(look: (value: V, key: K, record: RecordMetadata) => void, options: NameOption = {}): Stream<K, V> {
    return this.apply(peekOperator(look as RecordFunction<void>), options)
  }

  /**
   * Splits the stream: each record goes to the first branch whose condition it meets, and to no other.
   *
   * @throws MR_PLAN_INVALID when a branch is named by a number
   */
  branch<const B extends BranchConditions<K, V>, const D extends string = never>(
    conditions: B,
    options: BranchOptions<D> = {},
  ): Branches<K, V, B, D> {
    return branchStream(this, conditions, options) as unknown as Branches<K, V, B, D>
  }

  /** Shows each record to `write` as a line `[label]: key, value`, or the line that `line` makes of it. */
  print(write: (line: string) => void, options: PrintOptions<K, V> = {}): void {
    const line = options.line ?? ((value: V, key: K) => `${lineText(key)}, ${lineText(value)}`)
    const label = options.label ?? this.node.name
    this.apply(printOperator({ label, line: line as RecordFunction<string>, write }), options)
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
  groupBy<L extends string>(
    keyOf: (value: V, key: K, record: RecordMetadata) => L,
    options?: NameOption,
  ): Grouped<L, V>
  groupBy<L>(
    keyOf: (value: V, key: K, record: RecordMetadata) => L,
    options: NameOption & KeyOption<L>,
  ): Grouped<L, V>
  groupBy<L>(
    keyOf: (value: V, key: K, record: RecordMetadata) => L,
    options: NameOption & Partial<KeyOption<L>> = {},
  ): Grouped<L, V> {
    return new Grouped(this.rekey(selectKeyOperator(keyOf as RecordFunction<unknown>), options))
  }

  /** Groups by the key that the records have. */
  groupByKey(): Grouped<K, V> {
    return new Grouped(this)
  }

  /** Joins each record with the value that a global table has for a key found in the record. */
  join<G, T, R>(
    table: GlobalTable<G, T>,
    joiner: (left: V, right: T, key: K) => R,
    options: NameOption & GlobalJoinOptions<K, V, G>,
  ): Stream<K, R>
  /** Joins each record with the value that a remote table gives, when it is asked, for a key found in the record. */
  join<G, T, R>(
    table: RemoteTable<G, T>,
    joiner: (left: V, right: T, key: K) => R,
    options: RemoteJoinOptions & GlobalJoinOptions<K, V, G>,
  ): Stream<K, R>
  /** The same by the key of the record. */
  join<T, R>(
    table: RemoteTable<K, T>,
    joiner: (left: V, right: T, key: K) => R,
    options?: RemoteJoinOptions,
  ): Stream<K, R>
  /**
   * Joins each record with the value that a table has for its key; records without one give nothing.
   * With a table that has a `history` it is the value as of the record's time.
   *
   * @throws MR_PLAN_INVALID for a `grace` that the table's history does not allow
   */
  join<T, R>(
    table: Table<K, T> | Table<K, T, null>,
    joiner: (left: V, right: T, key: K) => R,
    options?: TableJoinOptions,
  ): Stream<K, R>
  /** Joins records of one key that come close in time; records without a partner give nothing. */
  join<W, R>(
    other: Stream<K, W>,
    joiner: (left: V, right: W, key: K) => R,
    options: StreamJoinOptions,
  ): Stream<K, R>
  join<R>(
    other: Joinable<K>,
    joiner: (left: V, right: never, key: K) => R,
    options: AnyJoinOptions<K, V> = {},
  ): Stream<K, R> {
    return this.joinWith('inner', other, joiner as Joiner, options)
  }

  /** As `join`; a record without a value in the global table is joined with null. */
  leftJoin<G, T, R>(
    table: GlobalTable<G, T>,
    joiner: (left: V, right: T | null, key: K) => R,
    options: NameOption & GlobalJoinOptions<K, V, G>,
  ): Stream<K, R>
  /** As `join`; a record for which the remote table has nothing is joined with null. */
  leftJoin<G, T, R>(
    table: RemoteTable<G, T>,
    joiner: (left: V, right: T | null, key: K) => R,
    options: RemoteJoinOptions & GlobalJoinOptions<K, V, G>,
  ): Stream<K, R>
  leftJoin<T, R>(
    table: RemoteTable<K, T>,
    joiner: (left: V, right: T | null, key: K) => R,
    options?: RemoteJoinOptions,
  ): Stream<K, R>
  /** As `join`; a record without a value in the table is joined with null. */
  leftJoin<T, R>(
    table: Table<K, T> | Table<K, T, null>,
    joiner: (left: V, right: T | null, key: K) => R,
    options?: TableJoinOptions,
  ): Stream<K, R>
  /** As `join`; a record of this stream without a partner is joined with null when its window has closed. */
  leftJoin<W, R>(
    other: Stream<K, W>,
    joiner: (left: V, right: W | null, key: K) => R,
    options: StreamJoinOptions,
  ): Stream<K, R>
  leftJoin<R>(
    other: Joinable<K>,
    joiner: (left: V, right: never, key: K) => R,
    options: AnyJoinOptions<K, V> = {},
  ): Stream<K, R> {
    return this.joinWith('left', other, joiner as Joiner, options)
  }

  /** As `join`; a record of either stream without a partner is joined with null when its window has closed. */
  outerJoin<W, R>(
    other: Stream<K, W>,
    joiner: (left: V | null, right: W | null, key: K) => R,
    options: StreamJoinOptions,
  ): Stream<K, R> {
    return joinStreams('outer', this, other, joiner as Joiner, options)
  }

  /**
   * Lets the first of several records with one id through: those whose key and id are equal and whose times are no
   * further apart than `within`. Default: the key is the id. A record that is further behind stream time is late.
   *
   * @throws MR_DURATION_INVALID
   */
  deduplicate(options: DeduplicateOptions<K, V>): Stream<K, V> {
    const name = options.name ?? `${this.origin.sources.join('-')}-deduplicate`
    const idOf = options.id as RecordFunction<unknown> | undefined
    const spec = deduplicateOperator({
      store: name,
      withinMs: durationMs(options.within, `\`within\` of "${name}"`),
      idOf,
    })
    return this.keyed(spec, name)
  }

  /**
   * Holds each record back for a while of stream time, or until the time that a function tells, milliseconds since
   * the epoch; that time is then its timestamp.
   *
   * @throws MR_DURATION_INVALID
   */
  delay(
    by: Duration | ((value: V, key: K, record: RecordMetadata) => number),
    options: NameOption = {},
  ): Stream<K, V> {
    const name = options.name ?? `${this.origin.sources.join('-')}-delay`
    const spec = delayOperator({ store: name, dueMs: dueFunction(by) })
    const node = this.graph.add({ kind: 'operator', name, spec, inputs: [this.node] })
    return new Stream<K, V>(this.graph, node, this.keySerde, this.origin)
  }

  /**
   * Each record with the value that a function gives, also as a promise: many calls run at a time, and each answer
   * counts once, though a record may be asked for again after a crash. What follows sees no time that the records
   * under way have not come to, so that none of them is late. Records of parked keys are left out of that.
   *
   * @throws MR_DURATION_INVALID; MR_PLAN_INVALID for a number that is not whole and above 0, and for keys that are
   *   parked without their order
   */
  mapAsync<W>(fn: MapAsyncFunction<K, V, W>, options: AskOptions<V> & AnswerOptions = {}): Stream<K, W> {
    return mapAsync(this, fn, options)
  }

  /**
   * Hands each record to a processor of one's own, which has typed stores, timers per key and named outputs. Records
   * of one key meet in one processor when it has stores or timers.
   */
  process<S extends States, O extends Outputs>(
    definition: ProcessorDefinition<K, V, S, O>,
    options: NameOption = {},
  ): ProcessorOutputs<K, O> {
    return addProcessor(this, definition, options)
  }

  /**
   * Moves the records through an internal topic, by key: what follows runs in as many tasks as it has partitions.
   *
   * @throws MR_PLAN_INVALID for a number of partitions that is not a whole number above 0
   */
  repartition(options: RepartitionOptions<K, V> = {}): Stream<K, V> {
    const node = repartitionBy(this, options.name ?? this.origin.sources.join('-'), options)
    return new Stream<K, V>(this.graph, node, this.keySerde, { sources: this.origin.sources, rekeyed: false })
  }

  /** The latest value per key; a null value deletes, a record without a key is passed over. */
  toTable(options: NameOption & { readonly value?: SerdeOrSchema<V> } = {}): Table<K, V, null> {
    const name = options.name ?? `${this.origin.sources.join('-')}-to-table`
    const input = repartitionFor(this, name)
    const valueSerde = options.value === undefined ? json<unknown>() : serdeOf(options.value)
    const keySerde = this.keySerde as Serde<unknown>
    const spec = queried(keyValueStore(name, keySerde, valueSerde as Serde<unknown>), {
      keySerde,
      show: (state) => state,
    })
    const node = this.graph.add({
      kind: 'operator',
      name,
      spec: tableSourceOperator(spec),
      inputs: [input.node],
    })
    return new Table(this.graph, node, this.keySerde, name, { versioned: false, spec })
  }

  /** Writes the records to a topic. */
  to(topic: string, options?: ToOptions<K, V>): void
  /** Writes each record to the topic that a function chooses for it, among those that are named. */
  to<const T extends string>(
    topicOf: (value: V, key: K, record: RecordMetadata) => NoInfer<T>,
    options: ToOptions<K, V> & { readonly topics: readonly T[] },
  ): void
  to(
    topic: string | ((value: V, key: K, record: RecordMetadata) => string),
    options: ToOptions<K, V> & { readonly topics?: readonly string[] } = {},
  ): void {
    if (typeof topic === 'string') {
      this.toTopic(topic, options)
      return
    }
    const topics = options.topics ?? []
    for (const [at, stream] of routeStream(this, topics, topic).entries()) stream.to(topics[at]!, options)
  }

  private toTopic(topic: string, options: ToOptions<K, V>): void {
    this.graph.add({
      kind: 'sink',
      name: this.graph.freeName(`to-${topic}`),
      topic,
      input: this.node,
      keySerde: (options.key === undefined ? this.keySerde : serdeOf(options.key)) as Serde<unknown>,
      valueSerde: options.value === undefined ? json<unknown>() : (serdeOf(options.value) as Serde<unknown>),
    })
  }

  private joinWith<R>(
    kind: 'inner' | 'left',
    other: Joinable<K>,
    joiner: Joiner,
    options: AnyJoinOptions<K, V>,
  ): Stream<K, R> {
    const left = kind === 'left'
    if (other instanceof Table) return joinTable(this, other, left, joiner, options)
    if (other instanceof Stream) return joinStreams(kind, this, other, joiner, options as StreamJoinOptions)
    if (other instanceof RemoteTable) {
      const asked = options as RemoteJoinOptions & Partial<GlobalJoinOptions<K, V, unknown>>
      return joinRemoteTable(this, other, left, joiner, asked)
    }
    const keyOf = options.on as (value: unknown, key: unknown) => unknown
    return joinGlobalTable(this, other, left, keyOf, joiner, options)
  }

  /** An operator that needs the records of a key together. */
  private keyed<W>(spec: OperatorSpec, name: string): Stream<K, W> {
    const input = repartitionFor(this, name)
    const node = this.graph.add({ kind: 'operator', name, spec, inputs: [input.node] })
    return new Stream<K, W>(this.graph, node, this.keySerde, { sources: this.origin.sources, rekeyed: false })
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

function dueFunction<K, V>(
  by: Duration | ((value: V, key: K, record: RecordMetadata) => number),
): DelayOptions['dueMs'] {
  if (typeof by === 'function') return (value, key, _timestampMs, record) => by(value as V, key as K, record)
  const delayMs = durationMs(by, 'the delay')
  return (_value, _key, timestampMs) => timestampMs + delayMs
}

function lineText(part: unknown): string {
  return typeof part === 'string' ? part : (JSON.stringify(part) ?? String(part))
}
