/** Which files `millrace test` runs. */
import { MillraceError } from '../core/errors.ts'
import { type Disk, joinPath } from '../platform/disk.ts'

const testFile = /\.test\.(?:ts|mts|cts|js|mjs|cjs)$/
const DEPTH_MAX = 32

/**
 * Files as they are named, and what directories hold under a test's name, sorted; without names what `cwd` holds. A name
 * that is neither is a pattern: the test files whose paths in `cwd` have it somewhere, `*` standing for anything.
 * Directories of packages and those whose names begin with a dot are passed over.
 *
 * @throws MR_FILE_NOT_FOUND for a name that fits nothing, or when there is nothing to run
 */
export function testFiles(disk: Disk, cwd: string, names: readonly string[]): readonly string[] {
  const files = new Set<string>()
  for (const name of names.length === 0 ? [cwd] : names) {
    const path = name.startsWith('/') ? name : joinPath(cwd, name.replace(/^\.\//, ''))
    if (!disk.exists(path)) {
      for (const file of filesLike(disk, cwd, name)) files.add(file)
      continue
    }
    const entries = entriesOf(disk, path)
    if (entries === undefined) files.add(path)
    else for (const file of filesUnder(disk, path, 0)) files.add(file)
  }
  if (files.size > 0) return [...files]
  throw new MillraceError('MR_FILE_NOT_FOUND', 'there are no test files', {
    where: names.join(', ') || cwd,
    hint: 'Tests are in files such as src/revenue.test.ts.',
  })
}

/** @throws MR_FILE_NOT_FOUND */
function filesLike(disk: Disk, cwd: string, name: string): readonly string[] {
  const parts = name.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  const pattern = new RegExp(parts.join('.*'))
  const candidates = name.startsWith('/') ? [] : filesUnder(disk, cwd, 0)
  const found = candidates.filter((file) => pattern.test(file.slice(cwd.length + 1)))
  if (found.length > 0) return found
  throw new MillraceError(
    'MR_FILE_NOT_FOUND',
    'there is no such file or directory, and no test file like it',
    {
      where: name,
      hint: 'Without names all *.test.ts here are run; --name chooses tests by their own names.',
    },
  )
}

function filesUnder(disk: Disk, directory: string, depth: number): readonly string[] {
  if (depth > DEPTH_MAX) return []
  return disk.list(directory).flatMap(({ name, directory: within }) => {
    const path = joinPath(directory, name)
    if (!within) return testFile.test(name) ? [path] : []
    return name === 'node_modules' || name.startsWith('.') ? [] : filesUnder(disk, path, depth + 1)
  })
}

/** Undefined for a file. */
function entriesOf(disk: Disk, path: string): readonly { readonly name: string }[] | undefined {
  try {
    return disk.list(path)
  } catch {
    return undefined
  }
}
