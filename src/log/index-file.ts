/**
 * A file of entries that all have one size: the offset index, the time index and the index of aborted
 * transactions are such files.
 *
 * While a segment is open its entries are in memory. New ones are written behind each other some at a time
 * (`persist`), since an index can always be made again from its log.
 */
import type { Disk, DiskFile } from '../platform/disk.ts'

const INITIAL_ENTRIES = 64
/** So many new entries are kept back before they are written. */
const PENDING_MAX = 256

export interface IndexFileOptions {
  readonly disk: Disk
  readonly path: string
  readonly entryBytes: number
}

export class IndexFile {
  readonly path: string
  /** Entries in memory; those from `persisted` on are not in the file yet. */
  count = 0
  /** The entries, one behind the other. */
  bytes: Buffer
  private persisted = 0
  private file: DiskFile | undefined
  private readonly disk: Disk
  private readonly entryBytes: number

  constructor(options: IndexFileOptions) {
    this.disk = options.disk
    this.path = options.path
    this.entryBytes = options.entryBytes
    this.bytes = Buffer.alloc(0)
  }

  /** Bytes of all entries. */
  get sizeBytes(): number {
    return this.count * this.entryBytes
  }

  /** Reads the file. Returns why it is not a file of such entries, or undefined; then it has no entries here. */
  load(): string | undefined {
    if (!this.disk.exists(this.path)) return 'it is missing'
    const file = this.disk.open(this.path, 'read')
    try {
      const sizeBytes = file.size()
      if (sizeBytes % this.entryBytes !== 0)
        return `its size of ${sizeBytes} bytes is not a multiple of ${this.entryBytes}`
      this.bytes = Buffer.allocUnsafe(sizeBytes)
      this.count = file.read(this.bytes, 0, sizeBytes, 0) / this.entryBytes
      this.persisted = this.count
      return undefined
    } finally {
      file.close()
    }
  }

  /** Adds room for an entry and returns where it goes in `bytes`. */
  add(): number {
    const at = this.count * this.entryBytes
    if (at + this.entryBytes > this.bytes.length) {
      const grown = Buffer.alloc(Math.max(INITIAL_ENTRIES * this.entryBytes, this.bytes.length * 2))
      this.bytes.copy(grown, 0, 0, at)
      this.bytes = grown
    }
    this.count++
    return at
  }

  /** Writes new entries when there are many. */
  persistSome(): void {
    if (this.count - this.persisted >= PENDING_MAX) this.persist()
  }

  /** Writes new entries; makes the file when it is not there. */
  persist(): void {
    this.file ??= this.disk.open(this.path, 'create')
    if (this.persisted === this.count) return
    const start = this.persisted * this.entryBytes
    this.file.write(this.bytes, start, this.count * this.entryBytes, start)
    this.persisted = this.count
  }

  /** Forgets all entries, and empties the file or makes it. */
  reset(): void {
    this.count = 0
    this.persisted = 0
    this.file ??= this.disk.open(this.path, 'create')
    this.file.truncate(0)
  }

  /** Closes the file; the entries stay. */
  closeFile(): void {
    this.file?.close()
    this.file = undefined
  }

  /** Closes the file and forgets the entries. What was not persisted is lost. */
  release(): void {
    this.closeFile()
    this.bytes = Buffer.alloc(0)
    this.count = 0
    this.persisted = 0
  }
}
