/** Each rule of the architecture test, with its fault planted once: a check that cannot fail checks nothing. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { root } from '../../scripts/repository.ts'
import { checkCalls } from './calls.ts'
import type { Check } from './fault.ts'
import { checkConnectors, checkErrorCodes } from './registers.ts'
import { checkImports } from './rooms.ts'
import { checkHead, checkLength, checkMedians, checkNames, checkOnly } from './shape.ts'
import { importsOf, readSource } from './source.ts'

function faults(check: Check, path: string, text: string): string[] {
  return check(readSource(path, text)).map(({ line, what }) => `${line} ${what}`)
}

// What this file plants is put together here, so that it does not stand in this file's own code.
const importing = (...specifiers: string[]): string =>
  specifiers.map((name) => `import { x } from '${name}'\n`).join('')

describe('the scanner', () => {
  it('leaves code, and blanks comments, texts, templates and regular expressions', () => {
    const text = [
      'a /* x */ + b // x',
      `'it\\'s' + "x" + \`x \${c + \`y \${d}\`} x\` + e`,
      'f = /[/"]x/g; g = h / i / j',
      'return /x/.test(k) ? {} : {}',
    ].join('\n')
    const { code, uncommented } = readSource('src/core/a.ts', text)
    assert.equal(code.length, text.length)
    // What is left of texts and expressions are their ends: of an expression its flag.
    const words = code.replaceAll(/[^\w\n]+/g, ' ').split('\n')
    assert.deepEqual(
      words.map((line) => line.trim()),
      ['a b', 'c d e', 'f g g h i j', 'return test k'],
    )
    assert.match(uncommented, /it\\'s/)
    assert.doesNotMatch(uncommented, /\/\*/)
  })
  it('finds every form of import, with its line, and none in a comment or text', () => {
    const text = `import a from 'one'
import type { B } from "two"
export * from './three.ts'
export { d,
  e } from './four.ts'
import './five.ts'
const f = await import('six')
// import g from 'no'
const h = "import i from 'no'"
import { type J, k } from 'seven'
`
    assert.deepEqual(
      importsOf(readSource('a.ts', text)).map(({ specifier, line, typeOnly }) => [specifier, line, typeOnly]),
      [
        ['one', 1, false],
        ['two', 2, true],
        ['./three.ts', 3, false],
        ['./four.ts', 4, false],
        ['./five.ts', 6, false],
        ['six', 7, false],
        ['seven', 10, false],
      ],
    )
  })
})

describe('imports', () => {
  it('are refused against the direction, between connectors, and from the public face', () => {
    assert.deepEqual(faults(checkImports, 'src/log/a.ts', importing('../core/b.ts', '../broker/c.ts')), [
      '2 imports src/broker/c.ts',
    ])
    assert.equal(faults(checkImports, 'src/core/a.ts', importing('../platform/clock.ts')).length, 1)
    assert.equal(faults(checkImports, 'src/core/a.ts', importing('../index.ts')).length, 1)
    assert.equal(faults(checkImports, 'src/connectors/s3/a.ts', importing('../kinesis/b.ts')).length, 1)
    assert.equal(faults(checkImports, 'src/server/a.ts', importing('../cli/b.ts')).length, 1)
    assert.equal(faults(checkImports, 'src/novel/a.ts', importing('../core/b.ts')).length, 1)
    assert.equal(faults(checkImports, 'src/core/a.ts', importing('../novel/b.ts')).length, 1)
  })
  it('are allowed along it, within a room, from tests, and of packages', () => {
    assert.deepEqual(
      faults(checkImports, 'src/broker/groups/a.ts', importing('../../log/b.ts', './c.ts')),
      [],
    )
    assert.deepEqual(faults(checkImports, 'src/cli/a.ts', importing('../server/b.ts', '../runtime/c.ts')), [])
    assert.deepEqual(
      faults(checkImports, 'src/core/a.test.ts', importing('../platform/simulated/disk.ts')),
      [],
    )
    assert.deepEqual(
      faults(checkImports, 'src/connectors/s3/a.ts', importing('../../connector/b.ts', 'pino')),
      [],
    )
    assert.deepEqual(faults(checkImports, 'src/connectors/register.ts', importing('./s3/index.ts')), [])
    assert.deepEqual(faults(checkImports, 'src/index.ts', importing('./dsl/a.ts', './runtime/b.ts')), [])
  })
  it('of the platform’s implementations belong to the command line and to testing', () => {
    const text = importing('../platform/node/disk.ts')
    assert.equal(faults(checkImports, 'src/runtime/a.ts', text).length, 1)
    assert.deepEqual(faults(checkImports, 'src/cli/a.ts', text), [])
  })
  it('of the platform’s implementations are made by a public entry too, which is for users alone', () => {
    const entry = 'src/client/index.ts'
    const exported = JSON.stringify(
      JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')).exports,
    )
    assert.ok(exported.includes(`./${entry}`), `${entry} is exported`)
    const text = importing('../platform/node/platform.ts')
    assert.deepEqual(faults(checkImports, entry, text), [])
    assert.equal(faults(checkImports, 'src/client/connect.ts', text).length, 1)
    for (const file of ['src/runtime/a.ts', 'src/cli/a.ts', 'src/client/a.ts']) {
      const specifier = file === 'src/client/a.ts' ? './index.ts' : '../client/index.ts'
      assert.equal(faults(checkImports, file, importing(specifier)).length, 1)
    }
    assert.deepEqual(faults(checkImports, 'src/index.ts', importing('./client/index.ts')), [])
  })
  it('of an example are those of a user', () => {
    assert.equal(faults(checkImports, 'examples/flights/a.ts', importing('../../src/dsl/b.ts')).length, 1)
    assert.deepEqual(
      faults(checkImports, 'examples/flights/a.ts', importing('millrace', './b.ts', 'node:fs')),
      [],
    )
  })
})

describe('calls', () => {
  const refused: readonly (readonly [string, string])[] = [
    ['const a = Date.now()', 'Date.now'],
    ['const a = new Date()', 'new Date()'],
    ['const a = new Date', 'new Date()'],
    ['const a = Date()', 'Date()'],
    ['performance.now()', 'performance'],
    ['globalThis.performance.now()', 'performance'],
    ['const a = { now: Math.random }', 'Math.random'],
    ['setTimeout(run, 5)', 'setTimeout'],
    ['const wait = promisify(setTimeout)', 'setTimeout'],
    ['globalThis.setInterval(run, 5)', 'setInterval'],
    ['setImmediate(run)', 'setImmediate'],
    ['const s = AbortSignal.timeout(5)', 'AbortSignal.timeout'],
    ['process.env', 'process'],
    ["process['env']", 'process'],
    ['process.exit(1)', 'process'],
    ["console.log('a')", 'console'],
    ['crypto.randomUUID()', 'crypto'],
    ["import { randomBytes } from 'node:crypto'", 'crypto'],
    [importing('node:fs'), 'node:fs'],
    [importing('node:net'), 'node:net'],
    [importing('node:child_process'), 'node:child_process'],
    [importing('node:worker_threads'), 'node:worker_threads'],
    [importing('node:os'), 'node:os'],
    [importing('node:http'), 'node:http'],
    ["const fs = await import('node:fs/promises')", 'node:fs/promises'],
  ]
  for (const [text, what] of refused) {
    it(`refuse ${what}: ${text.trim()}`, () => {
      assert.deepEqual(faults(checkCalls, 'src/log/a.ts', `\n${text}\n`), [`2 ${what}`])
    })
  }
  const allowed: readonly string[] = [
    'const a = new Date(ms).toISOString()',
    'const a = new DateTime()',
    'operator.process(record)',
    'class A { process(record: R): void {} }',
    'const a = { process: 1, console: 2, setTimeout: 3 }',
    'interface A { setTimeout?: number }',
    "// Date.now() and process.env\nconst a = 'console.log'",
    'clock.setTimeout(1)',
    "import { randomInt } from '../platform/random.ts'\nconst a = randomInt(random, 5)",
    importing('node:zlib', 'node:crypto', 'node:path'),
    "import type { Worker } from 'node:worker_threads'",
    'const candidate = 1; dateNow(candidate)',
  ]
  for (const text of allowed) {
    it(`take ${text.trim()}`, () => assert.deepEqual(faults(checkCalls, 'src/log/a.ts', text), []))
  }
  it('are free in the platform’s implementations, in scripts, benchmarks and examples', () => {
    const text = `setTimeout(run, 5); console.log(process.pid)\n${importing('node:fs')}`
    for (const path of ['src/platform/node/a.ts', 'scripts/a.ts', 'bench/a.ts', 'examples/a/b.ts']) {
      assert.deepEqual(faults(checkCalls, path, text), [], path)
    }
  })
  it('are free in tests, but for sleeping and unseeded chance', () => {
    const text = (name: string): string => `${name}(run, 5)\n`
    assert.deepEqual(
      faults(checkCalls, 'src/log/a.test.ts', `console.log(process.pid)\n${importing('node:fs')}`),
      [],
    )
    assert.equal(faults(checkCalls, 'src/log/a.test.ts', text('setTimeout')).length, 1)
    assert.equal(faults(checkCalls, 'test/a.test.ts', 'const a = Math.random()').length, 1)
    assert.equal(faults(checkCalls, 'test/a.test.ts', importing('node:timers/promises')).length, 1)
  })
})

describe('files', () => {
  const lines = (count: number): string => `/** What it is. */\n${'x\n'.repeat(count - 1)}`

  it('have at most 500 lines', () => {
    assert.deepEqual(faults(checkLength, 'src/a/b.ts', lines(500)), [])
    assert.deepEqual(faults(checkLength, 'src/a/b.ts', lines(501)), ['501 501 lines'])
  })
  it('have a median of at most 150 per tree', () => {
    const tree = (...counts: number[]) => counts.map((count, n) => readSource(`src/a/${n}.ts`, lines(count)))
    assert.equal(checkMedians(tree(10, 150, 400)).length, 0)
    assert.equal(checkMedians(tree(10, 151, 400)).length, 1)
    assert.equal(checkMedians([...tree(10, 20, 30), readSource('test/b.ts', lines(300))]).length, 1)
  })
  it('begin with a comment when they have more than 50 lines', () => {
    const bare = `import a from 'b'\n${'x\n'.repeat(50)}`
    assert.equal(faults(checkHead, 'src/a/b.ts', bare).length, 1)
    assert.equal(faults(checkHead, 'src/a/b.ts', 'x\n'.repeat(50)).length, 0)
    assert.equal(faults(checkHead, 'src/a/b.ts', lines(51)).length, 0)
    assert.equal(faults(checkHead, 'bin/a.mjs', `#!/usr/bin/env node\n${lines(60)}`).length, 0)
    assert.equal(faults(checkHead, 'src/a/b.test.ts', bare).length, 0)
  })
  it('have names that say something, in kebab-case', () => {
    for (const name of [
      'utils.ts',
      'string-helpers.ts',
      'task-manager.ts',
      'base-sink.ts',
      'Log.ts',
      'a_b.ts',
    ]) {
      assert.equal(faults(checkNames, `src/a/${name}`, '').length, 1, name)
    }
    for (const name of [
      'base64.ts',
      'managed-keys.ts',
      'a.test.ts',
      'vite.config.ts',
      'commons-logging.ts',
    ]) {
      assert.equal(faults(checkNames, `src/a/${name}`, '').length, 0, name)
    }
  })
  it('name no class or type for nothing in particular', () => {
    for (const name of [
      'class TaskManager',
      'interface ILogger',
      'class BaseSink',
      'type DiskImpl',
      'class Utils',
    ]) {
      assert.equal(faults(checkNames, 'src/a/b.ts', `export ${name} {}`).length, 1, name)
    }
    for (const name of ['class Manifest', 'interface Item', 'type IOResult', 'class Based']) {
      assert.equal(faults(checkNames, 'src/a/b.ts', `export ${name} {}`).length, 0, name)
    }
  })
  it('have no test that runs alone', () => {
    for (const call of ['it.only', 'describe.only', 'test.only']) {
      assert.equal(faults(checkOnly, 'src/a/b.test.ts', `${call}('a', () => {})`).length, 1)
    }
    assert.equal(faults(checkOnly, 'src/a/b.test.ts', "it('a', { only: true }, () => {})").length, 1)
    assert.equal(faults(checkOnly, 'src/a/b.test.ts', "it('the .only one', () => {})").length, 0)
  })
})

describe('registers', () => {
  const sources = [
    readSource('src/core/error-register.ts', '{\n  MR_A: 1,\n  MR_B: 2,\n}'),
    readSource('src/log/a.ts', "throw new MillraceError('MR_A')"),
    readSource('src/log/a.test.ts', "'MR_B'"),
  ]
  const check = (page: string): string[] =>
    checkErrorCodes(sources, ['MR_A', 'MR_B'], page).map(({ line, what }) => `${line} ${what}`)

  it('have no code that nothing raises, that is not documented, or that does not exist', () => {
    assert.deepEqual(check('MR_A MR_B'), ['3 MR_B is raised nowhere in src/'])
    assert.equal(check('MR_A').length, 2)
    assert.match(check('MR_A MR_B MR_C')[1]!, /MR_C does not exist/)
  })
  it('have every connector', () => {
    const connector = readSource('src/connectors/s3/index.ts', '')
    const register = (text: string) => [connector, readSource('src/connectors/register.ts', text)]
    assert.equal(checkConnectors(register("import('./kafka/index.ts')")).length, 1)
    assert.equal(checkConnectors(register("import('./s3/index.ts')")).length, 0)
    assert.equal(checkConnectors([connector]).length, 0)
  })
})
