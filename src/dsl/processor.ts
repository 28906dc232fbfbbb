/** The low level, typed: stores, outputs and timers that a processor declares are those that it is given. */
import { type Duration, durationMs } from '../core/duration.ts'
import type { Headers } from '../core/record.ts'
import { json, type Serde, type SerdeOrSchema, serdeOf, stringSerde } from '../core/serde.ts'
import type { RecordMetadata } from '../operators/operator.ts'
import { portOperator } from '../operators/port.ts'
import { type ProcessorTools, processorOperator, type TimerClock } from '../operators/processor.ts'
import type { OperatorNode } from '../plan/graph.ts'
import { type KeyValueStore, keyValueStore } from '../state/key-value-store.ts'
import { queried } from '../state/store.ts'
import { repartitionFor } from './repartition.ts'
import { type NameOption, Stream } from './stream.ts'

/** A store that a processor asks for; made by `keyValueState`. */
export interface StateDefinition<K, V> {
  readonly keySerde: Serde<K>
  readonly valueSerde: Serde<V>
}

/** A store of the latest value per key. Default: keys are text, values are JSON. */
export function keyValueState<V, K = string>(
  options: { readonly key?: SerdeOrSchema<K>; readonly value?: SerdeOrSchema<V> } = {},
): StateDefinition<K, V> {
  return {
    keySerde: options.key === undefined ? (stringSerde as unknown as Serde<K>) : serdeOf(options.key),
    valueSerde: options.value === undefined ? json<V>() : serdeOf(options.value),
  }
}

/** A store as a processor uses it. */
export interface State<K, V> {
  get(key: K): V | undefined
  /** A value that was changed in place must be put again. */
  put(key: K, value: V): void
  delete(key: K): void
  entries(): Iterable<readonly [K, V]>
}

/** A named output; made by `output` or `outputBy`. `K` is undefined where records keep their key. */
export interface OutputDefinition<V, K> {
  readonly keySerde: Serde<K> | undefined
  /** Only a type. */
  readonly value?: V
}

/** An output whose records have the key of the record or timer that caused them. */
export function output<V>(): OutputDefinition<V, undefined> {
  return { keySerde: undefined }
}

/** An output whose records have keys of their own. */
export function outputBy<V, K = string>(key: SerdeOrSchema<K>): OutputDefinition<V, K> {
  return { keySerde: serdeOf(key) }
}

// biome-ignore lint/suspicious/noExplicitAny: a record of definitions holds ones of different types
type AnyState = StateDefinition<any, any>
// biome-ignore lint/suspicious/noExplicitAny: a record of definitions holds ones of different types
type AnyOutput = OutputDefinition<any, any>
export type States = Readonly<Record<string, AnyState>>
export type Outputs = Readonly<Record<string, AnyOutput>>

interface ForwardedAs {
  /** Milliseconds since the epoch. Default: of the record or timer at hand. */
  readonly timestampMs?: number
  /** Default: those of the record at hand. */
  readonly headers?: Headers
}

type ForwardOptions<O, K> =
  O extends OutputDefinition<infer _V, infer OK>
    ? [OK] extends [undefined]
      ? [options?: ForwardedAs & { readonly key?: K }]
      : [options: ForwardedAs & { readonly key: OK }]
    : never

export interface TimerOptions<K> {
  /** Tells the timers of a key apart. Setting one of the same name again moves it. Default ''. */
  readonly name?: string
  /** Default `stream`. */
  readonly clock?: TimerClock
  /** Default: the key of the record or timer at hand. */
  readonly key?: K
}

export interface ProcessorContext<K, S, O> {
  readonly stores: {
    readonly [Name in keyof S]: S[Name] extends StateDefinition<infer SK, infer SV> ? State<SK, SV> : never
  }
  readonly timers: {
    /** Has `onTimer` called at a time, milliseconds since the epoch. */
    set(dueMs: number, options?: TimerOptions<K>): void
    cancel(options?: TimerOptions<K>): void
  }
  /** The task's stream time: -Infinity before the first record. */
  streamTimeMs(): number
  /**
   * The wall clock as it was when the round began, milliseconds since the epoch: what a timer of `wall` counts by. What
   * depends on it is another thing in each replay.
   */
  wallClockMs(): number
  /** Gives a record to an output, under the key of the record or timer at hand unless another is said. */
  forward<N extends keyof O & string>(
    to: N,
    value: O[N] extends OutputDefinition<infer V, infer _K> ? V : never,
    ...options: ForwardOptions<O[N], K>
  ): void
  /**
   * Has what was done so far, this record included, committed after the round that runs, before the commit interval is
   * over. All tasks of the thread commit together.
   */
  commit(): void
}

export interface ProcessedRecord<K, V> {
  readonly key: K
  readonly value: V
  readonly timestampMs: number
  /** Where it came from: read it during the call. */
  readonly metadata: RecordMetadata
}

export interface FiredTimer<K> {
  readonly key: K
  readonly name: string
  readonly clock: TimerClock
  readonly dueMs: number
}

export interface Processor<K, V> {
  process(record: ProcessedRecord<K, V>): void
  onTimer?(timer: FiredTimer<K>): void
  /**
   * The input is bounded and has ended: the last timers by stream time have fired. There is no record at hand: say the
   * key of what is forwarded. A run that goes on later with more input ends once more.
   */
  endOfStream?(): void
  /** The task moves away or ends: close what `create` opened. What is forwarded here is lost. */
  close?(): void
}

export interface ProcessorDefinition<K, V, S extends States, O extends Outputs> {
  readonly stores?: S
  readonly outputs: O
  /** The processor sets timers. */
  readonly timers?: boolean
  /** How far behind stream time the timestamps of its results may be. Default 0. */
  readonly outputDelay?: Duration
  /** Makes the processor of one task. */
  readonly create: (context: ProcessorContext<K, S, O>) => Processor<K, V>
}

/** The outputs of a processor as streams. */
export type ProcessorOutputs<K, O> = O extends infer Each
  ? {
      readonly [Name in keyof Each]: Each[Name] extends OutputDefinition<infer V, infer OK>
        ? Stream<[OK] extends [undefined] ? K : OK, V>
        : never
    }
  : never

export function addProcessor<K, V, S extends States, O extends Outputs>(
  stream: Stream<K, V>,
  definition: ProcessorDefinition<K, V, S, O>,
  options: NameOption,
): ProcessorOutputs<K, O> {
  const { graph, origin } = stream
  const name = options.name ?? `${origin.sources.join('-')}-process`
  const stores = new Map(
    Object.entries(definition.stores ?? {}).map(([store, { keySerde, valueSerde }]) => [
      store,
      queried(keyValueStore<unknown, unknown>(`${name}-${store}`, keySerde, valueSerde), {
        keySerde,
        show: (state) => state,
        // A processor puts what it likes under whichever key it likes.
        held: 'anywhere',
      }),
    ]),
  )
  const timers = definition.timers === true
  const outputs = Object.keys(definition.outputs)
  const spec = processorOperator({
    stores,
    timerStore: timers ? `${name}-timers` : undefined,
    outputDelayMs: durationMs(definition.outputDelay ?? 0),
    create: (tools) => adapt(definition, tools, outputs),
  })
  const keyed = stores.size > 0 || timers
  const input = keyed ? repartitionFor(stream, name) : stream
  const node: OperatorNode = graph.add({ kind: 'operator', name, spec, inputs: [input.node] })
  const streams = outputs.map((output, port) => {
    const { keySerde } = definition.outputs[output]!
    const reads: OperatorNode = graph.add({
      kind: 'operator',
      name: `${name}-${output}`,
      spec: portOperator('process', port),
      inputs: [node],
    })
    const rekeyed = keySerde !== undefined || (!keyed && origin.rekeyed)
    return [
      output,
      new Stream(graph, reads, keySerde ?? stream.keySerde, { sources: origin.sources, rekeyed }),
    ]
  })
  return Object.fromEntries(streams) as ProcessorOutputs<K, O>
}

/** The typed face of a processor over the tools of its operator. */
function adapt<K, V, S extends States, O extends Outputs>(
  definition: ProcessorDefinition<K, V, S, O>,
  tools: ProcessorTools,
  outputs: readonly string[],
) {
  const portOf = new Map(outputs.map((output, port) => [output, port]))
  const stores = Object.fromEntries([...tools.stores].map(([name, store]) => [name, stateOf(store, tools)]))
  const idOf = ({ name = '', clock = 'stream', key }: TimerOptions<K> = {}) => ({
    name,
    clock,
    key: key === undefined ? tools.currentKey : key,
  })
  const context = {
    stores,
    timers: {
      set: (dueMs: number, options?: TimerOptions<K>) => tools.setTimer({ ...idOf(options), dueMs }),
      cancel: (options?: TimerOptions<K>) => tools.cancelTimer(idOf(options)),
    },
    streamTimeMs: () => tools.streamTimeMs(),
    wallClockMs: () => tools.wallClockMs(),
    forward(to: string, value: unknown, options: ForwardedAs & { readonly key?: unknown } = {}) {
      const key = options.key === undefined ? tools.currentKey : options.key
      tools.forward(
        portOf.get(to) as number,
        key,
        value,
        options.timestampMs ?? tools.currentMs,
        options.headers,
      )
    },
    commit: () => tools.requestCommit(),
  }
  const processor = definition.create(context as unknown as ProcessorContext<K, S, O>)
  return {
    process: (value: unknown, key: unknown, timestampMs: number) =>
      processor.process({ key: key as K, value: value as V, timestampMs, metadata: tools.record }),
    onTimer: (timer: FiredTimer<unknown>) => processor.onTimer?.(timer as FiredTimer<K>),
    endOfStream: () => processor.endOfStream?.(),
    close: () => processor.close?.(),
  }
}

function stateOf(store: KeyValueStore<unknown, unknown>, tools: ProcessorTools): State<unknown, unknown> {
  return {
    get: (key) => store.get(key),
    put: (key, value) => store.put(key, value, tools.currentMs),
    delete: (key) => store.put(key, undefined, tools.currentMs),
    entries: () => store.all(),
  }
}
