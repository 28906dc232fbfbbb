/** The rules of the broker: in memory for every question, on the disk before a change is acknowledged. */
import type { SecurityTable } from '../security-table.ts'
import { type Acl, aclKey } from './acl.ts'
import { AclIndex } from './acl-index.ts'

/** More rules than this are refused. */
export const ACLS_MAX = 100_000

export class Acls {
  private readonly table: SecurityTable
  private readonly byKey = new Map<string, Acl>()
  private readonly changed: (index: AclIndex) => void

  /** `changed` is called with the rules that hold from now on. */
  constructor(table: SecurityTable, changed: (index: AclIndex) => void) {
    this.table = table
    this.changed = changed
    for (const acl of table.current.acls) this.byKey.set(aclKey(acl), acl)
    changed(new AclIndex(this.byKey.values()))
  }

  get all(): readonly Acl[] {
    return [...this.byKey.values()]
  }

  /** False when there would be too many. @throws MR_DISK_FULL, MR_DISK_FAILED */
  add(acls: readonly Acl[]): boolean {
    const next = new Map([...this.byKey, ...acls.map((acl) => [aclKey(acl), acl] as const)])
    if (next.size > ACLS_MAX) return false
    this.replace(next)
    return true
  }

  /** @throws MR_DISK_FULL, MR_DISK_FAILED */
  remove(acls: readonly Acl[]): void {
    const gone = new Set(acls.map(aclKey))
    this.replace(new Map([...this.byKey].filter(([key]) => !gone.has(key))))
  }

  private replace(next: ReadonlyMap<string, Acl>): void {
    if (next.size === this.byKey.size && [...next.keys()].every((key) => this.byKey.has(key))) return
    this.table.replace({ acls: [...next.values()] })
    this.byKey.clear()
    for (const [key, acl] of next) this.byKey.set(key, acl)
    this.changed(new AclIndex(this.byKey.values()))
  }
}
