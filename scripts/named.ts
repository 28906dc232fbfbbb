/** Programs that are chosen by name out of a folder: benchmarks and simulations. */
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { filesUnder, root } from './repository.ts'

/** Runs `folder/NAME.ts`, NAME being the first argument, with the others; without a name it lists them, with `--help` it says what it does. */
export async function runNamed(folder: string, task: string): Promise<void> {
  const [name, ...parameters] = process.argv.slice(2)
  const names = filesUnder(folder, (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .filter((file) => path.posix.dirname(file) === folder)
    .map((file) => path.basename(file, '.ts'))
  if (name === undefined || !names.includes(name)) {
    const unknown = name === undefined ? 'no name was given' : `no "${name}" in ${folder}/`
    process.stderr.write(
      `error ${unknown}\n  npm run ${task} -- ${names.join('|') || '(there is none yet)'}\n`,
    )
    process.exitCode = 2
    return
  }
  const file = path.join(root, folder, `${name}.ts`)
  if (parameters.includes('--help')) {
    process.stdout.write(`${headOf(file)}\n`)
    return
  }
  process.argv.splice(1, process.argv.length, file, ...parameters)
  try {
    await import(pathToFileURL(file).href)
  } catch (error) {
    if (!isOptionError(error)) throw error
    process.stderr.write(`error ${error.message}\n\n${headOf(file)}\n`)
    process.exitCode = 2
  }
}

/** What a program says of itself: its first comment. */
function headOf(file: string): string {
  const [, comment = ''] = /^\/\*\*([\s\S]*?)\*\//.exec(fs.readFileSync(file, 'utf8')) ?? []
  return comment.replaceAll(/^ ?\* ?/gm, '').trim()
}

function isOptionError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}
