/**
 * What the broker keeps of users and their rights, `security.json`: rules (ACLs), SCRAM credentials, quotas. Replaced
 * as a whole before a change is acknowledged, so that after a crash it is the old one or the new one.
 *
 * A file that is damaged stops the start: without its rules the broker could let in whom it should not.
 */
import { crc32c } from '../../core/crc32c.ts'
import { MillraceError } from '../../core/errors.ts'
import { type Disk, joinPath, readFile, replaceFile } from '../../platform/disk.ts'
import type { Acl } from './acls/acl.ts'

export const SECURITY_TABLE_FILE = 'security.json'
const VERSION = 1

export interface ScramRow {
  readonly user: string
  readonly mechanism: string
  readonly iterations: number
  /** Bytes as base64, here and below. */
  readonly salt: string
  readonly storedKey: string
  readonly serverKey: string
}

export interface QuotaRow {
  /** Names; null is the default of all that have none of their own. */
  readonly user?: string | null
  readonly clientId?: string | null
  readonly values: Readonly<Record<string, number>>
}

export interface SecurityContent {
  readonly acls: readonly Acl[]
  readonly scram: readonly ScramRow[]
  readonly quotas: readonly QuotaRow[]
}

export class SecurityTable {
  private readonly disk: Disk
  private readonly path: string
  private content: SecurityContent

  /** @throws MR_CHECKSUM, MR_BYTES_INVALID */
  constructor(disk: Disk, dataDirectory: string) {
    this.disk = disk
    this.path = joinPath(dataDirectory, SECURITY_TABLE_FILE)
    this.content = disk.exists(this.path) ? this.read() : { acls: [], scram: [], quotas: [] }
  }

  get current(): SecurityContent {
    return this.content
  }

  /** Replaces parts; what is not given stays. On the disk when it returns. @throws MR_DISK_FULL, MR_DISK_FAILED */
  replace(parts: Partial<SecurityContent>): void {
    const next = { ...this.content, ...parts }
    const body = `${JSON.stringify(next, null, 1)}\n`
    replaceFile(this.disk, this.path, Buffer.from(`millrace security ${VERSION} ${checksum(body)}\n${body}`))
    this.content = next
  }

  private read(): SecurityContent {
    const text = readFile(this.disk, this.path).toString('utf8')
    const headEnd = text.indexOf('\n')
    const body = text.slice(headEnd + 1)
    const match = /^millrace security (\d+) ([0-9a-f]{8})$/.exec(text.slice(0, Math.max(0, headEnd)))
    if (match === null || Number(match[1]) !== VERSION) {
      throw this.unusable('MR_BYTES_INVALID', `its head is not that of version ${VERSION}`)
    }
    if (match[2] !== checksum(body)) throw this.unusable('MR_CHECKSUM', 'it does not match its checksum')
    return JSON.parse(body) as SecurityContent
  }

  private unusable(code: 'MR_CHECKSUM' | 'MR_BYTES_INVALID', why: string): MillraceError {
    return new MillraceError(code, `"${this.path}" cannot be used: ${why}`, {
      where: this.path,
      hint: 'Put a copy back, or remove the file: all rules, SCRAM users and quotas are then to be made anew.',
    })
  }
}

const checksum = (text: string): string => crc32c(Buffer.from(text, 'utf8')).toString(16).padStart(8, '0')
