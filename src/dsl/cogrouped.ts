/** Several grouped streams aggregated into one state per key (Kafka Streams' cogroup, KIP-150). */
import type { Serde } from '../core/serde.ts'
import { type Aggregator, aggregator } from '../operators/aggregator.ts'
import { cogroupInputOperator } from '../operators/cogroup-input.ts'
import { withLateOutput } from '../operators/late-output.ts'
import { mergeOperator } from '../operators/merge.ts'
import { portOperator, type Routed } from '../operators/port.ts'
import { type Windowed, windowedSerde } from '../operators/windowed.ts'
import type { OperatorNode } from '../plan/graph.ts'
import { addWithLate, aggregateSpec } from './aggregated.ts'
import type { Grouped } from './grouped.ts'
import { repartitionFor } from './repartition.ts'
import { type NameOption, Stream } from './stream.ts'
import { madeBy, Table } from './table.ts'
import { checkWindow, type GrowingSessionWindow, type Window } from './window.ts'

type Add<S> = (state: S, value: unknown, key: unknown) => S

interface Part<K, S> extends CogroupedStreamOptions<K, unknown> {
  readonly stream: Stream<K, unknown>
  readonly add: Add<S>
}

export interface CogroupedStreamOptions<K, V> extends NameOption {
  /**
   * Is given the stream of this stream's records that came too late for their window. Without it they go to the topic
   * `<pipeline>-late`.
   */
  readonly onLate?: (late: Stream<K, V>) => void
}

export interface CogroupOptions<S, R> extends NameOption {
  /** Needed for session windows: one state from those of two sessions that became one. */
  readonly merge?: (earlier: S, later: S) => S
  /** What the table shows of a state. Default: the state itself. */
  readonly result?: (state: S) => R
}

export class Cogrouped<K, S> {
  private readonly init: () => S
  private readonly parts: readonly Part<K, S>[]

  constructor(init: () => S, parts: readonly Part<K, S>[]) {
    this.init = init
    this.parts = parts
  }

  /**
   * Adds a stream with a function of its own. `name` calls its internal topic if it needs one; the default is the
   * name of the aggregate and of what the stream reads.
   */
  and<V>(
    grouped: Grouped<K, V>,
    add: (state: S, value: V, key: K) => S,
    options: CogroupedStreamOptions<K, V> = {},
  ): Cogrouped<K, S> {
    const part = { ...options, stream: grouped.stream, add } as unknown as Part<K, S>
    return new Cogrouped(this.init, [...this.parts, part])
  }

  /** Aggregates within windows. Sessions with results on every record delete what grew: their tables have null. */
  window(window: GrowingSessionWindow): WindowedCogrouped<K, S, null>
  window(window: Window): WindowedCogrouped<K, S>
  window(window: Window): WindowedCogrouped<K, S> {
    checkWindow(window)
    return new WindowedCogrouped(this.init, this.parts, window)
  }

  /** Aggregates everything there ever was: a table that changes with every record. */
  aggregate<R = S>(options: CogroupOptions<S, R> = {}): Table<K, R> {
    return addCogroup<K, S, K, R>(this.init, this.parts, undefined, this.parts[0]!.stream.keySerde, options)
  }
}

export class WindowedCogrouped<K, S, Gone extends null = never> {
  private readonly init: () => S
  private readonly parts: readonly Part<K, S>[]
  private readonly window: Window

  constructor(init: () => S, parts: readonly Part<K, S>[], window: Window) {
    this.init = init
    this.parts = parts
    this.window = window
  }

  /** One state per key and window. */
  aggregate<R = S>(options: CogroupOptions<S, R> = {}): Table<Windowed<K>, R, Gone> {
    const key = windowedSerde(this.parts[0]!.stream.keySerde)
    return addCogroup<K, S, Windowed<K>, R, Gone>(this.init, this.parts, this.window, key, options)
  }
}

function addCogroup<K, S, L, R, Gone extends null = never>(
  init: () => S,
  parts: readonly Part<K, S>[],
  window: Window | undefined,
  resultKey: Serde<L>,
  options: CogroupOptions<S, R>,
): Table<L, R, Gone> {
  const { graph, keySerde } = parts[0]!.stream
  const sources = [...new Set(parts.flatMap(({ stream }) => stream.origin.sources))]
  const name = options.name ?? `${sources.join('-')}-cogroup`
  const partName = ({ stream, name: own }: Part<K, S>): string =>
    own ?? `${name}-${stream.origin.sources.join('-')}`
  const inputs = parts.map((one, port): OperatorNode => {
    const part = partName(one)
    const input = repartitionFor(one.stream, part)
    return graph.add({
      kind: 'operator',
      name: `${part}-input`,
      spec: cogroupInputOperator(port, window === undefined || window.kind === 'sliding'),
      inputs: [input.node],
    })
  })
  const merged: OperatorNode = graph.add({
    kind: 'operator',
    name: `${name}-merge`,
    spec: mergeOperator(inputs.length),
    inputs,
  })
  const { merge, result } = options
  const adds = parts.map(({ add }) => add)
  const all: Aggregator<Routed, S, R> = aggregator<Routed, S, R>({
    init,
    add: (state, { port, value }, key) => adds[port]!(state, value, key),
    ...(merge === undefined ? {} : { merge }),
    ...(result === undefined ? {} : { result }),
  })
  const spec = aggregateSpec(window, name, keySerde as Serde<unknown>, all)
  const made = madeBy(spec)
  if (parts.every(({ onLate }) => onLate === undefined)) {
    const node = graph.add({ kind: 'operator', name, spec, inputs: [merged] })
    return new Table<L, R, Gone>(graph, node, resultKey, name, made)
  }
  const taken = withLateOutput(spec, (value) => parts[(value as Routed).port]?.onLate !== undefined)
  const { results, late } = addWithLate(graph, name, { input: merged, spec: taken })
  for (const [port, part] of parts.entries()) {
    if (part.onLate === undefined) continue
    const own = graph.add({
      kind: 'operator',
      name: `${partName(part)}-late`,
      spec: portOperator('cogroup', port),
      inputs: [late],
    })
    const origin = { sources: part.stream.origin.sources, rekeyed: false }
    part.onLate(new Stream(graph, own, keySerde, origin))
  }
  return new Table<L, R, Gone>(graph, results, resultKey, name, made)
}
