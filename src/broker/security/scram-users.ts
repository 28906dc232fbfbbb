/** The SCRAM credentials of the broker: looked up at each login, changed by AlterUserScramCredentials. */
import { invariant } from '../../core/invariant.ts'
import { type ScramMechanism, scramKeys, scramMechanisms } from '../../protocol/sasl/scram.ts'
import type { ScramCredential } from './sasl/scram.ts'
import type { ScramRow, SecurityTable } from './security-table.ts'

export interface ScramUpsertion {
  readonly user: string
  readonly mechanism: ScramMechanism
  readonly iterations: number
  readonly salt: Buffer
  readonly saltedPassword: Buffer
}

export interface ScramDeletion {
  readonly user: string
  readonly mechanism: ScramMechanism
}

const keyOf = (user: string, mechanism: string): string => `${mechanism} ${user}`
const fromText = (text: string): Buffer => Buffer.from(text, 'base64')

/** The mechanism of a number on the wire. */
export function scramMechanismOf(type: number): ScramMechanism | undefined {
  const names = Object.keys(scramMechanisms) as ScramMechanism[]
  return names.find((name) => scramMechanisms[name].type === type)
}

export class ScramUsers {
  private readonly table: SecurityTable
  private readonly byKey = new Map<string, ScramRow>()

  constructor(table: SecurityTable) {
    this.table = table
    for (const row of table.current.scram) this.byKey.set(keyOf(row.user, row.mechanism), row)
  }

  find(user: string, mechanism: ScramMechanism): ScramCredential | undefined {
    const row = this.byKey.get(keyOf(user, mechanism))
    if (row === undefined) return undefined
    const { iterations, salt, serverKey, storedKey } = row
    return {
      iterations,
      salt: fromText(salt),
      storedKey: fromText(storedKey),
      serverKey: fromText(serverKey),
    }
  }

  /** Users in the order of their names, each with its mechanisms and iterations. */
  all(): ReadonlyMap<string, readonly ScramRow[]> {
    const rows = [...this.byKey.values()].sort((a, b) => (a.user < b.user ? -1 : a.user > b.user ? 1 : 0))
    return Map.groupBy(rows, ({ user }) => user)
  }

  /** Makes all of the changes, or none when the disk fails. */
  change(upsertions: readonly ScramUpsertion[], deletions: readonly ScramDeletion[]): void {
    const next = new Map(this.byKey)
    for (const { mechanism, user } of deletions) next.delete(keyOf(user, mechanism))
    for (const { iterations, mechanism, salt, saltedPassword, user } of upsertions) {
      invariant(saltedPassword.length === scramMechanisms[mechanism].keyBytes, 'a salted password is whole')
      const { serverKey, storedKey } = scramKeys(mechanism, saltedPassword)
      next.set(keyOf(user, mechanism), {
        user,
        mechanism,
        iterations,
        salt: salt.toString('base64'),
        storedKey: storedKey.toString('base64'),
        serverKey: serverKey.toString('base64'),
      })
    }
    this.table.replace({ scram: [...next.values()] })
    this.byKey.clear()
    for (const [key, row] of next) this.byKey.set(key, row)
  }
}
