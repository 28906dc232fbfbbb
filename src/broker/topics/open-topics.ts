/**
 * Brings topics and folders together at start.
 *
 * 1. Every topic of the table is there; a partition without a folder is made: the broker stopped while it created
 *    the topic, and nobody was told that it exists.
 * 2. A folder without a topic in the table becomes one: it was copied here, or the broker stopped while it deleted
 *    the topic, which nobody was told either. Records are never deleted on a guess.
 */
import type { Logger } from '../../core/logger.ts'
import type { LogDirectory } from '../../log/log-directory.ts'
import type { Random } from '../../platform/random.ts'
import { randomUuid } from '../../platform/random.ts'
import type { TopicRow } from './topic-table.ts'
import type { Topics } from './topics.ts'

export interface OpenTopicsOptions {
  readonly logs: LogDirectory
  readonly rows: readonly TopicRow[]
  readonly random: Random
  readonly logger: Logger
}

/** Restores all topics. Returns whether the table has to be written anew. */
export function openTopics(topics: Topics, options: OpenTopicsOptions): boolean {
  const { logs, rows, random, logger } = options
  for (const row of rows) topics.restore(row)
  const strays = new Map<string, number>()
  const found = [...logs.partitions(), ...logs.failures]
  for (const { topic, partition } of found) {
    if (topics.find(topic) !== undefined) continue
    strays.set(topic, Math.max(strays.get(topic) ?? 0, partition + 1))
  }
  for (const [name, partitions] of strays) {
    const known = logs.topicIdOf(name)
    const id = known ?? randomUuid(random)
    topics.restore({ name, id: id.toString('base64url'), partitions, configs: {} })
    logger.warn({ topic: name, partitions }, 'took over folders of a topic that was not known')
  }
  return strays.size > 0
}
