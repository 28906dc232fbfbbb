/** The partitions that a consumer reads, in the order in which they came. */
import { MillraceError } from '../../core/errors.ts'
import { partitionName, type TopicPartition } from '../../core/record.ts'
import type { AssignedPartition } from './assigned-partition.ts'

export class PartitionTable {
  private readonly byName = new Map<string, AssignedPartition>()

  get size(): number {
    return this.byName.size
  }

  values(): Iterable<AssignedPartition> {
    return this.byName.values()
  }

  find(topic: string, partition: number): AssignedPartition | undefined {
    return this.byName.get(partitionName(topic, partition))
  }

  /** @throws MR_OPTION_INVALID when it is not assigned */
  get(topic: string, partition: number): AssignedPartition {
    const found = this.find(topic, partition)
    if (found !== undefined) return found
    throw new MillraceError(
      'MR_OPTION_INVALID',
      `${partitionName(topic, partition)} is not assigned to this consumer`,
      {
        hint: 'Call assign, or wait for onAssigned after subscribe.',
        context: { topic, partition },
      },
    )
  }

  add(partition: AssignedPartition): void {
    this.byName.set(partition.name, partition)
  }

  /** Removes partitions; what was fetched of them is dropped. */
  remove(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      const found = this.find(topic, partition)
      if (found === undefined) continue
      found.version++
      this.byName.delete(found.name)
    }
  }

  clear(): void {
    this.remove(this.list())
  }

  list(): TopicPartition[] {
    return [...this.byName.values()].map(({ topic, partition }) => ({ topic, partition }))
  }
}
