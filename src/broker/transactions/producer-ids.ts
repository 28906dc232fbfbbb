/**
 * Producer ids: never given twice, also not after a crash.
 *
 * A block of ids is reserved in a file before the first of them is given away; what is left of a block is lost
 * when the broker stops. 2^53 ids last for ever.
 */
import { MillraceError } from '../../core/errors.ts'
import { type Disk, joinPath, readFile, replaceFile } from '../../platform/disk.ts'

export const PRODUCER_ID_FILE = 'producer-ids.json'
const BLOCK_IDS = 1000

export class ProducerIds {
  private readonly disk: Disk
  private readonly path: string
  private next = 0
  private blockEnd = 0
  private reservedTo: number | undefined

  constructor(disk: Disk, dataDirectory: string) {
    this.disk = disk
    this.path = joinPath(dataDirectory, PRODUCER_ID_FILE)
  }

  /** A new id. `atLeast` is a lower bound from elsewhere, such as ids found in logs. */
  take(): number {
    if (this.next === this.blockEnd) this.reserve()
    return this.next++
  }

  /** Ids up to this one are in use: found in a log whose data directory lost its file. */
  skipTo(producerId: number): void {
    this.reservedTo = Math.max(this.read(), producerId + 1)
  }

  private reserve(): void {
    const start = this.read()
    const end = start + BLOCK_IDS
    replaceFile(this.disk, this.path, Buffer.from(`${JSON.stringify({ version: 1, reservedTo: end })}\n`))
    this.reservedTo = end
    this.next = start
    this.blockEnd = end
  }

  private read(): number {
    if (this.reservedTo !== undefined) return this.reservedTo
    this.reservedTo = this.disk.exists(this.path) ? parse(readFile(this.disk, this.path), this.path) : 0
    return this.reservedTo
  }
}

function parse(bytes: Buffer, path: string): number {
  try {
    const { version, reservedTo } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>
    if (version === 1 && typeof reservedTo === 'number' && Number.isSafeInteger(reservedTo)) return reservedTo
  } catch {
    // Falls through to the error that names the file.
  }
  throw new MillraceError('MR_BYTES_INVALID', `"${path}" does not say which producer ids are in use`, {
    where: path,
    hint: 'Write {"version":1,"reservedTo":N} into it, with N above every producer id that was ever used.',
  })
}
