/**
 * Values that stand elsewhere: `${env:NAME}` is an environment variable, `${file:PATH}` what a file holds, without the
 * line end behind it. So passwords need not stand in configurations and properties files.
 */
import { MillraceError } from '../core/errors.ts'
import { type Disk, joinPath, readFile } from '../platform/disk.ts'
import type { Process } from '../platform/process.ts'

export interface ReferencePlace {
  readonly process: Pick<Process, 'env'>
  readonly disk: Disk
  /** Where the values are, for errors. */
  readonly file: string
  /** Against which relative paths are read. */
  readonly directory: string
}

const reference = /\$\{(env|file):([^}]+)\}/g

/** The text with what its references stand for. @throws MR_CONFIG_INVALID, with the setting in its context */
export function resolveReferences(text: string, setting: string, place: ReferencePlace): string {
  return text.replaceAll(reference, (_, kind: string, name: string) => {
    const found = kind === 'env' ? place.process.env(name) : contentsOf(name, place)
    if (found !== undefined) return found
    const what = kind === 'env' ? `the environment has no variable ${name}` : `there is no file "${name}"`
    throw new MillraceError('MR_CONFIG_INVALID', `${what}, which "${setting}" refers to`, {
      where: place.file,
      hint: kind === 'env' ? `Set it: export ${name}=…` : `Paths are read against ${place.directory}.`,
      context: { setting },
    })
  })
}

function contentsOf(path: string, { directory, disk }: ReferencePlace): string | undefined {
  const absolute = path.startsWith('/') ? path : joinPath(directory, path)
  return disk.exists(absolute)
    ? readFile(disk, absolute)
        .toString('utf8')
        .replace(/\r?\n$/, '')
    : undefined
}

/** The same object with the references of its texts resolved; other values stay. */
export function resolveAll<T extends object>(values: T, place: ReferencePlace): T {
  const entries = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === 'string' ? resolveReferences(value, name, place) : value,
  ])
  return Object.fromEntries(entries) as T
}
