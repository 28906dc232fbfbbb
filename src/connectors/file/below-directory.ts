/** Directories below the sink's own, made when they are needed and never through a link that leads elsewhere. */
import { MillraceError } from '../../core/errors.ts'
import { type Disk, directoryOf, joinPath } from '../../platform/disk.ts'

export class BelowDirectory {
  private readonly disk: Disk
  private readonly root: string
  /** Directories that are known to be real. */
  private readonly known = new Set<string>([''])
  /** Directories whose names and content survive a power cut, in this run. */
  private readonly synced = new Set<string>()

  constructor(disk: Disk, root: string) {
    this.disk = disk
    this.root = root
  }

  absolute(path: string): string {
    return joinPath(this.root, path)
  }

  /** Makes the directories above a file. @throws MR_SINK_FAILED when one of them is something else */
  prepare(path: string): void {
    this.enter(parentOf(path))
  }

  /** Lets the names of new files, and of all directories above them, survive a power cut. */
  syncNames(paths: readonly string[]): void {
    // Each directory that got a name, and so on upwards: the set grows while it is gone through.
    const changed = new Set(paths.map(parentOf))
    for (const directory of changed) {
      this.disk.syncDirectory(this.absolute(directory))
      if (directory === '' || this.synced.has(directory)) continue
      this.synced.add(directory)
      changed.add(parentOf(directory))
    }
  }

  private enter(directory: string): void {
    if (this.known.has(directory)) return
    const parent = parentOf(directory)
    this.enter(parent)
    const name = directory.slice(parent === '' ? 0 : parent.length + 1)
    // A link to a directory is not listed as one.
    const entry = this.disk.list(this.absolute(parent)).find((listed) => listed.name === name)
    if (entry === undefined) this.disk.makeDirectory(this.absolute(directory))
    else if (!entry.directory) {
      throw new MillraceError(
        'MR_SINK_FAILED',
        `"${this.absolute(directory)}" is not a directory of its own`,
        {
          where: this.absolute(directory),
          hint: 'Remove the file or link of that name.',
        },
      )
    }
    this.known.add(directory)
  }
}

/**
 * Makes the sink's own directory with all above it, so that they survive a power cut.
 *
 * A run may have ended between making one and syncing its name, so the lowest that exists is synced too.
 */
export function makeDurableDirectory(disk: Disk, directory: string): void {
  const missing: string[] = []
  let lowest = directory
  while (!disk.exists(lowest) && lowest !== directoryOf(lowest)) {
    missing.unshift(lowest)
    lowest = directoryOf(lowest)
  }
  if (lowest !== directoryOf(lowest)) disk.syncDirectory(directoryOf(lowest))
  for (const made of missing) {
    disk.makeDirectory(made)
    disk.syncDirectory(directoryOf(made))
  }
}

function parentOf(path: string): string {
  const parent = directoryOf(path)
  return parent === '.' ? '' : parent
}
