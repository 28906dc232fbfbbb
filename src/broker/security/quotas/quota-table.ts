/**
 * Which quota holds for a user and a client id, in Kafka's order; the first that is set wins, for each kind by itself:
 *
 *   user + client, user + default, user, default + client, default + default, default, client, default client
 *
 * The quota of a user is shared by all of its clients, that of a client id by all users, that of both by neither.
 */
import type { QuotaRow, SecurityTable } from '../security-table.ts'

export const quotaKinds = ['producer_byte_rate', 'consumer_byte_rate', 'request_percentage'] as const
export type QuotaKind = (typeof quotaKinds)[number]

/** A name, null for the default, undefined when the quota is not about it. */
export interface QuotaEntity {
  readonly user?: string | null
  readonly clientId?: string | null
}

export interface QuotaChange {
  readonly entity: QuotaEntity
  /** Undefined removes. */
  readonly values: Readonly<Record<string, number | undefined>>
}

export interface FoundQuota {
  readonly limit: number
  /** Who uses the quota up together. */
  readonly sharedBy: string
}

const keyOf = ({ user, clientId }: QuotaEntity): string =>
  JSON.stringify([user, clientId].map((part) => part ?? (part === null ? 0 : 1)))

type Level = readonly [user: 'name' | 'default' | 'none', clientId: 'name' | 'default' | 'none']

const levels: readonly Level[] = [
  ['name', 'name'],
  ['name', 'default'],
  ['name', 'none'],
  ['default', 'name'],
  ['default', 'default'],
  ['default', 'none'],
  ['none', 'name'],
  ['none', 'default'],
]

export class QuotaTable {
  private readonly table: SecurityTable
  private readonly rows = new Map<string, QuotaRow>()

  constructor(table: SecurityTable) {
    this.table = table
    for (const row of table.current.quotas) this.rows.set(keyOf(row), row)
  }

  get all(): readonly QuotaRow[] {
    return [...this.rows.values()]
  }

  get isEmpty(): boolean {
    return this.rows.size === 0
  }

  /** @throws MR_DISK_FULL, MR_DISK_FAILED */
  change(changes: readonly QuotaChange[]): void {
    const next = new Map(this.rows)
    for (const { entity, values } of changes) {
      const key = keyOf(entity)
      const merged = { ...next.get(key)?.values, ...values }
      const left = Object.entries(merged).filter((entry): entry is [string, number] => entry[1] !== undefined)
      if (left.length === 0) next.delete(key)
      else next.set(key, { ...entity, values: Object.fromEntries(left) })
    }
    this.table.replace({ quotas: [...next.values()] })
    this.rows.clear()
    for (const [key, row] of next) this.rows.set(key, row)
  }

  find(kind: QuotaKind, user: string, clientId: string): FoundQuota | undefined {
    const choose = (way: Level[0], name: string): { part?: string | null; shared: string } =>
      way === 'none' ? { shared: '' } : { part: way === 'name' ? name : null, shared: name }
    for (const [userWay, clientWay] of levels) {
      const forUser = choose(userWay, user)
      const forClient = choose(clientWay, clientId)
      const entity = {
        ...(forUser.part !== undefined && { user: forUser.part }),
        ...(forClient.part !== undefined && { clientId: forClient.part }),
      }
      const limit = this.rows.get(keyOf(entity))?.values[kind]
      if (limit === undefined) continue
      const who = [userWay === 'none' ? 0 : forUser.shared, clientWay === 'none' ? 0 : forClient.shared]
      return { limit, sharedBy: JSON.stringify([kind, ...who]) }
    }
    return undefined
  }
}
