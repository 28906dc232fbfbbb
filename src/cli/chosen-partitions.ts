/** `--partition`: the partitions of topics that a command is about. */
import type { Cluster } from '../client/cluster.ts'
import { MillraceError } from '../core/errors.ts'
import type { TopicPartition } from '../core/record.ts'
import type { CommandFlags } from './command.ts'
import { requirePartition, requireTopic } from './with-cluster.ts'

/** The numbers given. @throws MR_USAGE */
export function partitionNumbers(flags: CommandFlags): readonly number[] {
  return flags.texts('partition').map((text) => {
    if (/^\d{1,9}$/.test(text)) return Number(text)
    throw new MillraceError('MR_USAGE', `--partition takes a whole number from 0 on, not "${text}"`)
  })
}

/** Those of the topics with these numbers; all of them without numbers. @throws MR_TOPIC_UNKNOWN, MR_USAGE */
export async function chosenPartitions(
  cluster: Cluster,
  topics: readonly string[],
  chosen: readonly number[],
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
