/** Who was told to read what, in which generation or epoch. */
import { expect } from './anomaly.ts'

export class OwnershipCheck {
  private readonly owners = new Map<string, string>()
  /** By group: the newest generation that was handed out. */
  private readonly newest = new Map<string, number>()
  /** By partition: who was told last to read it. */
  private readonly lastOwner = new Map<string, string>()

  /** `member` stays the same for a static member that comes back. */
  told(group: string, generation: number, member: string, partitions: Iterable<number>): void {
    for (const partition of partitions) {
      const place = `${group}/${partition}`
      const owner = this.owners.get(`${place}@${generation}`)
      expect(owner === undefined || owner === member, 'two-owners', () => {
        return `${place} in generation ${generation}: ${owner} and ${member}`
      })
      this.owners.set(`${place}@${generation}`, member)
      this.lastOwner.set(place, member)
    }
    this.newest.set(group, Math.max(generation, this.newestOf(group)))
  }

  newestOf(group: string): number {
    return this.newest.get(group) ?? -1
  }

  lastOwnerOf(group: string, partition: number): string | undefined {
    return this.lastOwner.get(`${group}/${partition}`)
  }
}
