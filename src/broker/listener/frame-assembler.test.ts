import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameAssembler } from './frame-assembler.ts'

function framed(bodies: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    bodies.flatMap((body) => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(body.length)
      return [length, Buffer.from(body)]
    }),
  )
}

/** Feeds a stream in pieces; the memory of each piece is overwritten afterwards, as sockets do. */
function feed(assembler: FrameAssembler, stream: Buffer, cuts: readonly number[]): Buffer[] {
  const frames: Buffer[] = []
  let start = 0
  for (const end of [...cuts, stream.length]) {
    const chunk = Buffer.from(stream.subarray(start, end))
    assembler.push(chunk)
    for (let frame = assembler.next(); frame !== undefined; frame = assembler.next())
      frames.push(Buffer.from(frame))
    assembler.keep()
    chunk.fill(0xee)
    start = end
  }
  return frames
}

const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 12 })

test('frames come out whole, however the stream is cut', () => {
  fc.assert(
    fc.property(bodies, fc.array(fc.nat(600), { maxLength: 20 }), (expected, places) => {
      const stream = framed(expected)
      const cuts = places.filter((place) => place <= stream.length).sort((a, b) => a - b)
      const frames = feed(new FrameAssembler(1000), stream, cuts)
      assert.deepEqual(
        frames.map((frame) => [...frame]),
        expected.map((body) => [...body]),
      )
    }),
    { numRuns: 500 },
  )
})

test('frames that were not taken before the chunk went are kept', () => {
  const assembler = new FrameAssembler(1000)
  const stream = framed([Buffer.from('one'), Buffer.from('two'), Buffer.from('three')])
  const chunk = Buffer.from(stream.subarray(0, stream.length - 2))
  assembler.push(chunk)
  assert.equal(assembler.next()?.toString(), 'one')
  assembler.keep()
  chunk.fill(0)
  assembler.push(Buffer.from(stream.subarray(stream.length - 2)))
  assert.equal(assembler.next()?.toString(), 'two')
  assert.equal(assembler.next()?.toString(), 'three')
  assert.equal(assembler.next(), undefined)
  assembler.keep()
  assert.equal(assembler.heldBytes, 0)
  assert.equal(assembler.isMidFrame, false)
})

test('memory follows the bytes that came, not the length that was announced', () => {
  const assembler = new FrameAssembler(100 << 20)
  const head = Buffer.alloc(4)
  head.writeInt32BE(100 << 20)
  assembler.push(head)
  assert.equal(assembler.next(), undefined)
  assembler.keep()
  assert.ok(assembler.isMidFrame)
  assert.ok(assembler.heldBytes <= 4096, `${assembler.heldBytes}`)
  for (let i = 0; i < 16; i++) {
    assembler.push(Buffer.alloc(1 << 16))
    assembler.next()
    assembler.keep()
  }
  assert.ok(assembler.heldBytes <= 4 << 20, `${assembler.heldBytes}`)
})

test('a length that is not legal is refused', () => {
  for (const length of [0, -1, 1001, 0x7fff_ffff]) {
    const head = Buffer.alloc(4)
    head.writeInt32BE(length)
    const assembler = new FrameAssembler(1000)
    assembler.push(head)
    assert.throws(() => assembler.next(), { code: 'MR_LIMIT' }, String(length))
  }
})
