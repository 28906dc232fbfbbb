/** A table: the latest value per key, and what can be done with it. */
import { type Duration, durationMs } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'
import { json, type Serde, type SerdeOrSchema, serdeOf, stringSerde } from '../core/serde.ts'
import type { BeforeFlag, OperatorSpec, TableView } from '../operators/operator.ts'
import type { Joiner } from '../operators/stream-table-join.ts'
import { suppressOperator } from '../operators/suppress.ts'
import { tableSourceOperator } from '../operators/table-source.ts'
import { joinedView, type TableJoinKind, tableTableJoinOperator } from '../operators/table-table-join.ts'
import { tableValuesOperator } from '../operators/table-values.ts'
import { derivedView, storeView, type TableStoreSpec } from '../operators/table-view.ts'
import type { Graph, GraphNode } from '../plan/graph.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { queried } from '../state/store.ts'
import { joinByForeignKey } from './foreign-key.ts'
import { type KeyOption, type NameOption, Stream, type ToOptions } from './stream.ts'
import { TableGrouped } from './table-grouped.ts'

export interface TableOperationOptions<V> extends NameOption {
  /** Keeps the result in a store of this name, so that it can be queried. Without it nothing more is stored. */
  readonly store?: string
  /** How the store writes values. Default: JSON. */
  readonly value?: SerdeOrSchema<V>
}

export interface SuppressTableOptions extends NameOption {
  /** How long a key's first change waits for others. */
  readonly wait: Duration
  /** How many keys may wait. Default 1,000,000. */
  readonly recordsMax?: number
  /** When more would wait: `emit` lets the oldest go early, `fail` refuses the record. Default `emit`. */
  readonly whenFull?: 'emit' | 'fail'
}

// biome-ignore lint/suspicious/noExplicitAny: a table of whatever keys and values
export type AnyTable = Table<any, any, any>

/** What a table is made from: its view when it can be looked up, and the tables whose changes it passes on. */
export interface TableOrigin {
  readonly view?: TableView
  readonly parents: readonly TableOrigin[]
  /** Its operator says what each change replaced once this is set. Without it a table in a store always says it. */
  readonly before?: BeforeFlag
}

/** Has every change say what it replaced, as far as that needs no new store; whether it does. */
function told({ view, parents, before }: TableOrigin): boolean {
  if (before === undefined) return view !== undefined
  if (before.wanted) return true
  // All of them are asked, also when one cannot.
  before.wanted = parents.map(told).every((one) => one)
  return before.wanted
}

/** What is known of a table that an operator makes: how to look it up, and whether changes can say what they replaced. */
export function madeBy(
  { before, view }: Pick<OperatorSpec, 'before' | 'view'>,
  parents: readonly TableOrigin[] = [],
): TableOrigin {
  return {
    parents,
    ...(before === undefined ? {} : { before }),
    ...(view === undefined ? {} : { view }),
  }
}

/** `Gone` is `null` for a table whose keys can be deleted: what its stream carries then. */
export class Table<K, V, Gone extends null = never> {
  /** @internal */
  readonly graph: Graph
  /** @internal */
  readonly keySerde: Serde<K>
  /** @internal */
  readonly sourceName: string
  private origin: TableOrigin
  private changes: GraphNode

  /** `from`: undefined for a table that nothing can look up yet, such as an aggregate. */
  constructor(
    graph: Graph,
    node: GraphNode,
    keySerde: Serde<K>,
    sourceName: string,
    from: TableStoreSpec | TableOrigin | undefined,
  ) {
    this.graph = graph
    this.changes = node
    this.keySerde = keySerde
    this.sourceName = sourceName
    this.origin =
      from !== undefined && 'spec' in from
        ? { view: storeView(from), parents: [] }
        : (from ?? { parents: [] })
  }

  /** The node that gives out the changes. @internal */
  get node(): GraphNode {
    return this.changes
  }

  /** The keys whose values `keep` lets through. A value that it no longer lets through is deleted. */
  filter(keep: (value: V, key: K) => boolean, options: TableOperationOptions<V> = {}): Table<K, V, null> {
    const change = (value: unknown, key: unknown) => (keep(value as V, key as K) ? value : null)
    return this.derive('table-filter', change, options)
  }

  /** Each value changed; a deletion stays one. */
  mapValues<W>(change: (value: V, key: K) => W, options: TableOperationOptions<W> = {}): Table<K, W, Gone> {
    return this.derive('table-map-values', change as (value: unknown, key: unknown) => unknown, options)
  }

  /** The values of both tables for keys that both have. */
  join<W, R>(
    other: Table<K, W, null> | Table<K, W>,
    joiner: (left: V, right: W, key: K) => R,
    options: NameOption = {},
  ): Table<K, R, null> {
    return this.joinTable('inner', other, joiner as Joiner, options)
  }

  /** Each value of this table with the other's, or null where the other has none. */
  leftJoin<W, R>(
    other: Table<K, W, null> | Table<K, W>,
    joiner: (left: V, right: W | null, key: K) => R,
    options: NameOption = {},
  ): Table<K, R, null> {
    return this.joinTable('left', other, joiner as Joiner, options)
  }

  /** The values of both tables; null where one has none. */
  outerJoin<W, R>(
    other: Table<K, W, null> | Table<K, W>,
    joiner: (left: V | null, right: W | null, key: K) => R,
    options: NameOption = {},
  ): Table<K, R, null> {
    return this.joinTable('outer', other, joiner as Joiner, options)
  }

  /** Each value with that of another table whose key it names; nothing without one. */
  joinOn<F, W, R>(
    other: Table<F, W, null> | Table<F, W>,
    keyOf: (value: V, key: K) => F | null,
    joiner: (left: V, right: W, key: K) => R,
    options: NameOption = {},
  ): Table<K, R, null> {
    return joinByForeignKey(this, other, { left: false, keyOf, joiner: joiner as Joiner, options })
  }

  /** Each value with that of another table whose key it names, or with null. */
  leftJoinOn<F, W, R>(
    other: Table<F, W, null> | Table<F, W>,
    keyOf: (value: V, key: K) => F | null,
    joiner: (left: V, right: W | null, key: K) => R,
    options: NameOption = {},
  ): Table<K, R, null> {
    return joinByForeignKey(this, other, { left: true, keyOf, joiner: joiner as Joiner, options })
  }

  /** Groups by a new key what the table holds now, for an aggregate that follows its changes. */
  groupBy<L extends string>(groupOf: (value: V, key: K) => L): TableGrouped<L, V>
  groupBy<L>(groupOf: (value: V, key: K) => L, options: KeyOption<L>): TableGrouped<L, V>
  groupBy<L>(groupOf: (value: V, key: K) => L, options: Partial<KeyOption<L>> = {}): TableGrouped<L, V> {
    const keySerde = options.key === undefined ? (stringSerde as unknown as Serde<L>) : serdeOf(options.key)
    return new TableGrouped(this, groupOf as (value: unknown, key: unknown) => unknown, keySerde)
  }

  /**
   * Holds changes back for a while of stream time: of several to one key only the last is passed on. For one final
   * result per window use windows with `emit: 'close'`.
   *
   * @throws MR_DURATION_INVALID, MR_PLAN_INVALID for a bound that is not a whole number above 0
   */
  suppress(options: SuppressTableOptions): Table<K, V, Gone> {
    const name = options.name ?? `${this.sourceName}-suppressed`
    const recordsMax = options.recordsMax ?? 1_000_000
    if (!(Number.isSafeInteger(recordsMax) && recordsMax > 0))
      throw new MillraceError('MR_PLAN_INVALID', `"${name}" cannot hold back ${recordsMax} records`)
    const spec = suppressOperator({
      store: name,
      keySerde: this.keySerde as Serde<unknown>,
      waitMs: durationMs(options.wait, `wait of "${name}"`),
      recordsMax,
      whenFull: options.whenFull ?? 'emit',
    })
    const node = this.graph.add({ kind: 'operator', name, spec, inputs: [this.node] })
    return new Table(this.graph, node, this.keySerde, name, madeBy(spec, [this.origin]))
  }

  /** Every change of the table as a record; a deletion is null. */
  toStream(): Stream<K, V | Gone> {
    return new Stream<K, V | Gone>(this.graph, this.node, this.keySerde, {
      sources: [this.sourceName],
      rekeyed: false,
    })
  }

  /** Writes every change to a topic; a deletion as a null value. */
  to(topic: string, options: ToOptions<K, V | Gone> = {}): void {
    this.toStream().to(topic, options)
  }

  /** How another operator looks up the table's values; makes a store when there is none yet. @internal */
  lookup(): TableView {
    if (this.origin.view === undefined) {
      const name = `${this.sourceName}-table`
      const keySerde = this.keySerde as Serde<unknown>
      const spec = queried(keyValueStore(name, keySerde, json<unknown>()), {
        keySerde,
        show: (state) => state,
      })
      this.changes = this.graph.add({
        kind: 'operator',
        name,
        spec: tableSourceOperator(spec),
        inputs: [this.changes],
      })
      const view = storeView({ versioned: false, spec })
      this.origin = { view, parents: [] }
      return view
    }
    return this.origin.view
  }

  /**
   * Has every change say what it replaced, as far as that needs no new store or `force` is true; whether it does.
   *
   * @internal
   */
  tellBefore(force: boolean): boolean {
    if (told(this.origin)) return true
    if (force) this.lookup()
    return force
  }

  private derive<W, G extends null>(
    kind: 'table-filter' | 'table-map-values',
    change: (value: unknown, key: unknown) => unknown,
    options: TableOperationOptions<W>,
  ): Table<K, W, G> {
    const name = options.name ?? options.store ?? this.graph.sequenceName(kind)
    const before: BeforeFlag = { wanted: false }
    const valueSerde = options.value === undefined ? json<unknown>() : serdeOf(options.value)
    const store =
      options.store === undefined
        ? undefined
        : queried(
            keyValueStore(options.store, this.keySerde as Serde<unknown>, valueSerde as Serde<unknown>),
            { keySerde: this.keySerde as Serde<unknown>, show: (state) => state },
          )
    before.wanted = kind === 'table-filter' && this.tellBefore(false)
    const { origin } = this
    const versioned = origin.view?.versioned === true
    const spec = tableValuesOperator({ kind, change, store, before, versioned })
    const node = this.graph.add({ kind: 'operator', name, spec, inputs: [this.node] })
    if (store !== undefined) {
      const view = storeView({ versioned: false, spec: store })
      return new Table(this.graph, node, this.keySerde, name, { view, parents: [], before })
    }
    const from = { parents: [origin], before }
    if (origin.view === undefined) {
      // Its own store, when one is needed, is called after a name that survives edits.
      const made = kind === 'table-filter' ? 'filtered' : 'mapped'
      const stable = options.name ?? `${this.sourceName}-${made}`
      return new Table(this.graph, node, this.keySerde, stable, from)
    }
    const view = derivedView(origin.view, change)
    return new Table(this.graph, node, this.keySerde, this.sourceName, { ...from, view })
  }

  private joinTable<W, R>(
    kind: TableJoinKind,
    other: Table<K, W, null> | Table<K, W>,
    joiner: Joiner,
    options: NameOption,
  ): Table<K, R, null> {
    const name = options.name ?? `${this.sourceName}-${other.sourceName}-join`
    const before: BeforeFlag = { wanted: false }
    const views = { kind, joiner, left: this.lookup(), right: other.lookup() }
    if (kind !== 'inner') this.tellBefore(true)
    if (kind === 'outer') other.tellBefore(true)
    const spec = tableTableJoinOperator({ ...views, before })
    const node = this.graph.add({ kind: 'operator', name, spec, inputs: [this.node, other.node] })
    const view = joinedView(views)
    const parents = [this.origin, other.origin]
    return new Table(this.graph, node, this.keySerde, name, { view, parents, before })
  }
}
