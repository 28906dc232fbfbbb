/** Records grouped by key: what an aggregate starts from. */

import type { Serde } from '../core/serde.ts'
import { type Aggregators, type AnyAggregator, type ResultOf, reducer } from '../operators/aggregator.ts'
import { type Windowed, windowedSerde } from '../operators/windowed.ts'
import { type AggregateOptions, addAggregate, aggregateSpec, oneAggregator } from './aggregated.ts'
import { Cogrouped, type CogroupedStreamOptions } from './cogrouped.ts'
import type { NameOption, Stream } from './stream.ts'
import type { Table } from './table.ts'
import { checkWindow, type GrowingSessionWindow, type Window } from './window.ts'

export class Grouped<K, V> {
  /** @internal */
  readonly stream: Stream<K, V>

  constructor(stream: Stream<K, V>) {
    this.stream = stream
  }

  /** Aggregates within windows. Sessions with results on every record delete what grew: their tables have null. */
  window(window: GrowingSessionWindow): WindowedGrouped<K, V, null>
  window(window: Window): WindowedGrouped<K, V>
  window(window: Window): WindowedGrouped<K, V> {
    checkWindow(window)
    return new WindowedGrouped(this.stream, window)
  }

  /**
   * Aggregates everything there ever was: a table that changes with every record. Given a record of aggregators its
   * values are records of their results; given one, its results. Records without a key or a value are passed over.
   */
  aggregate<A extends Aggregators<V> = never, R = never>(
    given: A | AnyAggregator<V, R>,
    options: NameOption = {},
  ): Table<K, ResultOf<A, R>> {
    const { keySerde } = this.stream
    return addAggregate(this.stream, keySerde, options, (store) =>
      aggregateSpec(undefined, store, keySerde as Serde<unknown>, oneAggregator(given)),
    )
  }

  /** Folds the values of a key into one of their own type; the first value is the start. */
  reduce(add: (held: V, value: V) => V, options: NameOption = {}): Table<K, V> {
    return this.aggregate(reducer(add), options) as Table<K, V>
  }

  /** Aggregates this stream and others into one state per key, each by a function of its own. */
  cogroup<S>(
    init: () => S,
    add: (state: S, value: V, key: K) => S,
    options: CogroupedStreamOptions<K, V> = {},
  ): Cogrouped<K, S> {
    return new Cogrouped<K, S>(init, []).and(this, add, options)
  }
}

export class WindowedGrouped<K, V, Gone extends null = never> {
  /** @internal */
  readonly stream: Stream<K, V>
  private readonly window: Window

  constructor(stream: Stream<K, V>, window: Window) {
    this.stream = stream
    this.window = window
  }

  /** Aggregates per key and window: what is given is as for an aggregate without windows. */
  aggregate<A extends Aggregators<V> = never, R = never>(
    given: A | AnyAggregator<V, R>,
    options: AggregateOptions<K, V> = {},
  ): Table<Windowed<K>, ResultOf<A, R>, Gone> {
    const { keySerde } = this.stream
    return addAggregate(this.stream, windowedSerde(keySerde), options, (store) =>
      aggregateSpec(this.window, store, keySerde as Serde<unknown>, oneAggregator(given)),
    )
  }

  /** Folds the values of a key and window into one of their own type; the first value is the start. */
  reduce(add: (held: V, value: V) => V, options: AggregateOptions<K, V> = {}): Table<Windowed<K>, V, Gone> {
    return this.aggregate(reducer(add), options) as Table<Windowed<K>, V, Gone>
  }
}
