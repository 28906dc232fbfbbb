import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type HttpResponse, ResponseReader } from './http-response.ts'

const LIMIT = 1000

/** What comes out when the bytes come in pieces of these sizes, over and over. */
function read(bytes: Buffer, sizes: readonly number[], ends = false): HttpResponse | undefined {
  const reader = new ResponseReader(LIMIT)
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!
    const response = reader.take(bytes.subarray(at, at + size))
    if (response !== undefined) return response
    at += size
  }
  return ends ? reader.end() : undefined
}

const withLength = 'HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nX-A: b: c\r\n\r\nhello'
const chunked =
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n'
const untilEnd = 'HTTP/1.0 200\r\n\r\nhello'

describe('a response', () => {
  it('is the same however its bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(withLength, chunked, untilEnd),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
        (text, sizes) => {
          const response = read(Buffer.from(text), sizes, text === untilEnd)
          assert.equal(response?.body.toString(), 'hello')
          assert.equal(response.status, text === withLength ? 404 : 200)
          if (text === withLength) assert.equal(response.headers.get('x-a'), 'b: c')
        },
      ),
    )
  })

  it('is not whole before its last byte', () => {
    for (const text of [withLength, chunked.slice(0, chunked.indexOf('0\r\n\r\n') + 3)]) {
      for (let length = 0; length < text.length - 1; length++) {
        const bytes = Buffer.from(text.slice(0, length))
        assert.equal(read(bytes, [7]), undefined)
        assert.throws(() => read(bytes, [7], true), { code: 'MR_BYTES_TRUNCATED' })
      }
    }
  })

  const refused: Readonly<Record<string, readonly [code: string, text: string]>> = {
    'another protocol': ['MR_BYTES_INVALID', 'SSH-2.0-OpenSSH\r\n\r\n'],
    'a length that is none': ['MR_BYTES_INVALID', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n'],
    'a chunk without a length': [
      'MR_BYTES_INVALID',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n',
    ],
    'a chunk longer than said': [
      'MR_BYTES_INVALID',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabcdef\r\n',
    ],
    'a coding that nobody asked for': [
      'MR_BYTES_INVALID',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n',
    ],
    'a header without a name': ['MR_BYTES_INVALID', 'HTTP/1.1 200 OK\r\n: x\r\n\r\n'],
    'a body that is too long': ['MR_LIMIT', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(LIMIT + 1)}`],
    'a chunk that is too long': [
      'MR_LIMIT',
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n${'x'.repeat(LIMIT + 1)}`,
    ],
    'a head without an end': ['MR_LIMIT', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`],
  }
  for (const [what, [code, text]] of Object.entries(refused)) {
    it(`is refused: ${what}`, () => {
      assert.throws(() => read(Buffer.from(text), [50_000]), { code })
    })
  }
})
