import { joinPath } from '../platform/disk.ts'
import type { CommandContext } from './command.ts'

const DATA_DIRECTORY = '.millrace'

export interface DataDirectory {
  /** As the user named it. */
  readonly named: string
  readonly path: string
}

/** Where this process keeps its data: `--data`, else `MILLRACE_DATA`, else a directory of the project. */
export function dataDirectoryOf({ flags, process: host }: CommandContext): DataDirectory {
  const named = flags.text('data') ?? host.env('MILLRACE_DATA') ?? DATA_DIRECTORY
  return { named, path: named.startsWith('/') ? named : joinPath(host.cwd, named) }
}

/** Within it, what the broker keeps: `dev` and `serve` have the same topics. */
export function brokerDirectory({ path }: DataDirectory): string {
  return joinPath(path, 'log')
}
