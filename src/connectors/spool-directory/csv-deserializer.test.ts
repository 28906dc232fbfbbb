import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFailedEvent } from '../../connector/index.ts'
import { csv } from './index.ts'
import { outline, SpoolWorld } from './testdata.ts'

async function rowsOf(content: string | Uint8Array, options = csv(), more = {}): Promise<unknown[]> {
  const world = new SpoolWorld()
  world.write('f.csv', content)
  return outline(await world.events({ deserializer: options, ...more }))
}

test('the header names the columns and null texts become null, quoted or not', async () => {
  assert.deepEqual(await rowsOf('a,b\nNA,"NA"\nNAN,\n', csv({ nulls: ['NA'] })), [
    [2, { a: null, b: null }],
    [3, { a: 'NAN', b: '' }],
  ])
})

test('lines are exact after bad rows, CRLF, quoted line ends, empty lines and a missing last line end', async () => {
  const content = '\uFEFFa,b\r\n1,"x\r\ny"\r\n\r\nbad\r\n"z\n\n",2\r\n3,4'
  assert.deepEqual(await rowsOf(content), [
    [2, { a: '1', b: 'x\r\ny' }],
    [5, 'the row has 1 columns, expected 2'],
    [6, { a: 'z\n\n', b: '2' }],
    [9, { a: '3', b: '4' }],
  ])
})

test('a row with too few or too many columns is a failed event that names the first one missing', async () => {
  const world = new SpoolWorld()
  world.write('f.csv', 'a,b,c\n1,2\n1,2,3,4\n')
  const [few, many] = await world.events({ deserializer: csv() })
  assert.ok(few !== undefined && isFailedEvent(few) && many !== undefined && isFailedEvent(many))
  assert.deepEqual(few.failed.context, { column: 'c', value: null })
  assert.equal(few.failed.where, 'f.csv:2')
  assert.equal(Buffer.from(few.origin.bytes).toString(), '1,2')
  assert.deepEqual(many.failed.context, { column: null, value: null })
  assert.equal(Buffer.from(many.origin.bytes).toString(), '1,2,3,4')
})

test('each kind of broken quotes fails its own row, with the reason', async () => {
  const content = 'a,b\nx"y,1\n"x"y,2\n3,4\n5,"6\n7,8'
  assert.deepEqual(await rowsOf(content), [
    [2, 'a quote stands within a field that does not start with one'],
    [3, 'a closing quote is followed by neither delimiter nor line end'],
    [4, { a: '3', b: '4' }],
    [5, 'a quote is not closed'],
    [6, { a: '7', b: '8' }],
  ])
})

test('a row that is too long is a failed event with its first bytes', async () => {
  const long = 'x'.repeat(200_000)
  const world = new SpoolWorld()
  world.write('f.csv', `a\n1\n${long}\n2\n"${long}\n3\n${long}`)
  const events = await world.events({ deserializer: csv({ maxRowLength: 1024 }) })
  const tooLong = 'the row is longer than 1024 bytes'
  assert.deepEqual(outline(events), [
    [2, { a: '1' }],
    [3, tooLong],
    [4, { a: '2' }],
    [5, tooLong],
    [6, { a: '3' }],
    [7, tooLong],
  ])
  assert.deepEqual(
    events.filter(isFailedEvent).map((event) => event.origin.bytes.length),
    [1024, 1024, 1024],
  )
})

test('a header that cannot be used makes every row a failed event', async () => {
  assert.deepEqual(await rowsOf('a,a\n1,2\n'), [[2, 'the header cannot be used: it names column "a" twice']])
  assert.deepEqual(await rowsOf('a,\n1,2\n'), [[2, 'the header cannot be used: a column has no name']])
  assert.deepEqual(await rowsOf('a"b\n1\n'), [
    [2, 'the header cannot be used: a quote stands within a field that does not start with one'],
  ])
  assert.deepEqual(await rowsOf(`${'h'.repeat(2000)}\n1\n`, csv({ maxRowLength: 1024 })), [
    [2, 'the header cannot be used: it is too long'],
  ])
})

test('a column may have the name of the prototype, and no prototype changes', async () => {
  const [event] = (await rowsOf('__proto__,constructor\nx,y\n')) as [[number, Record<string, string>]]
  assert.deepEqual(Object.entries(event[1]), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
  assert.equal(({} as { x?: unknown }).x, undefined)
})

test('without a header the columns are named by the options', async () => {
  assert.deepEqual(await rowsOf('1;2\n', csv({ header: false, columns: ['a', 'b'], delimiter: ';' })), [
    [1, { a: '1', b: '2' }],
  ])
})

test('empty files and files with a header only give nothing', async () => {
  assert.deepEqual(await rowsOf(''), [])
  assert.deepEqual(await rowsOf('a,b'), [])
  assert.deepEqual(await rowsOf('a,b\r\n\r\n'), [])
})

test('bytes that are not text follow the policy, and only in their row', async () => {
  const content = Buffer.from('a\ng\nb\xffd\n\xfe\nh\n', 'latin1')
  const failed = 'the bytes are not text in utf-8'
  assert.deepEqual(await rowsOf(content), [
    [2, { a: 'g' }],
    [3, failed],
    [4, failed],
    [5, { a: 'h' }],
  ])
  assert.deepEqual(await rowsOf(content, csv(), { decodeErrorPolicy: 'REPLACE' }), [
    [2, { a: 'g' }],
    [3, { a: 'b\uFFFDd' }],
    [4, { a: '\uFFFD' }],
    [5, { a: 'h' }],
  ])
  assert.deepEqual(await rowsOf(content, csv(), { decodeErrorPolicy: 'IGNORE' }), [
    [2, { a: 'g' }],
    [3, { a: 'bd' }],
    [4, 'the bytes of a row gave 0 rows'],
    [5, { a: 'h' }],
  ])
})

test('other charsets are read', async () => {
  const latin = Buffer.from('a\nM\xfcnchen\n', 'latin1')
  assert.deepEqual(await rowsOf(latin, csv(), { inputCharset: 'ISO-8859-1' }), [[2, { a: 'München' }]])
  const japanese = Buffer.from([0x61, 0x0a, 0x93, 0xfa, 0x96, 0x7b, 0x0a])
  assert.deepEqual(await rowsOf(japanese, csv(), { inputCharset: 'Shift_JIS' }), [[2, { a: '日本' }]])
})

/** A reader of its own, character by character, for well-formed CSV. */
function naiveRows(content: string): { line: number; fields: string[] }[] {
  const rows: { line: number; fields: string[] }[] = []
  let fields: string[] = []
  let field = ''
  let quoted = false
  let line = 1
  let start = 1
  let touched = false
  const endRow = (): void => {
    if (touched) rows.push({ line: start, fields: [...fields, field] })
    fields = []
    field = ''
    touched = false
  }
  for (let at = 0; at < content.length; at++) {
    const character = content[at]!
    if (quoted) {
      if (character === '\n') line++
      if (character !== '"') field += character
      else if (content[at + 1] === '"') field += content[++at]!
      else quoted = false
      continue
    }
    if (character === '\r' && content[at + 1] === '\n') continue
    if (character === '\n') {
      endRow()
      start = ++line
      continue
    }
    touched = true
    if (character === '"') quoted = true
    else if (character === ',') {
      fields.push(field)
      field = ''
    } else field += character
  }
  endRow()
  return rows
}

const plainField = fc.stringMatching(/^[a-zä€ 😀]{0,6}$/u)
const quotedField = fc
  .array(fc.constantFrom('a', 'ß', '""', ',', '\n', '\r\n', ' ', '\r'), { maxLength: 6 })
  .map((parts) => `"${parts.join('')}"`)
const rowText = fc.array(fc.oneof(plainField, quotedField), { minLength: 2, maxLength: 4 })
const fileText = fc
  .array(fc.tuple(rowText, fc.constantFrom('\n', '\r\n', '\n\n', '\r\n\r\n')), { maxLength: 30 })
  .map((rows) => rows.map(([fields, end]) => fields.join(',') + end).join(''))

test('random CSV gives the same rows, with the same lines, as a naive reader', async () => {
  await fc.assert(
    fc.asyncProperty(fileText, fc.boolean(), fc.integer({ min: 1, max: 7 }), async (text, cut, batchSize) => {
      const content = cut ? text.replace(/\r?\n$/, '') : text
      const world = new SpoolWorld()
      world.write('f.csv', content)
      const events = await world.events({
        deserializer: csv({ header: false, columns: ['a', 'b', 'c'] }),
        batchSize,
      })
      const expected = naiveRows(content).map(({ line, fields }) => {
        if (fields.length !== 3) return [line, `the row has ${fields.length} columns, expected 3`]
        return [line, { a: fields[0], b: fields[1], c: fields[2] }]
      })
      assert.deepEqual(outline(events), expected)
    }),
    { numRuns: 500 },
  )
})

test('any bytes at all give events and never stop the file, and each line is the start of at most one row', async () => {
  const anyText = fc.array(fc.constantFrom('a', '"', ',', '\n', '\r', '""', 'é', '\0', '\u2028'), {
    maxLength: 60,
  })
  await fc.assert(
    fc.asyncProperty(anyText, async (parts) => {
      const world = new SpoolWorld()
      const content = `h\n${parts.join('')}`
      world.write('f.csv', content)
      const events = await world.events({ deserializer: csv() })
      const lines = events.map((event) => event.origin!.line)
      assert.deepEqual(
        lines,
        [...new Set(lines)].sort((a, b) => a - b),
      )
      assert.ok(events.length <= content.split('\n').length)
    }),
    { numRuns: 500 },
  )
})
