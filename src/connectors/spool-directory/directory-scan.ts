/** What a spooled directory holds: the files that are meant, in the order in which they are read. */
import { isMillraceError } from '../../core/errors.ts'
import { type Disk, type DiskEntry, joinPath } from '../../platform/disk.ts'

export interface SpooledFileInfo {
  /** Relative to the directory, with `/`. */
  readonly name: string
  readonly sizeBytes: number
  readonly modifiedMs: number
}

export interface ScanOptions {
  readonly directory: string
  readonly recursive: boolean
  readonly includePattern: RegExp
  readonly ignorePattern: RegExp | undefined
  readonly consumeOrder: 'name' | 'oldest' | 'youngest'
}

const DRAFT_SUFFIX = '.tmp'

/**
 * The files of the directory that are neither hidden nor drafts and match the patterns.
 *
 * @throws MR_FILE_NOT_FOUND when the directory is missing
 */
export function scanDirectory(disk: Disk, options: ScanOptions): readonly SpooledFileInfo[] {
  const include = wholeName(options.includePattern)
  const ignore = options.ignorePattern && wholeName(options.ignorePattern)
  const files: SpooledFileInfo[] = []
  const below = ['']
  for (let at = 0; at < below.length; at++) {
    const parent = below[at]!
    for (const entry of listDirectory(disk, options.directory, parent)) {
      if (entry.name.startsWith('.')) continue
      const name = joinPath(parent, entry.name)
      if (entry.directory) {
        if (options.recursive) below.push(name)
        continue
      }
      if (entry.name.endsWith(DRAFT_SUFFIX)) continue
      if (!include.test(entry.name) || ignore?.test(entry.name) === true) continue
      const file = statFile(disk, options.directory, name)
      if (file !== undefined) files.push(file)
    }
  }
  return files.sort(comparison(options.consumeOrder))
}

/** A file as it is now, or undefined if it is not there. */
export function statFile(disk: Disk, directory: string, name: string): SpooledFileInfo | undefined {
  return unlessMissing(() => {
    const { sizeBytes, modifiedMs } = disk.stat(joinPath(directory, name))
    return { name, sizeBytes, modifiedMs }
  })
}

function listDirectory(disk: Disk, directory: string, below: string): readonly DiskEntry[] {
  if (below === '') return disk.list(directory)
  return unlessMissing(() => disk.list(joinPath(directory, below))) ?? []
}

/** Names go between list and use, and a link may lead nowhere. */
function unlessMissing<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (isMillraceError(error, 'MR_FILE_NOT_FOUND')) return undefined
    throw error
  }
}

function wholeName(pattern: RegExp): RegExp {
  // A file name may hold a line end, which `.` must match too.
  return new RegExp(`^(?:${pattern.source})$`, `${pattern.flags}s`)
}

function comparison(order: ScanOptions['consumeOrder']): (a: SpooledFileInfo, b: SpooledFileInfo) => number {
  const byName = (a: SpooledFileInfo, b: SpooledFileInfo): number => (a.name < b.name ? -1 : 1)
  if (order === 'name') return byName
  const sign = order === 'oldest' ? 1 : -1
  return (a, b) => sign * (a.modifiedMs - b.modifiedMs) || byName(a, b)
}
