/** Watches the topics of a group for its leader: new partitions and new topics call for a new assignment. */
import { every, type Timer } from '../../../platform/clock.ts'
import type { Cluster } from '../../cluster.ts'

/** So often a topic that does not exist is looked for, unless all metadata is read more often. */
const MISSING_POLL_MAX_MS = 5000

export class TopicWatch {
  private readonly cluster: Cluster
  private readonly onChange: () => void
  private readonly listener = (): void => this.compare()
  private followed: ReadonlyMap<string, number> | undefined
  private missing: readonly string[] = []
  private looking: Timer | undefined

  constructor(cluster: Cluster, onChange: () => void) {
    this.cluster = cluster
    this.onChange = onChange
  }

  /** The partition counts of the topics that exist, which are watched from now on. */
  async follow(topics: ReadonlySet<string>): Promise<ReadonlyMap<string, number>> {
    this.clear()
    await this.cluster.refresh([...topics])
    const counts = this.counts(topics)
    this.missing = [...topics].filter((topic) => !counts.has(topic))
    this.followed = new Map([...topics].map((topic) => [topic, counts.get(topic) ?? 0]))
    this.cluster.listeners.add(this.listener)
    if (this.missing.length > 0) {
      this.cluster.logger.warn({ topics: this.missing }, 'topics that are subscribed to do not exist')
      const { metadataMaxAgeMs, platform } = this.cluster
      this.looking = every(
        platform.clock,
        Math.min(MISSING_POLL_MAX_MS, metadataMaxAgeMs),
        () => void this.cluster.refresh(this.missing).catch(() => {}),
      )
    }
    return counts
  }

  /** Stops watching. */
  clear(): void {
    this.followed = undefined
    this.looking?.cancel()
    this.looking = undefined
    this.cluster.listeners.delete(this.listener)
  }

  close(): void {
    this.clear()
  }

  private counts(topics: Iterable<string>): Map<string, number> {
    const counts = new Map<string, number>()
    for (const topic of topics) {
      const info = this.cluster.metadata.topics.get(topic)
      if (info !== undefined) counts.set(topic, info.partitions.length)
    }
    return counts
  }

  private compare(): void {
    const { followed } = this
    if (followed === undefined) return
    const counts = this.counts(followed.keys())
    for (const [topic, count] of followed) {
      if ((counts.get(topic) ?? 0) === count) continue
      this.clear()
      this.onChange()
      return
    }
  }
}
