import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { isMillraceError } from '../../core/errors.ts'
import { type CompressionCodec, codecNumber, codecOfNumber, codecs } from './codec.ts'
import { compress, decompress, decompressionLimit } from './compression.ts'
import { compressLz4Block, decompressLz4Block, lz4BlockSizeMax } from './lz4-block.ts'
import { xxhash32 } from './xxhash32.ts'

const BYTES_MAX = 16 * 1024 * 1024
const real = codecs.filter((codec): codec is Exclude<CompressionCodec, 'none'> => codec !== 'none')

const text = Buffer.from(
  Array.from(
    { length: 3000 },
    (_, i) => `{"auction":${(i * 7919) % 997},"price":${i * 31},"url":"https://x/${i}"}`,
  ).join(),
)

/** Texts, noise and runs of many lengths, so that blocks end in every way. */
const contents = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc
    .tuple(fc.integer({ min: 0, max: 200_000 }), fc.nat(255))
    .map(([length, byte]) => Buffer.alloc(length, byte)),
  fc
    .tuple(fc.nat(text.length), fc.nat(text.length))
    .map(([a, b]) => text.subarray(Math.min(a, b), Math.max(a, b))),
  fc
    .array(fc.constantFrom('abcd', 'abce', 'x', 'yz0123456789'), { maxLength: 5000 })
    .map((parts) => Buffer.from(parts.join(''))),
)

const invalid = (error: unknown): boolean => isMillraceError(error, 'MR_COMPRESSION_INVALID')

describe('compression', () => {
  it('gives back what was compressed, with every codec', () => {
    fc.assert(
      fc.property(fc.constantFrom(...codecs), contents, (codec, bytes) => {
        const content = Buffer.from(bytes)
        assert.ok(decompress(codec, compress(codec, content), BYTES_MAX).equals(content))
      }),
      { numRuns: 300 },
    )
  })

  it('honours levels', () => {
    assert.ok(compress('gzip', text, 9).length < compress('gzip', text, 1).length)
    assert.ok(compress('zstd', text, 15).length < compress('zstd', text, 1).length)
  })

  it('numbers codecs as Kafka does', () => {
    assert.deepEqual(codecs.map(codecNumber), [0, 1, 2, 3, 4])
    assert.equal(codecOfNumber(3), 'lz4')
    assert.throws(
      () => codecOfNumber(5),
      (error) => isMillraceError(error, 'MR_COMPRESSION_UNSUPPORTED'),
    )
  })

  it('reads lz4 frames with linked blocks, sizes and checksums', () => {
    // Two blocks; the second one is a match that reaches into the first.
    const first = Buffer.from('the quick brown fox jumps over the lazy dog')
    const blockOne = Buffer.concat([Buffer.from([0xf0, first.length - 15]), first])
    const blockTwo = Buffer.from([
      0x0f,
      first.length,
      0,
      first.length - 19,
      0x50,
      0x21,
      0x21,
      0x21,
      0x21,
      0x21,
    ])
    const content = Buffer.concat([first, first, Buffer.from('!!!!!')])
    const header = Buffer.alloc(11)
    header[0] = 0x40 | 0x10 | 0x08 | 0x04 // version 1, linked, block checksums, size, content checksum
    header[1] = 0x40
    header.writeBigUInt64LE(BigInt(content.length), 2)
    header[10] = xxhash32(header, 0, 10) >>> 8
    const block = (bytes: Buffer): Buffer =>
      Buffer.concat([uint32(bytes.length), bytes, uint32(xxhash32(bytes))])
    const frame = Buffer.concat([
      uint32(0x184d2204),
      header,
      block(blockOne),
      block(blockTwo),
      uint32(0),
      uint32(xxhash32(content)),
    ])
    assert.equal(decompress('lz4', frame, 1000).toString(), content.toString())
    for (const at of [4, 10, 14, 20, 70, frame.length - 1]) {
      const damaged = Buffer.from(frame)
      damaged[at]! ^= 1
      assert.throws(() => decompress('lz4', damaged, 1000), invalid, `flip at ${at}`)
    }
  })

  it('computes XXH32', () => {
    // Values of the reference implementation, seed 0.
    assert.equal(xxhash32(Buffer.from('')), 0x02cc5d05)
    assert.equal(xxhash32(Buffer.from('a')), 0x550d7456)
    assert.equal(xxhash32(Buffer.from('abc')), 0x32d153ff)
    assert.equal(xxhash32(Buffer.from('Nobody inspects the spammish repetition')), 0xe2293b2f)
  })

  it('ends lz4 blocks as the format wants, so that other decoders take them', () => {
    fc.assert(
      fc.property(contents, (bytes) => {
        const content = Buffer.from(bytes.subarray(0, 65_536))
        const into = Buffer.alloc(lz4BlockSizeMax(content.length))
        const end = compressLz4Block(content, 0, content.length, into, 0)
        assert.ok(end <= into.length)
        const back = Buffer.alloc(content.length)
        assert.equal(decompressLz4Block(into, 0, end, back, 0, back.length, 0), content.length)
        assert.ok(back.equals(content))
      }),
    )
  })

  it('refuses bytes cut off anywhere', () => {
    for (const codec of real) {
      const content = text.subarray(0, 600)
      const whole = compress(codec, content)
      for (let length = 0; length < whole.length; length++) {
        const cut = whole.subarray(0, length)
        let got: Buffer | undefined
        try {
          got = decompress(codec, cut, BYTES_MAX)
        } catch (error) {
          assert.ok(invalid(error), `${codec} cut at ${length}: ${error}`)
        }
        // Xerial's framing has no end mark: cut between blocks it is a shorter text, never a wrong one.
        if (got !== undefined) assert.ok(codec === 'snappy' && got.length === 0, `${codec} cut at ${length}`)
      }
    }
  })

  it('answers mutated bytes with an error or with bytes within the limit', () => {
    for (const codec of real) {
      const whole = compress(codec, text.subarray(0, 2000))
      const mutation = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), {
        minLength: 1,
        maxLength: 4,
      })
      fc.assert(
        fc.property(mutation, (changes) => {
          const bytes = Buffer.from(whole)
          for (const [at, byte] of changes) bytes[at] = byte
          try {
            assert.ok(decompress(codec, bytes, 100_000).length <= 100_000)
          } catch (error) {
            if (!invalid(error)) throw error
          }
        }),
        { numRuns: 3000 },
      )
    }
  })
})

describe('decompression bombs', () => {
  it('stop at the limit of the caller, with every codec', () => {
    const bomb = Buffer.alloc(8 * 1024 * 1024)
    for (const codec of real) {
      const bytes = compress(codec, bomb)
      assert.throws(() => decompress(codec, bytes, 1024 * 1024), invalid, codec)
    }
  })

  it('stop at a ratio of 1000 above 1 MiB', () => {
    assert.equal(decompressionLimit(10, 1e9), 1024 * 1024)
    assert.equal(decompressionLimit(10_000, 1e9), 10_000_000)
    assert.equal(decompressionLimit(10_000, 5000), 5000)
    const ratio = zlib.zstdCompressSync(Buffer.alloc(64 * 1024 * 1024))
    assert.ok(ratio.length * 1000 < 64 * 1024 * 1024)
    assert.throws(() => decompress('zstd', ratio, 1e9), invalid)
    assert.equal(
      decompress('zstd', zlib.zstdCompressSync(Buffer.alloc(1024 * 1024)), 1e9).length,
      1024 * 1024,
    )
  })

  it('do not make memory grow by a length that is only announced', () => {
    // 2^32 - 1 bytes of snappy announced by a block of a few bytes.
    const announced = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 65])
    assert.throws(() => decompress('snappy', announced, 2 ** 33), invalid)
    const before = process.memoryUsage().arrayBuffers
    const header = Buffer.alloc(10)
    header[0] = 0x68
    header[1] = 0x70
    header.writeBigUInt64LE(1n << 40n, 2)
    const frame = Buffer.concat([
      uint32(0x184d2204),
      header,
      Buffer.from([(xxhash32(header) >>> 8) & 0xff]),
      uint32(0),
    ])
    assert.throws(() => decompress('lz4', frame, 2 ** 33), invalid)
    assert.ok(process.memoryUsage().arrayBuffers - before < 1024 * 1024)
  })

  it('a snappy literal of a negative length ends with an error, not in a loop', () => {
    const bytes = Buffer.from([100, 0, 65, 252, 0xfa, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8])
    assert.throws(() => decompress('snappy', bytes, 1000), invalid)
  })
})

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
