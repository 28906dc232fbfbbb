/** Flume's tables: which channels an event goes to. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import {
  byTopic,
  compileSelector,
  defaultSelector,
  multiplexing,
  replicating,
  type Selector,
} from './selector.ts'

const topics = ['c1', 'c2', 'c3', 'c4'] as const

function routesOf(selector: Selector, event: { headers?: Record<string, string>; topic?: string }): string {
  const routes = compileSelector('a', selector, topics)({ headers: {}, body: '', ...event })
  const names = (numbers: readonly number[]): string => numbers.map((number) => topics[number]).join(' ')
  return `${names(routes.required)} | ${names(routes.optional)}`
}

test('replicating: all channels, those listed as optional', () => {
  assert.equal(routesOf(replicating(), {}), 'c1 c2 c3 c4 | ')
  assert.equal(routesOf(replicating({ optional: ['c3'] }), {}), 'c1 c2 c4 | c3')
  assert.equal(routesOf(replicating({ optional: ['c3', 'c3', 'c1'] }), { topic: 'c2' }), 'c2 c4 | c3 c1')
})

test('multiplexing: required by value, the default without a mapping, optional beside either', () => {
  const selector = multiplexing({
    header: 'state',
    mapping: { CZ: 'c1', US: ['c2', 'c3'], none: [] },
    optional: { US: ['c3', 'c4'], NZ: ['c1', 'c4'], CZ: 'c1' },
    default: 'c4',
  })
  const table: [string | undefined, string][] = [
    ['CZ', 'c1 | '],
    ['US', 'c2 c3 | c4'],
    ['none', 'c4 | '],
    ['NZ', 'c4 | c1'],
    ['unknown', 'c4 | '],
    ['', 'c4 | '],
    ['  ', 'c4 | '],
    [undefined, 'c4 | '],
  ]
  for (const [value, expected] of table) {
    assert.equal(
      routesOf(selector, value === undefined ? {} : { headers: { state: value } }),
      expected,
      `${value}`,
    )
  }
})

test('multiplexing without a default drops what is not mapped', () => {
  const selector = multiplexing({ header: 'state', mapping: { CZ: 'c1' }, optional: { NZ: 'c2' } })
  assert.equal(routesOf(selector, { headers: { state: 'XX' } }), ' | ')
  assert.equal(routesOf(selector, { headers: { state: 'NZ' } }), ' | c2')
})

test('names from Object.prototype are values like any other', () => {
  const selector = multiplexing({ header: 'constructor', mapping: { __proto__x: 'c1' }, default: 'c2' })
  assert.equal(routesOf(selector, {}), 'c2 | ')
  assert.equal(routesOf(selector, { headers: { constructor: 'toString' } as never }), 'c2 | ')
})

test('by topic: the channel of that name, and nothing else', () => {
  assert.equal(routesOf(byTopic(), { topic: 'c2' }), 'c2 | ')
  for (const event of [{ topic: 'c5' }, {}]) {
    assert.throws(
      () => routesOf(byTopic(), event),
      (error) => isMillraceError(error, 'MR_TOPIC_UNKNOWN'),
    )
  }
})

test('without a selector an event goes to the topic it names, or else everywhere', () => {
  assert.equal(routesOf(defaultSelector, { topic: 'c2' }), 'c2 | ')
  assert.equal(routesOf(defaultSelector, {}), 'c1 c2 c3 c4 | ')
})

test('a selector that names no channel is refused, with the one that was meant', () => {
  const wrong = [
    replicating({ optional: ['c11'] }),
    multiplexing({ header: 'h', mapping: { a: 'c11' } }),
    multiplexing({ header: 'h', mapping: {}, default: 'c11' }),
    multiplexing({ header: 'h', mapping: {}, optional: { a: 'c11' } }),
  ]
  for (const selector of wrong) {
    assert.throws(
      () => compileSelector('a', selector, topics),
      (error) => isMillraceError(error, 'MR_OPTION_INVALID') && error.hint === 'Did you mean "c1"?',
    )
  }
})
