import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LinearPattern } from './linear-pattern.ts'

function matches(pattern: string, text: string): boolean {
  const parsed = LinearPattern.tryParse(pattern)
  assert.ok(parsed, `"${pattern}" is a pattern`)
  return parsed.matches(text)
}

/** Small patterns over a, b and c. */
const pattern: fc.Arbitrary<string> = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('a', 'b', 'c', '.', '[ab]', '[^b]', '[a-b]', '\\w', '\\D'),
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => a + b),
    fc.tuple(tie('any'), tie('any')).map(([a, b]) => `(${a}|${b})`),
    fc
      .tuple(tie('any'), fc.constantFrom('*', '+', '?', '{2}', '{1,2}', '{0,1}', '*?', '{1,}'))
      .map(([a, times]) => `(?:${a})${times}`),
    tie('any').map((a) => `^${a}$`),
    fc.tuple(tie('any'), tie('any'), tie('any')).map(([a, b, c]) => `(?:${a}|${b}|${c})`),
  ),
})).any

const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 })

test('a pattern matches just what the engine of JavaScript matches', () => {
  fc.assert(
    fc.property(pattern, text, (source, subject) => {
      assert.equal(matches(source, subject), new RegExp(`^(?:${source})$`).test(subject))
    }),
    { numRuns: 2000 },
  )
})

test('classes, escapes and flags', () => {
  assert.ok(matches('[a-zA-Z._-]+', 'Ab._-'))
  assert.ok(matches('[]a]+', ']a'))
  assert.ok(matches('[^\\d]x', 'ax'))
  assert.ok(matches('a\\.b', 'a.b'))
  assert.ok(!matches('a\\.b', 'axb'))
  assert.ok(matches('(?i)ORDERS.*', 'orders-1'))
  assert.ok(matches('(?<name>a)b', 'ab'))
  assert.ok(matches('', ''))
  assert.ok(matches('a{,2}', 'a{,2}'), 'not a repetition')
  assert.ok(matches('.', '😀'))
})

test('what is not a pattern, or cannot be matched in linear time, is refused', () => {
  const wrong = ['(', ')', 'a)', '[', '[b-a]', '*', 'a**', '\\', '(?=a)', '(a)\\1', '\\bx', '\\p{L}', '(?i']
  for (const source of wrong) assert.equal(LinearPattern.tryParse(source), undefined, source)
})

test('hostile patterns are answered at once', () => {
  const start = process.cpuUsage().user
  assert.ok(!matches('(a*)*b', 'a'.repeat(2000)))
  assert.ok(!matches('(a|a|a)*c', 'a'.repeat(2000)))
  assert.equal(LinearPattern.tryParse('a'.repeat(1001)), undefined)
  assert.equal(LinearPattern.tryParse('((((a{1000}){1000}){1000}){1000})'), undefined)
  assert.equal(LinearPattern.tryParse('('.repeat(500)), undefined)
  assert.ok(process.cpuUsage().user - start < 2_000_000)
})
