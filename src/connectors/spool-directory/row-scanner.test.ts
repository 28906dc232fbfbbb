import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type FoundRows, type RowShape, scanRows } from './row-scanner.ts'

const csv: RowShape = { quote: 0x22, delimiter: 0x2c, rowBytesMax: 40, longRows: 'mark' }
const lines: RowShape = { rowBytesMax: 20, longRows: 'split' }

function texts(bytes: Buffer, found: FoundRows): [line: number, text: string][] {
  return found.starts.map((start, row) => [
    found.lines[row]!,
    bytes.subarray(start, found.ends[row]).toString('latin1'),
  ])
}

function scan(text: string, shape: RowShape): [number, string][] {
  const bytes = Buffer.from(text, 'latin1')
  return texts(bytes, scanRows(bytes, shape, { line: 1, atEnd: true }))
}

test('lines end at line feeds, with or without carriage return, and empty ones only count', () => {
  assert.deepEqual(scan('a\nb\r\n\n\r\nc', lines), [
    [1, 'a'],
    [2, 'b'],
    [5, 'c'],
  ])
  assert.deepEqual(scan('', lines), [])
  assert.deepEqual(scan('\n', lines), [])
  assert.deepEqual(scan('a\rb\n', lines), [[1, 'a\rb']])
})

test('a long line is cut into several rows of the same line, not within a character', () => {
  assert.deepEqual(scan(`${'x'.repeat(45)}\ny`, lines), [
    [1, 'x'.repeat(20)],
    [1, 'x'.repeat(20)],
    [1, 'x'.repeat(5)],
    [2, 'y'],
  ])
  const bytes = Buffer.from(`${'x'.repeat(19)}äöü\n`)
  const found = scanRows(bytes, lines, { line: 1, atEnd: true })
  assert.deepEqual(
    found.starts.map((start, row) => bytes.subarray(start, found.ends[row]).toString()),
    ['x'.repeat(19), 'äöü'],
  )
})

test('quoted fields may hold line ends, delimiters and doubled quotes', () => {
  assert.deepEqual(scan('a,"b\nc",d\n"x""\n""y",z\r\ne\n', csv), [
    [1, 'a,"b\nc",d'],
    [3, '"x""\n""y",z'],
    [5, 'e'],
  ])
})

test('a quote that is not closed spoils only its own line', () => {
  assert.deepEqual(scan('a,"b\nc,d\ne,f', csv), [
    [1, 'a,"b'],
    [2, 'c,d'],
    [3, 'e,f'],
  ])
  const far = 'y'.repeat(30)
  assert.deepEqual(scan(`a,"b\n${far}\n${far}\nc,"\nd\n`, csv), [
    [1, 'a,"b'],
    [2, far],
    [3, far],
    [4, 'c,"'],
    [5, 'd'],
  ])
})

test('behind a closing quote with something after it the row ends at the next line feed', () => {
  assert.deepEqual(scan('"a"b"\nc\n', csv), [
    [1, '"a"b"'],
    [2, 'c'],
  ])
  assert.deepEqual(scan('a"b\nc"d\n', csv), [
    [1, 'a"b'],
    [2, 'c"d'],
  ])
})

test('a row that is too long is said to be so', () => {
  const bytes = Buffer.from(`a\n${'x'.repeat(41)}`)
  const first = scanRows(bytes, csv, { line: 1, atEnd: false })
  assert.deepEqual(texts(bytes, first), [[1, 'a']])
  assert.equal(first.tooLong, true)
  assert.equal(first.consumed, 2)
  assert.equal(first.nextLine, 2)
})

const byte = fc.constantFrom('a', 'b', '"', ',', '\n', '\r\n', '\r', '""', 'xxxxxxxxxxxxxxxxxxxxxxxxx')

/** Scans a text that comes in pieces, as the reader does. */
function scanInPieces(pieces: readonly string[], shape: RowShape): [number, string][] {
  const rows: [number, string][] = []
  let rest = Buffer.alloc(0)
  let line = 1
  for (const [index, piece] of [...pieces, ''].entries()) {
    rest = Buffer.concat([rest, Buffer.from(piece, 'latin1')])
    for (;;) {
      const found = scanRows(rest, shape, { line, atEnd: index === pieces.length })
      rows.push(...texts(rest, found))
      rest = rest.subarray(found.consumed)
      line = found.nextLine
      if (!found.tooLong) break
      const lineFeed = rest.indexOf(0x0a)
      if (lineFeed < 0 && index < pieces.length) break
      rows.push([line++, 'too long'])
      rest = lineFeed < 0 ? Buffer.alloc(0) : rest.subarray(lineFeed + 1)
    }
  }
  return rows
}

test('the rows do not depend on how the bytes come in pieces', () => {
  for (const shape of [csv, lines]) {
    fc.assert(
      fc.property(
        fc.array(byte, { maxLength: 40 }),
        fc.array(fc.nat(10), { maxLength: 20 }),
        (parts, cuts) => {
          const text = parts.join('')
          const pieces: string[] = []
          let at = 0
          for (const cut of cuts) {
            pieces.push(text.slice(at, at + cut))
            at += cut
          }
          pieces.push(text.slice(at))
          assert.deepEqual(scanInPieces(pieces, shape), scanInPieces([text], shape))
        },
      ),
      { numRuns: 3000 },
    )
  }
})

test('every line feed is counted once and every byte belongs to a row or a line end', () => {
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 40 }), (parts) => {
      const bytes = Buffer.from(parts.join(''), 'latin1')
      const found = scanRows(bytes, { ...csv, rowBytesMax: 10_000 }, { line: 1, atEnd: true })
      assert.equal(found.consumed, bytes.length)
      for (const [row, start] of found.starts.entries()) {
        const before = bytes.subarray(0, start).toString('latin1')
        assert.equal(found.lines[row], before.split('\n').length)
        const next = bytes.subarray(0, found.nexts[row]).toString('latin1')
        const ended = next.endsWith('\n')
        assert.equal(found.nextLines[row], next.split('\n').length + (ended ? 0 : 1))
      }
    }),
    { numRuns: 3000 },
  )
})
