/** All groups by id. A group is here from its first member or offset until it is deleted or expires. */
import { invariant } from '../../core/invariant.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ClassicGroup } from './membership.ts'

export type Group = ClassicGroup | ConsumerGroup

export class GroupRegister {
  private readonly byId = new Map<string, Group>()

  get all(): IterableIterator<Group> {
    return this.byId.values()
  }

  get size(): number {
    return this.byId.size
  }

  find(id: string): Group | undefined {
    return this.byId.get(id)
  }

  add(group: Group): void {
    invariant(!this.byId.has(group.id), 'a group id is given once')
    this.byId.set(group.id, group)
  }

  /** Puts a group of the other protocol in the place of the present one. */
  replace(group: Group): void {
    this.byId.set(group.id, group)
  }

  remove(group: Group): void {
    invariant(this.byId.get(group.id) === group, 'the group that is removed is the one that is there')
    this.byId.delete(group.id)
  }
}
