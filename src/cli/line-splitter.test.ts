import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { LineSplitter } from './line-splitter.ts'

function split(chunks: readonly Buffer[]): string[] {
  const splitter = new LineSplitter()
  const lines = chunks.flatMap((chunk) => splitter.push(chunk))
  const last = splitter.end()
  return [...lines, ...(last === undefined ? [] : [last])].map((line) => line.toString('latin1'))
}

test('lines are the same wherever the bytes are cut, and keep bytes that are no text', () => {
  const line = fc
    .uint8Array({ maxLength: 12 })
    .map((bytes) => Buffer.from(bytes.filter((b) => b !== 10 && b !== 13)))
  fc.assert(
    fc.property(fc.array(line), fc.constantFrom('\n', '\r\n'), fc.array(fc.nat(9)), (lines, ending, cuts) => {
      const bytes = Buffer.concat(lines.flatMap((one) => [one, Buffer.from(ending)]))
      const chunks: Buffer[] = []
      let at = 0
      for (const cut of cuts) {
        chunks.push(bytes.subarray(at, at + cut))
        at += cut
      }
      chunks.push(bytes.subarray(at))
      assert.deepEqual(
        split(chunks),
        lines.map((one) => one.toString('latin1')),
      )
    }),
  )
})

test('a last line without an end counts, an empty rest does not', () => {
  assert.deepEqual(split([Buffer.from('a\n\nb')]), ['a', '', 'b'])
  assert.deepEqual(split([Buffer.from('a\n')]), ['a'])
  assert.deepEqual(split([]), [])
})

test('a line that does not end is refused before it fills the memory', () => {
  const splitter = new LineSplitter()
  const chunk = Buffer.alloc(16 * 1024 * 1024, 'x')
  assert.throws(
    () => {
      for (let n = 0; n < 5; n++) splitter.push(chunk)
    },
    { code: 'MR_LIMIT' },
  )
})
