/** Loading users' files: package types, the running copy of Millrace, and errors with their place. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { formatError, isMillraceError, type MillraceError } from '../../core/errors.ts'
import { nodeModules } from './modules.ts'

let root = ''

function write(name: string, text: string): string {
  const file = path.join(root, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, text)
  return file
}

async function failure(file: string): Promise<MillraceError> {
  try {
    await nodeModules.load(file)
  } catch (error) {
    assert.ok(isMillraceError(error), String(error))
    return error
  }
  assert.fail(`${file} was loaded`)
}

before(() => {
  root = mkdtempSync(path.join(tmpdir(), 'millrace-modules-'))
  write('package.json', '{ "type": "commonjs" }')
})
after(() => rmSync(root, { recursive: true, force: true }))

describe('a file of a user', () => {
  it('is an ES module in a package of type commonjs: TypeScript, JavaScript, and what they import', async () => {
    write('part.ts', 'export const one: number = 1')
    write('part.js', 'export const two = 2')
    write('old.cjs', 'module.exports = { three: 3 }')
    const imports =
      "import { one } from './part.ts'\nimport { two } from './part.js'\nimport old from './old.cjs'\n"
    const text = `${imports}export default one + two + old.three`
    for (const name of ['a.ts', 'a.mts', 'a.js', 'a.mjs']) {
      assert.equal((await nodeModules.load(write(name, text)))['default'], 6, name)
    }
  })
  it('keeps a CommonJS file in such a package what it is', async () => {
    const file = write('common.js', '// export of old\nmodule.exports = { a: 1 }\n')
    assert.deepEqual((await nodeModules.load(file))['default'], { a: 1 })
  })
  it('gives JSON as its default export', async () => {
    assert.deepEqual(await nodeModules.load(write('a.json', '{ "a": [1] }')), { default: { a: [1] } })
  })
  it('gets the running copy of Millrace by its name', async () => {
    const metadata = await nodeModules.load(
      write(
        'name.ts',
        "import data from 'millrace/package.json' with { type: 'json' }\nexport default data.name",
      ),
    )
    assert.equal(metadata['default'], 'millrace')
    const error = await failure(write('no-such.ts', "import 'millrace/no-such-part'\n"))
    assert.match(error.message, /no-such-part/)
  })
  it('is the same module each time, and a new one, with what it imports, when asked for', async () => {
    const part = write('fresh-part.ts', 'export const value = 1')
    const file = write('fresh.ts', "import { value } from './fresh-part.ts'\nexport default { value }")
    const first = await nodeModules.load(file)
    writeFileSync(part, 'export const value = 2')
    assert.equal((await nodeModules.load(file))['default'], first['default'])
    assert.deepEqual((await nodeModules.load(file, { fresh: true }))['default'], { value: 2 })
  })
})

describe('a file that cannot be loaded', () => {
  it('is named with line and column, and shown, when its syntax is wrong', async () => {
    const file = write('syntax.ts', 'export default {\n  a: 1,\n  b: = 2,\n}\n')
    const error = await failure(file)
    assert.equal(error.code, 'MR_CONFIG_INVALID')
    assert.equal(error.where, `${file}:3:6`)
    assert.equal(
      error.frame,
      '    1 | export default {\n    2 |   a: 1,\n  > 3 |   b: = 2,\n      |      ^\n    4 | }',
    )
    assert.match(formatError(error), /> 3 \| {3}b: = 2,/)
  })
  it('is placed in JavaScript too, where Node does not say where', async () => {
    const file = write('syntax.js', 'export default {\n  a: 1\n  b: 2\n}\n')
    assert.equal((await failure(file)).where, `${file}:3:3`)
  })
  it('is placed in the imported file that is wrong', async () => {
    const part = write('bad-part.ts', 'const a = ;\n')
    const error = await failure(write('importer.ts', "import './bad-part.ts'\n"))
    assert.equal(error.where, `${part}:1:11`)
  })
  it('is placed where it threw', async () => {
    const file = write('throws.ts', 'const name: string = "x"\n\nthrow new Error("bad " + name)\n')
    const error = await failure(file)
    assert.equal(error.where, `${file}:3:7`)
    assert.match(error.message, /bad x/)
  })
  it('is placed where it was written when Millrace refuses it, with what Millrace says', async () => {
    const file = write(
      'refused.ts',
      "import { tumbling } from 'millrace'\n\nexport default tumbling('5 minuts' as never)\n",
    )
    const error = await failure(file)
    assert.equal(error.code, 'MR_DURATION_INVALID')
    assert.equal(error.where, `${file}:3:16`)
    assert.match(error.frame ?? '', /> 3 \| export default tumbling/)
    assert.equal(error.hint, 'Did you mean "5 minutes"?')
  })
  it('says what to write when TypeScript needs more than leaving types out', async () => {
    const file = write('enum.ts', 'export default 1\nenum Kind { A }\n')
    const error = await failure(file)
    assert.equal(error.where, `${file}:2:1`)
    assert.match(error.hint ?? '', /union of texts/)
  })
  it('is placed at the import of a package that is missing, with the command that installs it', async () => {
    const file = write(
      'missing.ts',
      "import path from 'node:path'\nimport x from 'not-there'\nexport default [path, x]\n",
    )
    const error = await failure(file)
    assert.equal(error.where, `${file}:2:15`)
    assert.equal(error.hint, 'Install it: npm install not-there')
  })
  it('is placed at the import of a file that is missing', async () => {
    const file = write('missing-file.ts', "import x from './none.ts'\nexport default x\n")
    assert.equal((await failure(file)).where, `${file}:1:15`)
  })
  it('is placed at the name that another module does not export', async () => {
    write('empty.ts', 'export {}\n')
    const file = write('no-export.ts', "import { nothing } from './empty.ts'\nexport default nothing\n")
    assert.equal((await failure(file)).where, `${file}:1:10`)
  })
  it('is placed in JSON', async () => {
    const file = write('bad.json', '{\n  "a": 1,\n  b: 2\n}\n')
    const error = await failure(file)
    assert.equal(error.where, `${file}:3:3`)
    assert.match(error.frame ?? '', /> 3 \|/)
    assert.equal((await failure(write('cut.json', '{ "a": 1'))).code, 'MR_CONFIG_INVALID')
  })
  it('lets an error of Millrace through as it is', async () => {
    const errors = new URL('../../core/errors.ts', import.meta.url).href
    const file = write(
      'own.ts',
      `import { MillraceError } from '${errors}'\nthrow new MillraceError('MR_USAGE', 'own error')\n`,
    )
    assert.equal((await failure(file)).code, 'MR_USAGE')
  })
  it('is MR_CONFIG_NOT_FOUND when it is not there', async () => {
    assert.equal((await failure(path.join(root, 'none.ts'))).code, 'MR_CONFIG_NOT_FOUND')
  })
})
