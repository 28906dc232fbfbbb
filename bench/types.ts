/**
 * `npm run bench -- types`: how long the compiler takes for the demo "flights", as who has installed Millrace runs it.
 *
 *   1. Declarations are built from src/, and lie as the package `millrace` in .cache/types/.
 *   2. `tsc --noEmit` checks a copy of examples/flights against them, without its tests. Each pass is a new process; the
 *      first is cold.
 *
 * Options: --passes K (3). An error of the compiler ends it with status 1.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../scripts/repository.ts'
import { medianOf } from './measuring/pass.ts'

const { values } = parseArgs({ options: { passes: { type: 'string', default: '3' } } })
const passes = Number(values.passes)

const compiler = path.join(root, 'node_modules/typescript/bin/tsc')
const project = path.join(root, '.cache/types')
const installed = path.join(project, 'node_modules/millrace')

function compile(...options: string[]): { readonly sec: number; readonly out: string } {
  const startMs = performance.now()
  const { status, stdout } = spawnSync(process.execPath, [compiler, ...options], {
    cwd: root,
    encoding: 'utf8',
  })
  const sec = (performance.now() - startMs) / 1000
  if (status === 0) return { sec, out: stdout }
  process.stdout.write(stdout)
  process.exit(1)
}

fs.rmSync(project, { recursive: true, force: true })
fs.mkdirSync(installed, { recursive: true })
fs.copyFileSync(path.join(root, 'package.json'), path.join(installed, 'package.json'))
compile('-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', path.join(installed, 'dist'))
for (const file of fs.readdirSync(path.join(root, 'examples/flights'))) {
  if (file.endsWith('.ts') && !file.endsWith('.test.ts'))
    fs.copyFileSync(path.join(root, 'examples/flights', file), path.join(project, file))
}
// A package of its own: without it `millrace` would be the repository.
fs.writeFileSync(path.join(project, 'package.json'), JSON.stringify({ name: 'flights', type: 'module' }))
const settings = {
  extends: '../../tsconfig.json',
  compilerOptions: { customConditions: [] },
  include: ['*.ts'],
}
fs.writeFileSync(path.join(project, 'tsconfig.json'), JSON.stringify(settings))

const secs: number[] = []
for (let pass = 1; pass <= passes; pass++) {
  const { sec, out } = compile('-p', project, '--noEmit', '--extendedDiagnostics')
  const figure = (name: string): number => Number(new RegExp(`^${name}:\\s+([\\d.]+)`, 'm').exec(out)?.[1])
  secs.push(sec)
  const result = {
    ...{ job: 'types flights', pass, sec: Number(sec.toFixed(2)) },
    ...{ check_sec: figure('Check time'), files: figure('Files'), types: figure('Types') },
    hwm_mb: Math.round(figure('Memory used') / 1024),
  }
  process.stdout.write(`RESULT ${JSON.stringify(result)}\n`)
}
process.stdout.write(`median ${medianOf(secs).toFixed(2)} s\n`)
