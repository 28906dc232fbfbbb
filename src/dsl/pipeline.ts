/** A pipeline: what a user writes, names and runs. */
import { type Duration, durationMs } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'
import { type Serde, type SerdeOrSchema, serdeOf, stringSerde } from '../core/serde.ts'
import { tableSourceOperator, versionedTableSourceOperator } from '../operators/table-source.ts'
import { storeView } from '../operators/table-view.ts'
import { describePlan } from '../plan/describe.ts'
import { type DescribedPlan, describePlanAsJson } from '../plan/describe-json.ts'
import { describePlanAsMermaid } from '../plan/describe-mermaid.ts'
import { Graph, type InvalidPolicy } from '../plan/graph.ts'
import { type PhysicalPlan, planGraph } from '../plan/plan.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { queried } from '../state/store.ts'
import { versionedStore } from '../state/versioned-store.ts'
import { checkChoice, failurePolicies } from './check-choice.ts'
import { GlobalTable } from './global-table.ts'
import { Stream } from './stream.ts'
import { Table } from './table.ts'

export interface SourceOptions<V, K> {
  /** How keys are read. Default: UTF-8 text. */
  readonly key?: SerdeOrSchema<K>
  /** The event time of a value, milliseconds since the epoch. Default: the record's timestamp. */
  readonly eventTime?: (value: V, key: K) => number
  /** How much out of order records may come and still be on time. Default 0. */
  readonly lateness?: Duration
  /** What happens to a record that cannot be read or processed. Default `dead-letter`. */
  readonly onInvalid?: InvalidPolicy
  /**
   * What lies in the topic when a task starts is read first, whatever its time: a table that is whole before the first
   * record looks something up in it. What comes later is merged by time. Default false.
   */
  readonly bootstrap?: boolean
  /**
   * Where a task reads several topics: records of one with a higher priority go first, whatever their time, and others
   * wait until it has none. Any whole number; default 0: records go by their time.
   */
  readonly priority?: number
  /** Default: the topic's name. A topic is read once in a pipeline. */
  readonly name?: string
}

export interface TableOptions<V, K> extends SourceOptions<V, K> {
  /**
   * Remember the versions of this long, so that a join sees the value as of the record's time.
   * Without it a join sees the latest value.
   */
  readonly history?: Duration
}

export class Pipeline {
  readonly name: string
  readonly graph: Graph

  constructor(name: string) {
    this.name = name
    this.graph = new Graph(name)
  }

  /**
   * A stream of all records of a topic, each validated by the schema (JSON) or read by the serde.
   *
   * @throws MR_TOPIC_NAME_INVALID, MR_PLAN_NAME_TAKEN, MR_DURATION_INVALID
   */
  stream<V, K = string>(
    topic: string,
    value: SerdeOrSchema<V>,
    options: SourceOptions<V, K> = {},
  ): Stream<K, V> {
    const keySerde = keyOf(options.key)
    const node = this.addSource(topic, serdeOf(value), keySerde, options, false)
    return new Stream(this.graph, node, keySerde, { sources: [node.name], rekeyed: false })
  }

  /**
   * A table: the latest value per key of a topic; a null value deletes the key.
   *
   * @throws MR_TOPIC_NAME_INVALID, MR_PLAN_NAME_TAKEN, MR_DURATION_INVALID
   */
  table<V, K = string>(
    topic: string,
    value: SerdeOrSchema<V>,
    options: TableOptions<V, K> = {},
  ): Table<K, V, null> {
    const keySerde = keyOf(options.key)
    const valueSerde = serdeOf(value)
    const source = this.addSource(topic, valueSerde, keySerde, options, true)
    const name = `${source.name}-table`
    const key = keySerde as Serde<unknown>
    const stored = valueSerde as Serde<unknown>
    const shown = { keySerde: key, show: (state: unknown) => state, alias: source.name }
    if (options.history === undefined) {
      const spec = queried(keyValueStore(name, key, stored), shown)
      const node = this.graph.add({
        kind: 'operator',
        name,
        spec: tableSourceOperator(spec),
        inputs: [source],
      })
      return new Table(this.graph, node, keySerde, source.name, { versioned: false, spec })
    }
    const spec = queried(
      versionedStore(name, key, stored, durationMs(options.history, `the history of ${topic}`)),
      shown,
    )
    const node = this.graph.add({
      kind: 'operator',
      name,
      spec: versionedTableSourceOperator(spec),
      inputs: [source],
    })
    return new Table(this.graph, node, keySerde, source.name, { versioned: true, spec })
  }

  /**
   * A table of which every task has all: a stream joins it by any key, without moving for it.
   *
   * @throws MR_TOPIC_NAME_INVALID, MR_PLAN_NAME_TAKEN, MR_DURATION_INVALID
   */
  globalTable<V, K = string>(
    topic: string,
    value: SerdeOrSchema<V>,
    options: Omit<SourceOptions<V, K>, 'bootstrap' | 'priority'> = {},
  ): GlobalTable<K, V> {
    const keySerde = keyOf(options.key) as Serde<unknown>
    const valueSerde = serdeOf(value) as Serde<unknown>
    const own = options as SourceOptions<unknown, unknown>
    const timeless = options.eventTime === undefined
    const source = this.addSource(topic, valueSerde, keySerde, own, true, timeless)
    const name = `${source.name}-global`
    const input = this.graph.add({
      kind: 'repartition',
      name: `${name}-broadcast`,
      topic: `${this.name}-${name}-broadcast`,
      input: source,
      keySerde,
      valueSerde,
      broadcast: true,
    })
    const spec = queried(keyValueStore(name, keySerde, valueSerde), {
      keySerde,
      show: (state) => state,
      held: 'everywhere',
      alias: source.name,
    })
    this.graph.add({ kind: 'operator', name, spec: tableSourceOperator(spec), inputs: [input] })
    return new GlobalTable(this.graph, source.name, storeView({ versioned: false, spec }))
  }

  /**
   * What the pipeline reads, keeps and writes, and how it is cut into sub-topologies: as text for people, as plain
   * data for programs, as a Mermaid flowchart for documents.
   */
  describe(form?: 'text' | 'mermaid'): string
  describe(form: 'json'): DescribedPlan
  describe(form: 'text' | 'json' | 'mermaid' = 'text'): string | DescribedPlan {
    const plan = this.plan()
    if (form === 'json') return describePlanAsJson(plan)
    checkChoice('the form', form, ['text', 'mermaid', 'json'])
    return form === 'text' ? describePlan(plan) : describePlanAsMermaid(plan)
  }

  /** The plan by which this pipeline runs. */
  plan(): PhysicalPlan {
    return planGraph(this.graph)
  }

  private addSource<V, K>(
    topic: string,
    valueSerde: Serde<V>,
    keySerde: Serde<K>,
    options: SourceOptions<V, K>,
    nullValues: boolean,
    timeless = false,
  ) {
    if (options.priority !== undefined && !Number.isSafeInteger(options.priority)) {
      throw new MillraceError(
        'MR_PLAN_INVALID',
        `the priority of ${topic} is ${options.priority}, not a whole number`,
      )
    }
    return this.graph.add({
      kind: 'source',
      name: options.name ?? topic,
      topic,
      keySerde: keySerde as Serde<unknown>,
      valueSerde: valueSerde as Serde<unknown>,
      eventTime: options.eventTime as ((value: unknown, key: unknown) => number) | undefined,
      latenessMs: durationMs(options.lateness ?? 0, `the lateness of ${topic}`),
      nullValues,
      onInvalid: checkChoice('onInvalid', options.onInvalid ?? 'dead-letter', failurePolicies),
      ...(timeless ? { timeless } : {}),
      ...(options.bootstrap === true ? { bootstrap: true } : {}),
      ...(options.priority === undefined ? {} : { priority: options.priority }),
    })
  }
}

function keyOf<K>(from: SerdeOrSchema<K> | undefined): Serde<K> {
  return from === undefined ? (stringSerde as unknown as Serde<K>) : serdeOf(from)
}

/**
 * A new, empty pipeline. Its name is part of the names of its consumer group, stores and internal topics: renaming
 * it starts it anew.
 *
 * @throws MR_TOPIC_NAME_INVALID when the name is not legal in a topic's name
 */
export function pipeline(name: string): Pipeline {
  return new Pipeline(name)
}
