/**
 * The stores of a running pipeline, for queries: finds a store in the plan, asks the tasks that hold it, and puts
 * their answers together.
 *
 * 1. The name is that of the store, or of the table: its topic, or the name that it was read under.
 * 2. A key is asked of the task of its partition (murmur2 of its bytes, as all Kafka clients choose it), everything
 *    else of all tasks. Where keys do not decide, all tasks are asked; where every task has all, one is.
 * 3. A task that does not answer is being restored, moved, or held by another process: MR_STORE_MOVING, never a
 *    smaller answer.
 */
import { ByteWriter } from '../../core/byte-writer.ts'
import { suggestName } from '../../core/did-you-mean.ts'
import { MillraceError, messageOf } from '../../core/errors.ts'
import { partitionOf } from '../../core/murmur2.ts'
import type { PhysicalPlan, PlannedStore, SubTopology } from '../../plan/plan.ts'
import type { QueriedStore } from '../../state/store.ts'
import { compareRows, type StoreQuery, type StoreRow } from '../../state/store-query.ts'
import { taskCount } from '../task-assignor.ts'
import type { StoreKind } from './store-kind.ts'
import { StoreReader } from './store-reader.ts'
import type { InputPosition, TaskAnswer, TaskQuery } from './task-query.ts'

/** What a store is. */
export interface StoreDescription {
  readonly name: string
  readonly pipeline: string
  readonly kind: StoreKind
  /** The name of its keys' serde. */
  readonly key: string
  /** The tasks that hold it, one for each partition. */
  readonly tasks: number
  /** What may stand for the name: of a table the topic, or the name that it was read under. */
  readonly table?: string
}

/** What several tasks answered, as one. */
export interface StoreAnswer {
  readonly rows: readonly StoreRow[]
  readonly position: readonly InputPosition[]
  readonly committed: boolean
  /** There are more rows behind these. */
  readonly more: boolean
}

export interface PipelineStoresOptions {
  readonly plan: PhysicalPlan
  readonly partitionCounts: ReadonlyMap<string, number>
  /** Asks every thread; a thread that is not there gives no answers. */
  readonly ask: (query: TaskQuery) => Promise<readonly TaskAnswer[]>
}

interface FoundStore {
  readonly planned: PlannedStore
  readonly part: SubTopology
  readonly shown: QueriedStore
}

export class PipelineStores {
  private readonly options: PipelineStoresOptions
  private readonly stores: readonly FoundStore[]

  constructor(options: PipelineStoresOptions) {
    this.options = options
    this.stores = options.plan.subTopologies.flatMap((part) =>
      part.stores.flatMap((planned) => {
        const { queried: shown } = planned.spec
        return shown === undefined ? [] : [{ planned, part, shown }]
      }),
    )
  }

  list(): readonly StoreDescription[] {
    return this.stores.map((found) => this.describe(found))
  }

  /** True when `open` would find it. */
  has(name: string): boolean {
    return this.find(name) !== undefined
  }

  /** @throws MR_STORE_UNKNOWN */
  open<K, V>(name: string): StoreReader<K, V> {
    const found = this.find(name)
    if (found === undefined) {
      const { pipeline } = this.options.plan
      throw new MillraceError(
        'MR_STORE_UNKNOWN',
        `pipeline "${pipeline}" has no store "${name}" for queries`,
        {
          hint: suggestName(
            name,
            this.stores.map(({ planned, shown }) => shown.alias ?? planned.spec.name),
          ),
        },
      )
    }
    return new StoreReader<K, V>(this.describe(found), (query) => this.query(found, query))
  }

  private find(name: string): FoundStore | undefined {
    return (
      this.stores.find(({ planned }) => planned.spec.name === name) ??
      this.stores.find(({ shown }) => shown.alias === name)
    )
  }

  private describe({ planned, part, shown }: FoundStore): StoreDescription {
    return {
      name: planned.spec.name,
      pipeline: this.options.plan.pipeline,
      kind: planned.spec.kind as StoreKind,
      key: shown.keySerde.name,
      tasks: taskCount(part, this.options.partitionCounts),
      ...(shown.alias === undefined ? {} : { table: shown.alias }),
    }
  }

  private async query(found: FoundStore, query: StoreQuery): Promise<StoreAnswer> {
    const { planned, part } = found
    const tasks = taskCount(part, this.options.partitionCounts)
    const partition = this.partitionFor(found, query, tasks)
    // One more than asked for tells whether there are more.
    const answers = await this.options.ask({
      ...query,
      rowsMax: query.rowsMax + 1,
      store: planned.spec.name,
      subTopology: part.index,
      ...(partition === undefined ? {} : { partition }),
    })
    const answered = new Set(answers.map((answer) => answer.partition))
    const wanted = partition === undefined ? Array.from({ length: tasks }, (_, at) => at) : [partition]
    const missing = wanted.filter((one) => !answered.has(one))
    if (missing.length > 0) this.refuseMoving(planned.spec.name, missing)
    const rows = answers.flatMap((answer) => answer.rows).sort(compareRows)
    return {
      rows: rows.slice(0, query.rowsMax),
      more: rows.length > query.rowsMax,
      position: answers
        .flatMap((answer) => answer.position)
        .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition)),
      committed: answers.every((answer) => answer.committed),
    }
  }

  /** The task to ask; undefined for all. */
  private partitionFor({ part, shown }: FoundStore, query: StoreQuery, tasks: number): number | undefined {
    const { held = 'by-key' } = shown
    if (held === 'everywhere') return 0
    if (held === 'anywhere' || query.key === undefined) return undefined
    const { partitionCounts } = this.options
    // Keys of a narrower topic are in other tasks than their number among all says.
    if (part.sources.some(({ topic }) => partitionCounts.get(topic) !== tasks)) return undefined
    const bytes = new ByteWriter()
    try {
      shown.keySerde.write(query.key, bytes)
    } catch (cause) {
      throw new MillraceError('MR_QUERY_INVALID', `the key cannot be written: ${messageOf(cause)}`, {
        cause,
        hint: `The keys of the store are of serde ${shown.keySerde.name}.`,
      })
    }
    return partitionOf(bytes.buffer, tasks, 0, bytes.length)
  }

  private refuseMoving(store: string, partitions: readonly number[]): never {
    throw new MillraceError(
      'MR_STORE_MOVING',
      `store "${store}" cannot be asked about partition ${partitions.join(', ')} now`,
      {
        hint: 'Its state is being restored or moved, or another process holds it. Ask again in a moment.',
        context: { store, pipeline: this.options.plan.pipeline },
      },
    )
  }
}
