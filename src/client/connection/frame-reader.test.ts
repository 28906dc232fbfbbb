import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameReader } from './frame-reader.ts'

function framed(frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    frames.flatMap((frame) => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(frame.length)
      return [length, Buffer.from(frame)]
    }),
  )
}

test('however bytes arrive, the frames come out whole and in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
      (frames, pieces) => {
        const seen: Buffer[] = []
        const reader = new FrameReader(100, (frame) => seen.push(frame))
        const bytes = framed(frames)
        for (let at = 0, piece = 0; at < bytes.length; piece++) {
          const size = pieces[piece % pieces.length]!
          const chunk = Buffer.from(bytes.subarray(at, at + size))
          reader.push(chunk)
          // The socket may use its memory again.
          chunk.fill(0xee)
          at += size
        }
        assert.deepEqual(
          seen.map((frame) => [...frame]),
          frames.map((frame) => [...frame]),
        )
      },
    ),
  )
})

test('a length beyond the limit, or below zero, is refused before memory is taken', () => {
  for (const length of [101, 0x7fffffff, -1]) {
    const reader = new FrameReader(100, () => assert.fail('no frame'))
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(length)
    assert.throws(() => reader.push(bytes), { code: 'MR_LIMIT' })
  }
})
