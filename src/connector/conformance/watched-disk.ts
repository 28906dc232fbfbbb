/** A disk that counts what is open and fails on demand, for the suites of connectors that use files. */
import type { Disk, DiskFile, OpenMode } from '../../platform/disk.ts'
import { diskError } from '../../platform/disk-error.ts'

export interface WatchedDisk {
  readonly disk: Disk
  openFiles(): number
  /** The `nth` operation from now on fails, once. */
  failAt(nth: number): void
  /** How many operations there were since `failAt`. */
  operations(): number
}

export function watchDisk(inner: Disk): WatchedDisk {
  const open = new Set<DiskFile>()
  let operations = 0
  let failing = Number.POSITIVE_INFINITY
  const count = (path: string): void => {
    operations++
    if (operations === failing) throw diskError('EIO', path)
  }
  const watchFile = (file: DiskFile): DiskFile => {
    open.add(file)
    return {
      path: file.path,
      size: () => file.size(),
      read(into, at, bytes, position) {
        count(file.path)
        return file.read(into, at, bytes, position)
      },
      write(from, start, end, position) {
        count(file.path)
        file.write(from, start, end, position)
      },
      truncate(length) {
        count(file.path)
        file.truncate(length)
      },
      async sync() {
        count(file.path)
        await file.sync()
      },
      syncNow() {
        count(file.path)
        file.syncNow()
      },
      close() {
        open.delete(file)
        file.close()
      },
    }
  }
  const disk: Disk = {
    open(path: string, mode: OpenMode) {
      count(path)
      return watchFile(inner.open(path, mode))
    },
    exists: (path) => inner.exists(path),
    stat: (path) => inner.stat(path),
    list(directory) {
      count(directory)
      return inner.list(directory)
    },
    makeDirectory(path) {
      count(path)
      inner.makeDirectory(path)
    },
    remove(path) {
      count(path)
      inner.remove(path)
    },
    removeDirectory: (path) => inner.removeDirectory(path),
    rename(from, to) {
      count(from)
      inner.rename(from, to)
    },
    syncDirectory(path) {
      count(path)
      inner.syncDirectory(path)
    },
    lock: (path) => inner.lock(path),
  }
  return {
    disk,
    openFiles: () => open.size,
    failAt(nth) {
      operations = 0
      failing = nth
    },
    operations: () => operations,
  }
}
