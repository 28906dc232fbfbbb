import { createConsumer } from '../client/consumer/consumer.ts'
import { partitionName } from '../core/record.ts'
import { chosenPartitions } from './chosen-partitions.ts'
import type { CommandContext } from './command.ts'
import { type ConsumeRequest, fetchLimits, Patience } from './consume-request.ts'
import { planReading } from './read-plan.ts'
import type { RecordStream } from './record-stream.ts'
import { orAborted } from './with-cluster.ts'

export async function readRanges(
  { platform, signal }: CommandContext,
  request: ConsumeRequest,
  stream: RecordStream,
): Promise<void> {
  const { cluster } = stream
  const { follow, isolation, range } = request
  const partitions = await orAborted(signal, chosenPartitions(cluster, request.topics, request.partitions))
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
