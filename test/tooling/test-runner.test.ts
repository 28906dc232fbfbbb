/** What `npm test` makes of test files that fail in every way a file can. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileText, skipsText } from '../../scripts/test/report.ts'
import type { FileResult } from '../../scripts/test/run-file.ts'
import { ended } from './small-repository.ts'

const head = "import assert from 'node:assert/strict'\nimport { before, describe, it } from 'node:test'\n"

/** What the files hold, by what happens in them. */
const files: Readonly<Record<string, string>> = {
  passes: `${head}describe('a', () => { it('one', () => {}); it('two', () => {}) })`,
  fails: `${head}describe('a', () => {\n  it('equal', () => assert.equal(1, 2))\n  it('fine', () => {})\n})\nconsole.log('seen')`,
  skips: `${head}it('one', { skip: 'not installed: apt-get install kcat' }, () => {})\nit('two', () => {})`,
  'holds-none': 'console.log(1)',
  'does-not-load': 'const a = ;',
  'hook-fails': `${head}describe('a', () => { before(() => { throw new Error('no hook') }); it('one', () => {}) })`,
  exits: `${head}it('one', () => process.exit(3))`,
  hangs: `${head}it('one', () => { setInterval(() => {}, 1000) })`,
  'leaves-a-process': `${head}import { spawn } from 'node:child_process'
    it('one', () => {
      spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000) // left over'], { detached: true, stdio: 'ignore' }).unref()
    })`,
}

let folder = ''
let results: Readonly<Record<string, FileResult>> = {}

/** In a process of its own: node:test refuses to run tests from within a test. */
async function runFiles(
  names: readonly string[],
  strict: boolean,
): Promise<Readonly<Record<string, FileResult>>> {
  const runner = new URL('../../scripts/test/run-all.ts', import.meta.url).href
  const paths = names.map((name) => path.join(folder, `${name}.test.ts`))
  const options = { timeoutMs: 4000, strict, concurrency: 2, timesFile: path.join(folder, 'times.json') }
  const program = `
    import { runAll } from '${runner}'
    const options = ${JSON.stringify(options)}
    const results = await runAll(${JSON.stringify(paths)}, { ...options, onResult() {} })
    console.log(JSON.stringify(results))`
  const file = path.join(folder, 'run.mjs')
  fs.writeFileSync(file, program)
  const { NODE_TEST_CONTEXT, ...env } = process.env
  const child = spawn(process.execPath, [file], { env })
  const { code, output } = await ended(child)
  assert.equal(code, 0, output)
  const list = JSON.parse(output) as readonly FileResult[]
  return Object.fromEntries(list.map((result) => [path.basename(result.file, '.test.ts'), result]))
}

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-runner-'))
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }')
  for (const [name, text] of Object.entries(files))
    fs.writeFileSync(path.join(folder, `${name}.test.ts`), text)
  results = await runFiles(Object.keys(files), false)
})
after(() => fs.rmSync(folder, { recursive: true, force: true }))

describe('the test runner', () => {
  const failuresOf = (name: string): string =>
    results[name]!.failures.map(({ name: test, line, text }) => `${test}@${line ?? ''} ${text}`).join('\n')

  it('counts what passes, and not the suites', () => {
    assert.equal(results['passes']!.passed, 2)
    assert.deepEqual(results['passes']!.failures, [])
  })
  it('keeps a failure with its names, line, difference and what the file printed', () => {
    const result = results['fails']!
    assert.equal(result.passed, 1)
    assert.equal(result.failures.length, 1)
    assert.match(failuresOf('fails'), /^a › equal@4 AssertionError/)
    const text = fileText('fails.test.ts', result)
    assert.match(text, /✗ fails\.test\.ts .* 2 tests, 1 failed\n {2}✗ a › equal\n {4}fails\.test\.ts:4\n/)
    assert.match(text, /1 !== 2/)
    assert.match(text, /printed:\n {4}seen/)
    assert.doesNotMatch(text, /node:internal/)
  })
  it('counts skips, and takes what is not installed for a failure under CI', async () => {
    assert.deepEqual(results['skips']!.skips, ['not installed: apt-get install kcat'])
    assert.equal(results['skips']!.passed, 1)
    assert.match(skipsText([results['skips']!]), /1 × not installed: apt-get install kcat/)
    assert.equal(skipsText([results['passes']!]), '')
    const strict = await runFiles(['skips'], true)
    assert.match(strict['skips']!.failures[0]!.text, /skipped: not installed: apt-get install kcat/)
  })
  it('takes a file without a test, one that does not load, and one that exits, for failures', () => {
    assert.match(failuresOf('holds-none'), /holds no test/)
    assert.match(failuresOf('does-not-load'), /ended with status 1\n.*const a = ;/s)
    assert.match(failuresOf('exits'), /ended with status 3/)
  })
  it('names a hook that fails', () => {
    assert.match(failuresOf('hook-fails'), /no hook/)
  })
  it('ends a file that does not end, and names it', () => {
    assert.match(failuresOf('hangs'), /did not end within 4 s/)
    assert.equal(results['hangs']!.passed, 1)
  })
  it('ends a process that a file left running, and names it', {
    skip: !fs.existsSync('/proc/self/environ'),
  }, () => {
    assert.match(failuresOf('leaves-a-process'), /left running:\n\d+ .*left over/)
    const pid = Number(/\n(\d+) /.exec(failuresOf('leaves-a-process'))?.[1])
    assert.throws(() => process.kill(pid, 0), /ESRCH/)
  })
  it('starts with the files that took longest the last time', () => {
    const times = JSON.parse(fs.readFileSync(path.join(folder, 'times.json'), 'utf8')) as Record<
      string,
      number
    >
    assert.equal(Object.keys(times).length, Object.keys(files).length)
  })
})
