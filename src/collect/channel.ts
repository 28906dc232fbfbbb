import { invariant } from '../core/invariant.ts'
import { checkTopicName } from '../core/topic-name.ts'

/** A channel of an agent: a topic, and so as durable as the log. */
export interface Channel {
  readonly kind: 'topic-channel'
  readonly topic: string
  /** How many partitions the topic is made with if it does not exist; the broker's default if not given. */
  readonly partitions?: number
  /** Settings that the topic is made with, under Kafka's names. */
  readonly config?: Readonly<Record<string, string>>
}

/** @throws MR_TOPIC_NAME_INVALID */
export function topicChannel(topic: string, options: Omit<Channel, 'kind' | 'topic'> = {}): Channel {
  checkTopicName(topic)
  const { partitions } = options
  invariant(
    partitions === undefined || (Number.isInteger(partitions) && partitions > 0),
    'a topic has one partition or more',
  )
  return { kind: 'topic-channel', topic, ...options }
}
