import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ResultCollector, type RunnerEvent, type TestResult } from './run-tests.ts'
import { virtualTimeOf, virtualTimeText } from './virtual-time-text.ts'

type Step = readonly [type: string, data: RunnerEvent['data']]

function resultsOf(...steps: readonly Step[]): readonly TestResult[] {
  const results: TestResult[] = []
  const collector = new ResultCollector((result) => results.push(result))
  for (const [type, data] of steps) collector.take(type, data)
  collector.end()
  return results
}

const file = '/p/a.test.ts'
const test = (name: string, nesting = 0): RunnerEvent['data'] => ({
  name,
  nesting,
  file,
  line: 3,
  column: 1,
  details: { type: 'test', duration_ms: 2 },
})
const failed = (name: string, nesting: number, type: string, failureType: string): RunnerEvent['data'] => ({
  ...test(name, nesting),
  details: { type, error: Object.assign(new Error('x', { cause: new Error('why') }), { failureType }) },
})

describe('results of tests', () => {
  it('are named with their suites, whatever comes between', () => {
    const results = resultsOf(
      ['test:start', test('outer')],
      ['test:start', test('inner', 1)],
      ['test:start', test('one', 2)],
      ['test:pass', test('one', 2)],
      ['test:pass', { ...test('inner', 1), details: { type: 'suite' } }],
      ['test:start', test('two', 1)],
      ['test:pass', test('two', 1)],
    )
    assert.deepEqual(
      results.map(({ names }) => names),
      [
        ['outer', 'inner', 'one'],
        ['outer', 'two'],
      ],
    )
  })

  it('have the virtual time that is told after them, and no other text', () => {
    const results = resultsOf(
      ['test:pass', test('one')],
      ['test:diagnostic', { message: 'something else' }],
      ['test:diagnostic', { message: virtualTimeText(1500) }],
      ['test:pass', test('two')],
    )
    assert.deepEqual(
      results.map(({ virtualMs }) => virtualMs),
      [1500, 0],
    )
    assert.equal(virtualTimeOf('1500'), undefined)
  })

  it('count a suite only when it failed by itself', () => {
    const results = resultsOf(
      ['test:start', test('suite')],
      ['test:start', test('one', 1)],
      ['test:fail', failed('one', 1, 'test', 'testCodeFailure')],
      ['test:fail', failed('suite', 0, 'suite', 'subtestsFailed')],
      ['test:start', test('other')],
      ['test:fail', failed('other', 0, 'suite', 'hookFailed')],
    )
    assert.deepEqual(
      results.map(({ names, state, message }) => [names, state, message]),
      [
        [['suite', 'one'], 'failed', 'why'],
        [['other'], 'failed', 'why'],
      ],
    )
    assert.equal(results[0]!.where, `${file}:3:1`)
  })

  it('are of the file itself when it cannot be loaded: what it wrote says why', () => {
    const [result] = resultsOf(
      ['test:stderr', { file, message: 'Error: \u001b[31mboom\u001b[0m\n' }],
      ['test:fail', failed('a.test.ts', 0, 'test', 'testCodeFailure')],
    )
    assert.deepEqual([result!.names, result!.message, result!.where], [[], 'Error: boom', file])
  })

  it('are without the lines of Node where a file cannot be loaded, and name its line', () => {
    const written =
      'node:internal/test_runner/harness:124\n      throw err;\n      ^\n\n' +
      `file://${file}:2\nconst = 1\n      ^\n\nSyntaxError [ERR_X]: Unexpected token\n` +
      "    at parse (node:internal/modules:1:2)\n    at load (node:internal/modules:3:4) {\n  code: 'ERR_X'\n}\n\nNode.js v24.0.0\n"
    const [result] = resultsOf(
      ['test:stderr', { file, message: written }],
      ['test:fail', failed('a.test.ts', 0, 'test', 'testCodeFailure')],
    )
    assert.equal(
      result!.message,
      `file://${file}:2\nconst = 1\n      ^\n\nSyntaxError [ERR_X]: Unexpected token`,
    )
    assert.equal(result!.where, `${file}:2`)
  })

  it('are a failure of a file that has none, unless tests are chosen by their names', () => {
    const passed = ['test:pass', test('a.test.ts')] as const
    assert.deepEqual(resultsOf(passed), [])
    const results: TestResult[] = []
    const collector = new ResultCollector((result) => results.push(result), { emptyFails: true })
    collector.take(...passed)
    collector.end()
    assert.deepEqual(
      results.map(({ names, state, message }) => [names, state, message]),
      [[[], 'failed', 'no test ran']],
    )
  })
})
