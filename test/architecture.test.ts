/** The rules of the layout, in force for every file of the repository. The rules themselves: architecture/. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { filesUnder, root } from '../scripts/repository.ts'
import { errorRegister } from '../src/core/error-register.ts'
import { checkCalls } from './architecture/calls.ts'
import { type Check, type Fault, formatFault } from './architecture/fault.ts'
import { checkConnectors, checkErrorCodes } from './architecture/registers.ts'
import { checkImports } from './architecture/rooms.ts'
import { checkHead, checkLength, checkMedians, checkNames, checkOnly } from './architecture/shape.ts'
import { readSource } from './architecture/source.ts'

const trees = ['src', 'test', 'scripts', 'bin', 'bench', 'examples', 'console']
const sources = trees
  .flatMap((tree) => filesUnder(tree, (file) => /\.(ts|tsx|mjs)$/.test(file)))
  .map((file) => readSource(file, fs.readFileSync(path.join(root, file), 'utf8')))

function assertNone(faults: readonly Fault[]): void {
  if (faults.length > 0) assert.fail(`${faults.length} faults\n${faults.map(formatFault).join('\n')}`)
}

describe('the architecture', () => {
  const perFile: readonly (readonly [string, Check])[] = [
    ['imports go one way', checkImports],
    ['time, chance, files, network and terminal come in as parameters', checkCalls],
    ['no file is too long', checkLength],
    ['every file of some length says what it is', checkHead],
    ['names say something', checkNames],
    ['no test runs alone', checkOnly],
  ]
  for (const [rule, check] of perFile) it(rule, () => assertNone(sources.flatMap(check)))
  it('the median file is short', () => assertNone(checkMedians(sources)))
  it('every error code is used and documented', () => {
    const page = fs.readFileSync(path.join(root, 'docs/reference/errors.md'), 'utf8')
    assertNone(checkErrorCodes(sources, Object.keys(errorRegister), page))
  })
  it('every connector is in the register', () => assertNone(checkConnectors(sources)))
  it('is looked at: the files are there', () => assert.ok(sources.length > 80, `${sources.length} files`))
})
