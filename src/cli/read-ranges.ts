/** `millrace consume` without a group: reads planned partitions, each to its end. */
import type { Cluster } from '../client/cluster.ts'
import { createConsumer } from '../client/consumer/consumer.ts'
import { partitionName, type TopicPartition } from '../core/record.ts'
import type { CommandContext } from './command.ts'
import { type ConsumeRequest, fetchLimits, Patience } from './consume-request.ts'
import { planReading } from './read-plan.ts'
import type { RecordStream } from './record-stream.ts'
import { orAborted, requirePartition, requireTopic } from './with-cluster.ts'

export async function readRanges(
  { platform, signal }: CommandContext,
  request: ConsumeRequest,
  stream: RecordStream,
): Promise<void> {
  const { cluster } = stream
  const { follow, isolation, range } = request
  const partitions = await orAborted(signal, partitionsOf(cluster, request))
  const plan = await orAborted(signal, planReading(cluster, partitions, { range, isolation, follow }))
  const open = plan.filter(({ from, to }) => from < to)
  if (open.length === 0) return
  const ends = new Map(open.map(({ topic, partition, to }) => [partitionName(topic, partition), to]))
  const consumer = createConsumer(cluster, { ...fetchLimits, isolation, offsetReset: 'earliest' })
  const patience = new Patience(platform.clock, request)
  try {
    consumer.assign(open.map(({ topic, partition, from }) => ({ topic, partition, offset: from })))
    while (ends.size > 0 && !stream.done) {
      const polled = await orAborted(signal, consumer.poll())
      for (const fetched of polled) {
        const { topic, partition } = fetched
        const name = partitionName(topic, partition)
        const to = ends.get(name)
        if (to === undefined || (await stream.print(fetched, to)) < to) continue
        ends.delete(name)
        consumer.pause([{ topic, partition }])
      }
      await stream.flush()
      patience.polled(polled.length > 0)
    }
  } finally {
    await consumer.close()
  }
}

async function partitionsOf(
  cluster: Cluster,
  { topics, partitions: chosen }: ConsumeRequest,
): Promise<readonly TopicPartition[]> {
  const found: TopicPartition[] = []
  for (const topic of new Set(topics)) {
    const info = await requireTopic(cluster, topic)
    for (const partition of chosen) requirePartition(info, partition)
    const numbers = chosen.length > 0 ? new Set(chosen) : info.partitions.keys()
    for (const partition of numbers) found.push({ topic, partition })
  }
  return found
}
