import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { test } from 'node:test'
import fc from 'fast-check'
import { type JsonForm, jsonFormOf } from './json-check.ts'

/** What it has to say, by JSON.parse. */
function parsedForm(bytes: Uint8Array): JsonForm {
  const text = Buffer.from(bytes).toString()
  try {
    JSON.parse(text)
  } catch {
    return 'not-json'
  }
  return /[\r\n]/.test(text) || !isUtf8(bytes) ? 'text' : 'line'
}

const same = (bytes: Uint8Array): void =>
  assert.equal(jsonFormOf(bytes), parsedForm(bytes), JSON.stringify(Buffer.from(bytes).toString('latin1')))

test('it agrees with JSON.parse on each rule of the grammar', () => {
  const texts = [
    ...[
      '',
      ' ',
      '{}',
      '[]',
      ' {} ',
      '{ }',
      '[ ]',
      '[1,2]',
      '[1,]',
      '[,1]',
      '[1 2]',
      '{"a":1,}',
      '{"a"}',
      '{a:1}',
    ],
    ...[
      '{"a":1,"a":2}',
      '{"a" : [ { "b" : null } , true ] }',
      '{"a":}',
      '{"a":1]',
      '[1}',
      '{"a":1}}',
      '[[]',
      ']',
    ],
    ...['true', 'tru', 'truex', 'True', 'null', 'nul', 'false', 'NaN', 'undefined', 'nulll', '[null,null]'],
    ...[
      '0',
      '-0',
      '00',
      '01',
      '-',
      '+1',
      '1.',
      '.1',
      '1.5',
      '-1.50e+10',
      '1e',
      '1e+',
      '1E5',
      '1e5.0',
      '1\u00a0',
    ],
    ...[
      '"a"',
      '"a',
      '"\\"',
      '"\\""',
      '"\\x"',
      '"\\u12"',
      '"\\u12g4"',
      '"\\uD800"',
      '"\\u00AF"',
      '"a\tb"',
      '"a\nb"',
    ],
    ...[
      '"\\b\\f\\n\\r\\t\\/\\\\"',
      '"\u007f"',
      '"ä€😀"',
      'ä',
      '\ufeff1',
      '"a" "b"',
      '\n1\r',
      '[1,\r\n2]',
      '\f1',
      '\0',
    ],
    ...['"\\', '"\\u', '"\\u1', '[', '{', '{"', '{"a', '{"a":', '[1', '1 ', '\t1', "'a'", '1//', '[1]x'],
  ]
  for (const text of texts) same(Buffer.from(text))
})

test('bytes that are no UTF-8 are taken for what a decoder makes of them, in strings only', () => {
  for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf0, 0x9f], [0x80]]) {
    assert.equal(jsonFormOf(Buffer.from([0x22, ...bytes, 0x22])), 'text')
    same(Buffer.from([0x22, ...bytes, 0x22]))
    assert.equal(jsonFormOf(Buffer.from([0x5b, ...bytes, 0x5d])), 'not-json')
  }
})

test('it has no limit of depth, and needs no stack', () => {
  for (const depth of [1, 127, 128, 129, 300, 100_000]) {
    const arrays = '['.repeat(depth) + ']'.repeat(depth)
    const objects = `${'{"a":'.repeat(depth)}0${'}'.repeat(depth)}`
    for (const text of [arrays, objects]) {
      assert.equal(jsonFormOf(Buffer.from(text)), 'line')
      assert.equal(jsonFormOf(Buffer.from(text.slice(0, -1))), 'not-json')
      assert.equal(jsonFormOf(Buffer.from(`${text}]`)), 'not-json')
      assert.equal(jsonFormOf(Buffer.from(`${text}\n`)), 'text')
    }
  }
})

test('it agrees with JSON.parse on any JSON, and on JSON with a byte changed, left out or doubled', () => {
  const json = fc
    .tuple(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom(undefined, 1, '\t', '\r\n'))
    .map(([value, indent]) => Buffer.from(JSON.stringify(value, null, indent)))
  fc.assert(
    fc.property(json, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat(2), (bytes, place, byte, change) => {
      assert.notEqual(jsonFormOf(bytes), 'not-json')
      same(bytes)
      const at = place % bytes.length
      const middle = [[byte], [], [bytes[at]!, bytes[at]!]][change]!
      same(Buffer.concat([bytes.subarray(0, at), Buffer.from(middle), bytes.subarray(at + 1)]))
      same(bytes.subarray(0, at))
    }),
    { numRuns: 3000 },
  )
})

test('it agrees with JSON.parse on anything made of the characters that JSON is made of', () => {
  const part = fc.constantFrom(
    ...'{}[],:"\\u0123456789.eE+-ntrfalse \n\r\tä',
    '"a"',
    'true',
    'false',
    'null',
    '":',
    '\\u00e4',
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => same(Buffer.from(parts.join('')))),
    { numRuns: 20_000 },
  )
})
