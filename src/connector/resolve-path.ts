import { isAbsolute } from 'node:path'
import { joinPath } from '../platform/disk.ts'

/** A path from an option, read against the directory of the configuration. */
export function resolvePath(baseDirectory: string, path: string): string {
  return isAbsolute(path) ? path : joinPath(baseDirectory, path)
}
