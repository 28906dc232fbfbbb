/** Programs that are chosen by name out of a folder: benchmarks and simulations. */
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { filesUnder, root } from './repository.ts'

/** Runs `folder/NAME.ts`, NAME being the first argument, with the others; without a name it lists them. */
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
  process.argv.splice(1, process.argv.length, file, ...parameters)
  await import(pathToFileURL(file).href)
}
