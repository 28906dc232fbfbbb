/**
 * Files. Reads and writes block (a 64 KiB write costs 20 µs, less than a round through the thread pool);
 * only syncing, which waits for the device, is asynchronous.
 *
 * Every error is a MillraceError: MR_DISK_FULL, MR_FILE_NOT_FOUND or MR_DISK_FAILED, and MR_CLOSED for a file
 * that was closed. A new file survives a power cut only when the file and its directory were synced.
 */

export interface DiskFile {
  readonly path: string
  /** Bytes in the file now. */
  size(): number
  /**
   * Reads up to `count` bytes from `position` into `into` at `at`. Returns how many there were:
   * fewer than `count` only at the end of the file.
   */
  read(into: Uint8Array, at: number, count: number, position: number): number
  /** Writes all bytes `start` to `end` of `from` at `position`. After an error the range is undefined. */
  write(from: Uint8Array, start: number, end: number, position: number): void
  truncate(length: number): void
  /** Resolves when everything written before the call survives a power cut. */
  sync(): Promise<void>
  /** The same, blocking. */
  syncNow(): void
  /** Closing twice does nothing. */
  close(): void
}

/** `read`: must exist. `write`: must exist. `create`: made when missing. `new`: must not exist. */
export type OpenMode = 'read' | 'write' | 'create' | 'new'

export interface DiskEntry {
  readonly name: string
  readonly directory: boolean
}

export interface DiskLock {
  release(): void
}

export interface Disk {
  open(path: string, mode: OpenMode): DiskFile
  exists(path: string): boolean
  /** The bytes in a file and when it was last written. */
  stat(path: string): { readonly sizeBytes: number; readonly modifiedMs: number }
  /** What a directory holds, sorted by name. */
  list(directory: string): readonly DiskEntry[]
  /** Makes a directory with all above it; it may be there already. */
  makeDirectory(path: string): void
  /** Removes a file. */
  remove(path: string): void
  /** Removes a directory with all it holds; it may be missing. */
  removeDirectory(path: string): void
  /** Replaces `to` when it is there. */
  rename(from: string, to: string): void
  /** Makes names that were created, renamed or removed in a directory survive a power cut. */
  syncDirectory(path: string): void
  /** Keeps other processes out. @throws MR_DATA_DIRECTORY_LOCKED */
  lock(path: string): DiskLock
}

/** All bytes of a file. */
export function readFile(disk: Disk, path: string): Buffer {
  const file = disk.open(path, 'read')
  try {
    const bytes = Buffer.allocUnsafe(file.size())
    const count = file.read(bytes, 0, bytes.length, 0)
    return bytes.subarray(0, count)
  } finally {
    file.close()
  }
}

/** Replaces a file so that after a power cut it has either the old bytes or the new ones, all of them. */
export function replaceFile(disk: Disk, path: string, bytes: Uint8Array): void {
  const draft = `${path}.tmp`
  if (disk.exists(draft)) disk.remove(draft)
  const file = disk.open(draft, 'new')
  try {
    file.write(bytes, 0, bytes.length, 0)
    file.syncNow()
  } finally {
    file.close()
  }
  disk.rename(draft, path)
  disk.syncDirectory(directoryOf(path))
}

/** The path without its last part. */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf('/')
  if (slash < 0) return '.'
  return slash === 0 ? '/' : path.slice(0, slash)
}

/** Parts joined by one slash. */
export function joinPath(...parts: readonly string[]): string {
  return parts
    .filter((part) => part !== '')
    .join('/')
    .replaceAll(/\/{2,}/g, '/')
}
