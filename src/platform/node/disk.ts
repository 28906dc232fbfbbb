/** Files through `node:fs`, with every error as a MillraceError. */
import fs from 'node:fs'
import { MillraceError } from '../../core/errors.ts'
import type { Disk, DiskFile, DiskLock, OpenMode } from '../disk.ts'
import { directoryOf } from '../disk.ts'
import { diskError, fileClosed } from '../disk-error.ts'
import { processStart } from './process-start.ts'

function failure(cause: unknown, path: string): MillraceError {
  return diskError((cause as NodeJS.ErrnoException).code ?? '', path, cause)
}

function attempt<T>(path: string, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    throw failure(cause, path)
  }
}

const flags: Record<OpenMode, string> = { read: 'r', write: 'r+', create: 'a+', new: 'wx+' }

class NodeFile implements DiskFile {
  readonly path: string
  /** Undefined once closed: the system gives the number to the next file that is opened. */
  private open: number | undefined

  constructor(path: string, mode: OpenMode) {
    this.path = path
    // Append mode would ignore positions, so a missing file is made first and opened for update.
    if (mode === 'create') attempt(path, () => fs.closeSync(fs.openSync(path, flags.create)))
    this.open = attempt(path, () => fs.openSync(path, mode === 'create' ? flags.write : flags[mode]))
  }

  private get descriptor(): number {
    if (this.open === undefined) throw fileClosed(this.path)
    return this.open
  }

  size(): number {
    const { descriptor } = this
    return attempt(this.path, () => fs.fstatSync(descriptor).size)
  }

  read(into: Uint8Array, at: number, count: number, position: number): number {
    const { descriptor } = this
    let done = 0
    while (done < count) {
      const got = attempt(this.path, () =>
        fs.readSync(descriptor, into, at + done, count - done, position + done),
      )
      if (got === 0) break
      done += got
    }
    return done
  }

  write(from: Uint8Array, start: number, end: number, position: number): void {
    const { descriptor } = this
    let done = start
    while (done < end) {
      done += attempt(this.path, () =>
        fs.writeSync(descriptor, from, done, end - done, position + (done - start)),
      )
    }
  }

  truncate(length: number): void {
    const { descriptor } = this
    attempt(this.path, () => fs.ftruncateSync(descriptor, length))
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.descriptor, (error) => (error ? reject(failure(error, this.path)) : resolve()))
    })
  }

  syncNow(): void {
    const { descriptor } = this
    attempt(this.path, () => fs.fdatasyncSync(descriptor))
  }

  close(): void {
    const descriptor = this.open
    if (descriptor === undefined) return
    this.open = undefined
    attempt(this.path, () => fs.closeSync(descriptor))
  }
}

/** Keeps a file with `pid start`; a file whose process is gone is taken over. */
function lock(path: string): DiskLock {
  const own = `${process.pid} ${processStart(process.pid)}`
  for (let attempts = 0; attempts < 3; attempts++) {
    try {
      fs.writeFileSync(path, own, { flag: 'wx' })
      return { release: () => fs.rmSync(path, { force: true }) }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw failure(cause, path)
    }
    const [pid = '', start = ''] = readLock(path).split(' ')
    if (pid !== '' && processStart(Number(pid)) === start && start !== '') {
      throw new MillraceError('MR_DATA_DIRECTORY_LOCKED', `process ${pid} uses this data directory`, {
        where: directoryOf(path),
        hint: 'Stop the other process, or name another directory with --data.',
      })
    }
    fs.rmSync(path, { force: true })
  }
  throw new MillraceError('MR_DATA_DIRECTORY_LOCKED', 'the lock file keeps coming back', { where: path })
}

function readLock(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The machine's file system. */
/**
 * One level at a time: `mkdirSync` with `recursive` never returns where a file system says of a new entry that its
 * directory does not exist, as /proc does.
 */
function makeDirectory(directory: string): void {
  if (fs.existsSync(directory)) {
    if (fs.statSync(directory).isDirectory()) return
  } else {
    const parent = directoryOf(directory)
    if (parent !== directory) makeDirectory(parent)
  }
  try {
    fs.mkdirSync(directory)
  } catch (error) {
    // Made by somebody else in between.
    const there = fs.existsSync(directory) && fs.statSync(directory).isDirectory()
    if (!there) throw error
  }
}

export const nodeDisk: Disk = {
  open: (path, mode) => new NodeFile(path, mode),
  exists: (path) => fs.existsSync(path),
  stat: (path) =>
    attempt(path, () => {
      const stat = fs.statSync(path)
      return { sizeBytes: stat.size, modifiedMs: stat.mtimeMs }
    }),
  list: (directory) =>
    attempt(directory, () =>
      fs
        .readdirSync(directory, { withFileTypes: true })
        .map((entry) => ({ name: entry.name, directory: entry.isDirectory() }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    ),
  makeDirectory: (path) => attempt(path, () => makeDirectory(path)),
  remove: (path) => attempt(path, () => fs.unlinkSync(path)),
  removeDirectory: (path) => attempt(path, () => fs.rmSync(path, { recursive: true, force: true })),
  rename: (from, to) => attempt(from, () => fs.renameSync(from, to)),
  syncDirectory: (path) =>
    attempt(path, () => {
      const descriptor = fs.openSync(path, 'r')
      try {
        fs.fsyncSync(descriptor)
      } finally {
        fs.closeSync(descriptor)
      }
    }),
  lock,
}
