/** `millrace test` on a project in a directory of its own, as a process of its own. */
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { endChildren } from './child.ts'
import { exitOf, type Outcome, run, start } from './millrace.ts'

const files: Readonly<Record<string, string>> = {
  'package.json': '{"name":"project"}',
  'src/revenue.test.ts': `
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { count, json, pipeline, tumbling } from 'millrace'
import { testDriver } from 'millrace/testing'

test('one result a window', () => {
  const app = pipeline('revenue')
  app.stream('orders', json<number>()).groupByKey().window(tumbling('1 minute')).aggregate({ n: count() }).to('out')
  const driver = testDriver(app)
  driver.topic('orders').append(1, { key: 'a' })
  driver.advance('1 minute 16 seconds')
  assert.equal(driver.topic('out').read().length, 1)
})
describe('a suite', () => {
  test.skip('is left out', () => {})
})
`,
  'src/wrong.test.ts': `
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
describe('sums', () => {
  it('differ', () => {
    assert.equal(1 + 1, 3)
  })
})
`,
  'left/left.test.ts': `
import { test } from 'node:test'
test('comes first', () => {})
test('leaves', () => process.exit(0))
test('is never run', () => { throw new Error('wrong') })
`,
  'left/none.test.ts': 'export {}\n',
  'broken/broken.test.ts': `throw new Error('no way in')\n`,
  'empty/readme.md': '',
  'node_modules/other/other.test.ts': `throw new Error('not mine')\n`,
}

/** Processes that start processes: on a busy machine that takes seconds. */
const WAIT_MS = 180_000

let directory: string
before(() => {
  directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-test-')))
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true })
    fs.writeFileSync(path.join(directory, name), text)
  }
})
after(() => fs.rmSync(directory, { recursive: true }))
afterEach(endChildren)

const inProject = (name: string): string => path.join(directory, name)
const millraceTest = (...argv: readonly string[]): Promise<Outcome> =>
  exitOf(start(['test', ...argv]), WAIT_MS)

describe('millrace test', () => {
  test('says of each test how it went, where it failed, and how much virtual time it has seen', async () => {
    const { status, out, err } = await millraceTest(inProject('src'))
    assert.equal(status, 8)
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(
      rows.map(({ file, name, state, virtual_ms }) => [path.basename(file), name, state, virtual_ms]),
      [
        ['revenue.test.ts', 'one result a window', 'passed', 76_000],
        ['revenue.test.ts', 'a suite › is left out', 'skipped', 0],
        ['wrong.test.ts', 'sums › differ', 'failed', 0],
      ],
    )
    assert.match(rows[2].error, /2 !== 3/)
    assert.equal(rows[2].where, `${inProject('src/wrong.test.ts')}:6:12`)
    assert.match(err, /"code": ?"MR_TEST_FAILED"|error 1 of 3 tests failed/)
  })

  test('takes tests by their names, and ends well when all pass', async () => {
    const { status, out, err } = await millraceTest(
      inProject('src/revenue.test.ts'),
      '--name',
      '^one',
      '--json',
    )
    assert.deepEqual([status, err], [0, ''])
    assert.deepEqual(
      JSON.parse(out).map((row: { readonly name: string }) => row.name),
      ['one result a window'],
    )
  })

  test('is a line per test for people, and a sum', async () => {
    const { status, out } = await millraceTest(inProject('src'), '--output', 'table')
    assert.equal(status, 8)
    assert.match(out, /^ ✓ \S+revenue\.test\.ts {2}one result a window +\S+ ms \(76 s of virtual time\)$/m)
    assert.match(out, /^ - \S+revenue\.test\.ts {2}a suite › is left out .* ms skipped$/m)
    assert.match(
      out,
      /^ ✗ \S+wrong\.test\.ts {2}sums › differ [\s\S]+2 !== 3[\s\S]+ at \S+wrong\.test\.ts:6:12$/m,
    )
    assert.match(out, /^ 1 passed · 1 failed · 1 skipped · \d+ ms$/m)
  })

  test('fails with a file that cannot be loaded, and leaves packages alone', async () => {
    const { status, out } = await millraceTest(inProject('broken'))
    assert.equal(status, 8)
    const row = JSON.parse(out)
    assert.deepEqual([row.name, row.state], ['(the file itself)', 'failed'])
    assert.match(row.error, /no way in/)
  })

  test('fails with a file that leaves before its tests have run, and with one that has none', async () => {
    const { status, out } = await millraceTest(inProject('left'))
    assert.equal(status, 8)
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const errors = rows.filter(({ state }) => state === 'failed').map(({ error }) => error)
    assert.deepEqual(errors, ['the process ended before its tests had', 'no test ran'])
  })

  test('takes files by parts of their paths', async () => {
    const child = start(['test', 'src/rev*nue', 'wrong'], {}, directory)
    const { out } = await exitOf(child, WAIT_MS)
    const names = out.match(/"file":"[^"]+"/g)
    assert.deepEqual([...new Set(names)], ['"file":"src/revenue.test.ts"', '"file":"src/wrong.test.ts"'])
    const nothing = await exitOf(start(['test', 'nothing-like-it'], {}, directory), WAIT_MS)
    assert.equal(nothing.status, 3)
    assert.match(nothing.err, /no test file like it/)
  })

  test('fails when there is nothing to run', async () => {
    const none = await run(['test', inProject('empty')])
    assert.equal(none.status, 3)
    assert.match(none.err, /there are no test files\n {2}at .*empty\n/)
    const missing = await run(['test', inProject('nowhere')])
    assert.equal(missing.status, 3)
    const pattern = await run(['test', inProject('src'), '--name', '('])
    assert.equal(pattern.status, 2)
    const unmatched = await millraceTest(inProject('src'), '--name', 'no such test')
    assert.equal(unmatched.status, 8)
    assert.match(unmatched.err, /no test ran/)
  })
})
