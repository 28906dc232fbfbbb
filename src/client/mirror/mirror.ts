/**
 * A mirror: copies topics of one cluster to another, exactly once, and brings the positions of groups along.
 *
 * 1. `open` looks at both clusters and decides what is to be done (`mirror-plan.ts`).
 * 2. `prepare` fences an older mirror of the same source, makes the topics that are missing, and writes down where
 *    the copy of each partition begins.
 * 3. `copy` copies in transactions (`transfer.ts`); it may end at any point and be gone on with by another process.
 * 4. `moveGroups` translates the positions of groups (`group-moves.ts`).
 *
 * What it promises: a consumer of the target that reads committed records sees each committed record of the source
 * once, in the order of its partition, whenever the mirror ended and however often it was started. The promise ends
 * when its positions are lost: when the mirror rests for longer than the target keeps positions of groups
 * (`offsets.retention.minutes`, 7 days), it refuses to go on.
 */
import { isMillraceError, MillraceError } from '../../core/errors.ts'
import { partitionName } from '../../core/record.ts'
import { createAdmin } from '../admin/admin.ts'
import type { Cluster } from '../cluster.ts'
import { createProducer, type Producer } from '../producer/producer.ts'
import { type GroupMove, groupsOf, type MirroredTopics, moveGroups, planGroups } from './group-moves.ts'
import { type MirrorNames, mirrorNames } from './mirror-names.ts'
import { type MirrorTopic, planMirror, positionToCommit } from './mirror-plan.ts'
import { ensureOffsetTopic, sendRuns } from './offset-topic.ts'
import { mirrorMember, Transfer, type TransferPartition } from './transfer.ts'

export interface MirrorOptions {
  readonly source: Cluster
  readonly target: Cluster
  /** Names. They stay the same at the target. */
  readonly topics: readonly string[]
  /** A transaction is committed when it has copied so many bytes, or after a second; 16 MiB by default. */
  readonly transactionBytes?: number
}

const TRANSACTION_BYTES = 16 * 1024 * 1024
/** What a transaction holds has to get to the target within this time, also over a slow line. */
const TRANSACTION_TIMEOUT_MS = 120_000

export class Mirror {
  /** What is to be done; after `prepare` with the target's ids. */
  topics: readonly MirrorTopic[]
  private readonly options: MirrorOptions
  private readonly names: MirrorNames
  private producer: Producer | undefined
  private transfer: Transfer | undefined

  /**
   * Looks at both clusters; nothing is changed.
   *
   * @throws MR_MIRROR_REFUSED when a topic cannot be copied, or both are the same cluster; MR_TOPIC_UNKNOWN
   */
  static async open(options: MirrorOptions): Promise<Mirror> {
    const { source, target } = options
    const [here, there] = await Promise.all(
      [source, target].map((cluster) => createAdmin(cluster).describeCluster()),
    )
    if (here!.clusterId === there!.clusterId) throw sameCluster(here!.clusterId)
    const names = mirrorNames(here!.clusterId)
    return new Mirror(options, names, await planMirror({ ...options, names, decided: false }))
  }

  private constructor(options: MirrorOptions, names: MirrorNames, topics: readonly MirrorTopic[]) {
    this.options = options
    this.names = names
    this.topics = topics
  }

  /** Copied so far by this mirror; changes while `copy` runs. */
  get progress(): { readonly records: number; readonly bytes: number; readonly lagRecords: number } {
    const { transfer } = this
    return {
      records: transfer?.copiedRecords ?? 0,
      bytes: transfer?.copiedBytes ?? 0,
      lagRecords: transfer?.lagOf() ?? 0,
    }
  }

  /** Records copied by this mirror, by topic. */
  copied(): ReadonlyMap<string, number> {
    return this.transfer?.recordsByTopic() ?? new Map()
  }

  /** Offsets of a topic of the source that are still to be copied. */
  lagOf(topic: string): number {
    return this.transfer?.lagOf(topic) ?? 0
  }

  /** Makes the target ready. From here on an older mirror of the same source is fenced. */
  async prepare(): Promise<void> {
    const { options, names } = this
    const { target } = options
    const { transactionalId } = names
    this.producer = createProducer(target, {
      transactionalId,
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
    })
    await this.producer.init()
    // The older mirror may have moved positions since they were looked at.
    this.topics = await planMirror({ ...options, names, decided: true })
    const missing = this.topics.filter(({ targetId }) => targetId === undefined)
    await createAdmin(target).createTopics(
      missing.map(({ topic, partitions, configs }) => ({
        topic,
        partitions: partitions.length,
        configs: configs.carried,
      })),
    )
    await ensureOffsetTopic(target, names.offsetsTopic)
    if (missing.length > 0) this.topics = await planMirror({ ...options, names, decided: true })
    await this.begin(this.producer)
  }

  /**
   * Copies up to the ends that were there when the mirror was prepared; with `follow` on and on, until the signal
   * aborts. What is under way then is committed.
   *
   * @throws as `Transfer.run`
   */
  async copy({ follow, signal }: { readonly follow: boolean; readonly signal?: AbortSignal }): Promise<void> {
    const { names, options, producer } = this
    if (producer === undefined) {
      throw new MillraceError('MR_TRANSACTION_STATE', 'the mirror is not prepared', {
        hint: 'Call prepare first.',
      })
    }
    const partitions = this.topics.flatMap((topic) =>
      topic.partitions.map((one): TransferPartition => {
        const { batchBytesMax } = topic
        const end = follow ? Number.POSITIVE_INFINITY : one.sourceEnd
        return { ...one, batchBytesMax, seenEnd: one.sourceEnd, end, ids: idsOf(topic) }
      }),
    )
    const { source, transactionBytes = TRANSACTION_BYTES } = options
    this.transfer = new Transfer({ source, producer, names, partitions, transactionBytes })
    try {
      if (partitions.length > 0) await this.transfer.run(signal)
    } catch (error) {
      throw isMillraceError(error, 'MR_PRODUCER_FENCED') ? takenOver(error) : error
    } finally {
      await this.transfer.close()
    }
  }

  /** Brings the positions of groups to where their records are now. */
  async moveGroups(): Promise<readonly GroupMove[]> {
    const { source, target } = this.options
    const topics: MirroredTopics = new Map(this.topics.map((one) => [one.topic, idsOf(one).target]))
    const groups = await groupsOf(source, topics.keys())
    return moveGroups(target, this.names, { groups, topics })
  }

  /** Which groups would be moved. */
  async planGroups(): Promise<readonly GroupMove[]> {
    const { source, target } = this.options
    return planGroups(
      target,
      await groupsOf(
        source,
        this.topics.map(({ topic }) => topic),
      ),
    )
  }

  async close(): Promise<void> {
    await this.producer?.close()
  }

  /** Writes down where new partitions begin, before their first record. */
  private async begin(producer: Producer): Promise<void> {
    const { names, options } = this
    const fresh = this.topics.flatMap((topic) =>
      topic.partitions.filter(({ isNew }) => isNew).map((at) => ({ ...at, ids: idsOf(topic) })),
    )
    if (fresh.length === 0) return
    const ends = await createAdmin(options.target).listOffsets(fresh, { at: 'latest' })
    const runs = fresh.map((at) => {
      const target = ends.get(partitionName(at.topic, at.partition))?.offset ?? 0
      return { ...at, topicId: at.ids.target, runs: [{ source: at.position, target, count: 0 }] }
    })
    const nowMs = options.target.platform.clock.nowMs()
    producer.begin()
    await sendRuns(producer, { offsetsTopic: names.offsetsTopic, nowMs }, runs)
    await producer.sendOffsets(
      mirrorMember(names),
      fresh.map((at) => positionToCommit(at, at.position, at.ids)),
    )
    await producer.commit()
  }
}

/** Offsets of the source between the mirror's positions and the ends. */
export function openRecordsOf({ partitions }: MirrorTopic): number {
  return partitions.reduce((sum, { position, sourceEnd }) => sum + Math.max(0, sourceEnd - position), 0)
}

function idsOf({ sourceId, targetId }: MirrorTopic): { readonly source: string; readonly target: string } {
  return { source: sourceId, target: targetId ?? '' }
}

function takenOver(cause: MillraceError): MillraceError {
  return new MillraceError('MR_PRODUCER_FENCED', 'another mirror of the same cluster has taken over', {
    hint: 'Run one at a time; this one has ended, and the other goes on where it was.',
    context: cause.context,
    cause,
  })
}

function sameCluster(clusterId: string): MillraceError {
  return new MillraceError('MR_MIRROR_REFUSED', 'the topics are already on the cluster they should go to', {
    hint: 'Name another cluster as the target.',
    context: { clusterId },
  })
}
