/** Bytes of records as text and JSON. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ByteWriter } from '../core/byte-writer.ts'
import { recordFormat } from './record-format.ts'
import { headersJson, jsonLine, type ShownRecord, timeText, utf8Text } from './record-text.ts'

describe('JSON on one line', () => {
  test('means the same, whatever it was laid out like', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('', ' ', '\t', '   ', '\n'), (value, indent) => {
        const line = jsonLine(` ${JSON.stringify(value, null, indent)}\r\n`)!
        assert.doesNotMatch(line, /[\n\r\t]/)
        assert.deepEqual(JSON.parse(line), JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  test('keeps digits, escapes and repeated names as they were written', () => {
    for (const json of [
      '12345678901234567890',
      '1.50',
      '-0',
      '1e400',
      '{"a":1,"a":2}',
      '"\\u0041\\n"',
      '{"__proto__":1}',
    ])
      assert.equal(jsonLine(json), json)
  })

  test('is undefined for what is no JSON', () => {
    for (const text of ['', ' ', 'plain', '{', 'NaN', '1 2', '[1,]', "{'a':1}", '\ufeff{}', 'nul', '01'])
      assert.equal(jsonLine(text), undefined, text)
  })
})

test('text is what is UTF-8 to the last byte', () => {
  assert.equal(utf8Text(Buffer.from('Köln')), 'Köln')
  assert.equal(utf8Text(Buffer.from([0xc3])), undefined)
  assert.equal(utf8Text(Buffer.from([0xed, 0xa0, 0x80])), undefined)
  assert.equal(utf8Text(Buffer.from('\ufeffx')), '\ufeffx')
})

test('times are ISO 8601 as far as the calendar goes', () => {
  assert.equal(timeText(0), '1970-01-01T00:00:00.000Z')
  assert.equal(timeText(-1), undefined)
  assert.equal(timeText(8.64e15), '+275760-09-13T00:00:00.000Z')
  assert.equal(timeText(8.64e15 + 1), '@8640000000000001')
})

test('headers keep names that are special to JavaScript', () => {
  const header = (key: string) => ({ key, value: Buffer.from('v') })
  assert.equal(
    headersJson([header('__proto__'), header('constructor')]).json,
    '{"__proto__":"v","constructor":"v"}',
  )
})

describe('a record format', () => {
  const record: ShownRecord = {
    topic: 't',
    partition: 1,
    offset: 2,
    timestampMs: -1,
    timestampType: 'create',
    broker: 1,
    number: 3,
    key: null,
    value: Buffer.from([0xff, 10]),
    headers: [],
  }
  const printed = (format: string, changes: Partial<ShownRecord> = {}): Buffer => {
    const into = new ByteWriter()
    recordFormat(format, { harmless: false })({ ...record, ...changes }, into)
    return into.copy()
  }

  for (const [format, text] of [
    ['', ''],
    ['plain {text}', 'plain {text}'],
    ['%t-%p-%o-%i', 't-1-2-3'],
    ['%%t', '%t'],
    ['%%{x}', '%{x}'],
    ['[%k][%k{json}][%h][%h{json}][%d][%d{json}][%d{ms}]', '[][null][][{}][][null][-1]'],
    ['%t{json}%p{json}', '"t"1'],
    ['%v{hex} %v{base64} %v{json}', 'ff0a /wo= "/wo="'],
    ['\\x41\\t\\n\\r\\0\\\\', 'A\t\n\r\0\\'],
  ] as const) {
    test(`"${format}"`, () => assert.equal(printed(format).toString(), text))
  }

  test('gives bytes as they are', () => {
    assert.deepEqual(printed('%v'), Buffer.from([0xff, 10]))
    const headers = [
      { key: 'a', value: Buffer.from([0xfe]) },
      { key: 'b', value: null },
    ]
    assert.deepEqual(printed('%h', { headers }), Buffer.from('a=\xfe,b=', 'latin1'))
  })

  for (const format of [
    '%',
    '%x',
    '%v{yaml}',
    '%t{hex}',
    '%o{base64}',
    '%v{ms}',
    '\\',
    '\\y',
    '\\x4',
    'a%',
  ]) {
    test(`"${format}" is refused with its place`, () => {
      assert.throws(() => recordFormat(format, { harmless: false }), {
        code: 'MR_USAGE',
        message: /at character \d/,
      })
    })
  }
})
