/**
 * The topic at the target that tells which offset each record has got there.
 *
 * One partition; records are written in the transactions of the mirror, so they are there exactly when the data is:
 * key `topic/partition`, value `{"topic_id":"…","runs":[[source, target, count],…]}`, ascending. The id is that of the
 * target's topic: what is told of a topic that was deleted since does not count. The first run of a partition has no
 * records: it says from which offset on the source is copied.
 */
import { isMillraceError } from '../../core/errors.ts'
import { partitionName, type TopicPartition } from '../../core/record.ts'
import { RecordBatchBuilder } from '../../protocol/record-batch/record-batch-builder.ts'
import { createAdmin } from '../admin/admin.ts'
import type { Cluster } from '../cluster.ts'
import { createConsumer } from '../consumer/consumer.ts'
import { recordsOf } from '../consumer/records.ts'
import type { Producer } from '../producer/producer.ts'
import type { OffsetRun, Translation } from './offset-runs.ts'

export interface PartitionRuns extends TopicPartition {
  /** Of the target's topic. */
  readonly topicId: string
  readonly runs: readonly OffsetRun[]
}

/** A record stays small, however many gaps compaction has left. */
const RUNS_PER_RECORD = 2000
const BATCH_BYTES_MAX = 256 * 1024
const forEver = { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' }

/** Creates the topic unless it is there. */
export async function ensureOffsetTopic(target: Cluster, topic: string): Promise<void> {
  const admin = createAdmin(target)
  await admin.createTopics([{ topic, partitions: 1, configs: forEver }], { ignoreExisting: true })
}

/** Sends runs within the open transaction. Resolves when they are acknowledged. */
export async function sendRuns(
  producer: Pick<Producer, 'sendBatch'>,
  { offsetsTopic, nowMs }: { readonly offsetsTopic: string; readonly nowMs: number },
  partitions: readonly PartitionRuns[],
): Promise<void> {
  let builder = new RecordBatchBuilder()
  const sent: Promise<number>[] = []
  const send = (): void => {
    if (!builder.isEmpty) sent.push(producer.sendBatch(offsetsTopic, 0, builder))
    builder = new RecordBatchBuilder()
  }
  for (const { topic, partition, topicId, runs } of partitions) {
    const key = Buffer.from(partitionName(topic, partition))
    for (let at = 0; at < runs.length; at += RUNS_PER_RECORD) {
      const piece = runs.slice(at, at + RUNS_PER_RECORD)
      const value = JSON.stringify({
        topic_id: topicId,
        runs: piece.map(({ source, target, count }) => [source, target, count]),
      })
      builder.append(nowMs, key, Buffer.from(value))
      if (builder.sizeBytes >= BATCH_BYTES_MAX) send()
    }
  }
  send()
  await Promise.all(sent)
}

/**
 * Reads the whole topic and gives its runs to the translations of their partitions.
 *
 * @param translations by `partitionName`, with the id of the target's topic
 */
export async function readRuns(
  target: Cluster,
  offsetsTopic: string,
  translations: ReadonlyMap<string, { readonly topicId: string; readonly translation: Translation }>,
): Promise<void> {
  const at = { topic: offsetsTopic, partition: 0 }
  const end = await endOf(target, at)
  if (end === 0) return
  const consumer = createConsumer(target, { isolation: 'read_committed', offsetReset: 'earliest' })
  try {
    consumer.assign([{ ...at, offset: 'earliest' }])
    for (let position = -1; position < end; position = consumer.position(at.topic, at.partition)) {
      for (const fetched of await consumer.poll()) {
        for (const { key, value } of recordsOf(fetched)) {
          const known = translations.get(String(key))
          if (known === undefined || value === null) continue
          const { topic_id: topicId, runs } = JSON.parse(Buffer.from(value).toString()) as StoredRuns
          if (topicId !== known.topicId) continue
          for (const [source, place, count] of runs) known.translation.add({ source, target: place, count })
        }
      }
    }
  } finally {
    await consumer.close()
  }
}

interface StoredRuns {
  readonly topic_id: string
  readonly runs: readonly (readonly [source: number, target: number, count: number])[]
}

/** Where committed records of the topic end; 0 when it does not exist. */
async function endOf(target: Cluster, at: TopicPartition): Promise<number> {
  try {
    const options = { at: 'latest', isolation: 'read_committed' } as const
    const ends = await createAdmin(target).listOffsets([at], options)
    return ends.get(partitionName(at.topic, at.partition))?.offset ?? 0
  } catch (error) {
    if (isMillraceError(error, 'MR_TOPIC_UNKNOWN')) return 0
    throw error
  }
}
