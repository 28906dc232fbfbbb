/**
 * The files of the sink: buffers by path, and a bounded number of open files, the least recently used closed first.
 *
 * 1. Lines are collected in memory.
 * 2. Before a file is first written, the manifest lists it with the length that it has, so that after a crash it is
 *    cut back to that.
 * 3. A file is synced before it is closed, a few files at a time, over the handle that wrote it: only that one is
 *    sure to tell of a write that failed later.
 * 4. A commit writes and syncs everything, then the directories that got new names, and then replaces the manifest
 *    with the new lengths and positions. Files that are not open any more leave it: they are complete.
 *
 * One call of `writeOut` or `commit` has to settle before the next, and before `close`.
 */
import { ByteWriter } from '../../core/byte-writer.ts'
import { MillraceError } from '../../core/errors.ts'
import { invariant } from '../../core/invariant.ts'
import { type Disk, type DiskFile, directoryOf } from '../../platform/disk.ts'
import { BelowDirectory } from './below-directory.ts'
import { type Manifest, writeManifest } from './manifest.ts'

const LINES_INITIAL_BYTES = 4096
/** Node's pool has four threads, and others have work for it too. */
const SYNCS_MAX = 3
/** Which part of the open files is closed in one go, so that their syncs overlap. */
const RETIRED_PART = 0.25

interface RolledFile {
  readonly path: string
  /** Bytes in the file, with what the buffer holds not counted. */
  length: number
  readonly lines: ByteWriter
  /** The file is there, as far as is known. */
  exists: boolean
  handle: DiskFile | undefined
  /** Written since the last sync. */
  dirty: boolean
  /** Made in this run and its name not synced. */
  isNew: boolean
}

export interface RolledFilesOptions {
  readonly disk: Disk
  readonly directory: string
  readonly openFilesMax: number
}

export class RolledFiles {
  /** Bytes in memory, buffers that are not full counted whole. */
  bufferedBytes = 0
  private readonly options: RolledFilesOptions
  private readonly below: BelowDirectory
  /** By path, the least recently used first. Holds open files, and others that have lines or are not committed. */
  private readonly files = new Map<string, RolledFile>()
  /** Those with a handle, the one that was written longest ago first. */
  private readonly open = new Set<RolledFile>()
  private manifest: Manifest

  constructor(options: RolledFilesOptions, manifest: Manifest) {
    this.options = options
    this.manifest = manifest
    this.below = new BelowDirectory(options.disk, options.directory)
    this.cutBack()
  }

  get positions(): ReadonlyMap<string, number> {
    return this.manifest.positions
  }

  /** Where lines for a path are collected; call `counted` with the bytes that were added. */
  linesOf(path: string): ByteWriter {
    let file = this.files.get(path)
    if (file === undefined) {
      const lines = new ByteWriter(LINES_INITIAL_BYTES)
      file = { path, length: -1, lines, exists: false, handle: undefined, dirty: false, isNew: false }
      this.bufferedBytes += LINES_INITIAL_BYTES
    } else this.files.delete(path)
    this.files.set(path, file)
    return file.lines
  }

  counted(bytes: number): void {
    this.bufferedBytes += bytes
  }

  /** Hands all lines to the operating system; nothing is promised yet. */
  async writeOut(): Promise<void> {
    const waiting = [...this.files.values()].filter((file) => file.lines.length > 0)
    for (const file of waiting) this.learnLength(file)
    this.announce(waiting)
    for (const file of waiting) {
      if (file.handle === undefined && this.open.size >= this.options.openFilesMax) await this.retire()
      const handle = this.handleOf(file)
      handle.write(file.lines.buffer, 0, file.lines.length, file.length)
      file.length += file.lines.length
      file.lines.clear()
      file.dirty = true
    }
    this.bufferedBytes = this.files.size * LINES_INITIAL_BYTES
  }

  /** Everything that was written survives a power cut, together with the positions. */
  async commit(positions: ReadonlyMap<string, number>): Promise<void> {
    await this.writeOut()
    await syncFiles([...this.open])
    this.below.syncNames([...this.files.values()].filter((file) => file.isNew).map((file) => file.path))
    for (const file of this.files.values()) file.isNew = false
    const lengths = new Map([...this.open].map((file) => [file.path, file.length]))
    this.replaceManifest({ positions: new Map([...this.manifest.positions, ...positions]), lengths })
    for (const file of this.files.values()) if (file.handle === undefined) this.files.delete(file.path)
    this.bufferedBytes = this.files.size * LINES_INITIAL_BYTES
  }

  close(): void {
    for (const file of this.open) file.handle?.close()
    this.open.clear()
    this.files.clear()
  }

  /** Undoes what was written after the last commit. @throws MR_SINK_FAILED when a file is shorter than it was */
  private cutBack(): void {
    const { disk } = this.options
    for (const [path, length] of this.manifest.lengths) {
      const absolute = this.below.absolute(path)
      if (length === 0) {
        if (disk.exists(absolute)) removeFile(disk, absolute)
        continue
      }
      const size = disk.exists(absolute) ? disk.stat(absolute).sizeBytes : undefined
      if (size === undefined || size < length) {
        const what = size === undefined ? 'is gone' : `has ${size} bytes`
        throw new MillraceError(
          'MR_SINK_FAILED',
          `"${absolute}" ${what}, but ${length} bytes were delivered to it`,
          {
            where: absolute,
            hint: 'Put it back; files may be moved away when the manifest does not list them any more.',
          },
        )
      }
      if (size > length) cutFile(disk, absolute, length)
    }
  }

  private learnLength(file: RolledFile): void {
    if (file.length >= 0) return
    const { disk } = this.options
    const absolute = this.below.absolute(file.path)
    file.exists = disk.exists(absolute)
    file.length = file.exists ? disk.stat(absolute).sizeBytes : 0
  }

  /** Step 2, in one go for all files that are to be written. */
  private announce(files: readonly RolledFile[]): void {
    const unknown = files.filter((file) => !this.manifest.lengths.has(file.path))
    if (unknown.length === 0) return
    const lengths = new Map(this.manifest.lengths)
    for (const file of unknown) lengths.set(file.path, file.length)
    this.replaceManifest({ positions: this.manifest.positions, lengths })
  }

  private replaceManifest(manifest: Manifest): void {
    writeManifest(this.options.disk, this.options.directory, manifest)
    this.manifest = manifest
  }

  private handleOf(file: RolledFile): DiskFile {
    if (file.handle === undefined) file.handle = this.openFile(file)
    else this.open.delete(file)
    this.open.add(file)
    return file.handle
  }

  private openFile(file: RolledFile): DiskFile {
    invariant(this.manifest.lengths.has(file.path), 'a file is in the manifest before it is written')
    this.below.prepare(file.path)
    // `new` does not follow a link that leads nowhere yet.
    const handle = this.options.disk.open(this.below.absolute(file.path), file.exists ? 'write' : 'new')
    file.isNew ||= !file.exists
    file.exists = true
    return handle
  }

  /** Makes room for others: closes the files that were written longest ago. */
  private async retire(): Promise<void> {
    const files = [...this.open].slice(0, Math.ceil(this.options.openFilesMax * RETIRED_PART))
    await syncFiles(files)
    for (const file of files) {
      this.open.delete(file)
      file.handle?.close()
      file.handle = undefined
    }
  }
}

/** Syncs those that need it, a few at a time. However it ends, no sync is under way any more. */
async function syncFiles(files: readonly RolledFile[]): Promise<void> {
  const dirty = files.filter((file) => file.dirty)
  let failure: { readonly error: unknown } | undefined
  const syncOneByOne = async (): Promise<void> => {
    for (let file = dirty.pop(); file !== undefined && failure === undefined; file = dirty.pop()) {
      try {
        await file.handle?.sync()
        file.dirty = false
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: SYNCS_MAX }, syncOneByOne))
  if (failure !== undefined) throw failure.error
}

/** Its name must not come back after a power cut, as the manifest will not list it for ever. */
function removeFile(disk: Disk, path: string): void {
  disk.remove(path)
  disk.syncDirectory(directoryOf(path))
}

function cutFile(disk: Disk, path: string, length: number): void {
  const file = disk.open(path, 'write')
  try {
    file.truncate(length)
    file.syncNow()
  } finally {
    file.close()
  }
}
