/**
 * What a program can do to a simulated disk, as values: a disk's whole state follows from its operations in
 * order, so a recorded run can be replayed up to any of them. A file is named by the number it got when it
 * was created, because its path may change while it is open.
 */

/**
 * What a power cut may leave of what was not synced. `any`: each write and each change of a name is there, or not, for
 * itself. `ordered names`: the same, but names change in their order up to some moment, as with a journal. `any
 * names`: each change of a name for itself, while of the bytes all are there or only the synced ones.
 */
export type PowerRemains = 'any' | 'ordered names' | 'any names'

export type DiskOperation =
  | { readonly kind: 'create'; readonly path: string; readonly file: number }
  | { readonly kind: 'makeDirectory'; readonly path: string }
  | { readonly kind: 'write'; readonly file: number; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly file: number; readonly length: number }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string }
  /** Writes and truncations of the file that were applied as operation number `through` or before. */
  | { readonly kind: 'sync'; readonly file: number; readonly through: number }
  | { readonly kind: 'syncDirectory'; readonly path: string }
  /** A sync that failed; the seed decides what of it reached the disk. */
  | { readonly kind: 'failSync'; readonly file: number; readonly through: number; readonly seed: number }
  | { readonly kind: 'flipBit'; readonly file: number; readonly bit: number }
  /** The program ended; the machine goes on. */
  | { readonly kind: 'stop' }
  /** The machine lost its power; the seed decides what of the unsynced is kept. */
  | { readonly kind: 'cutPower'; readonly seed: number; readonly remains?: PowerRemains }

/** One line for traces: all but the bytes written. */
export function describeOperation(operation: DiskOperation): string {
  switch (operation.kind) {
    case 'create':
      return `create ${operation.path} as file ${operation.file}`
    case 'write':
      return `write file ${operation.file} at ${operation.position}, ${operation.bytes.length} bytes`
    case 'truncate':
      return `truncate file ${operation.file} to ${operation.length}`
    case 'rename':
      return `rename ${operation.path} to ${operation.to}`
    case 'sync':
    case 'failSync':
      return `${operation.kind} file ${operation.file} through ${operation.through}`
    case 'flipBit':
      return `flip bit ${operation.bit} of file ${operation.file}`
    case 'stop':
      return 'stop'
    case 'cutPower':
      return `cut power, seed ${operation.seed}, ${operation.remains ?? 'any'}`
    default:
      return `${operation.kind} ${operation.path}`
  }
}

/** The names of a path from the root down; `.` and `..` are resolved. */
export function pathNames(path: string): readonly string[] {
  const names: string[] = []
  for (const name of path.replaceAll('\\', '/').split('/')) {
    if (name === '..') names.pop()
    else if (name !== '' && name !== '.') names.push(name)
  }
  return names
}
