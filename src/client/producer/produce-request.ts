/** Produce requests: from batches to the request, and from the answer back to them. */
import type { produce } from '../../protocol/apis/produce.ts'
import type { RequestInput, ResponseOf } from '../../protocol/schema/message.ts'
import { zeroUuid } from '../../protocol/uuid.ts'
import type { MetadataCache } from '../cluster/metadata.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { PendingBatch } from './pending-batch.ts'

/** A batch on its way. */
export interface Sent {
  readonly queue: PartitionQueue
  readonly batch: PendingBatch
}

type Request = RequestInput<typeof produce>
type TopicRequest = Request['topicData'][number]
type Answer = ResponseOf<typeof produce>
export type PartitionAnswer = Answer['responses'][number]['partitionResponses'][number]

/** The request for batches of different partitions. Topics are named both ways; the version tells which one counts. */
export function produceRequest(
  sent: readonly Sent[],
  metadata: MetadataCache,
  options: Pick<Request, 'acks' | 'timeoutMs'> & { readonly transactionalId: string | null },
): Request {
  const topicData: TopicRequest[] = []
  const partitions = new Map<string, TopicRequest['partitionData'][number][]>()
  for (const { queue, batch } of sent) {
    const records = batch.seal(options.transactionalId !== null)
    const one = { index: queue.partition, records }
    const known = partitions.get(queue.topic)
    if (known !== undefined) {
      known.push(one)
      continue
    }
    const partitionData = [one]
    partitions.set(queue.topic, partitionData)
    const topicId = metadata.topics.get(queue.topic)?.topicId ?? zeroUuid
    topicData.push({ name: queue.topic, topicId, partitionData })
  }
  return { ...options, topicData }
}

/** Calls `visit` for each batch with its part of the answer, or undefined where the answer has none. */
export function forEachAnswer(
  request: Request,
  sent: readonly Sent[],
  answer: Answer,
  visit: (sent: Sent, answer: PartitionAnswer | undefined) => void,
): void {
  const only = answer.responses[0]?.partitionResponses[0]
  if (sent.length === 1) {
    visit(sent[0]!, only?.index === sent[0]!.queue.partition ? only : undefined)
    return
  }
  const byName = new Map<string, PartitionAnswer>()
  for (const topic of answer.responses) {
    const name = topic.name || nameOf(request, topic.topicId)
    for (const partition of topic.partitionResponses) byName.set(`${partition.index} ${name}`, partition)
  }
  for (const one of sent) visit(one, byName.get(`${one.queue.partition} ${one.queue.topic}`))
}

function nameOf(request: Request, topicId: Buffer): string {
  return (
    request.topicData.find((topic) => topic.topicId !== undefined && topicId.equals(topic.topicId))?.name ??
    ''
  )
}
