import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { crc32c, crc32cPortable } from './crc32c.ts'
import { durationMs, formatDuration } from './duration.ts'
import { errorRegister } from './error-register.ts'
import { formatError, isMillraceError, MillraceError } from './errors.ts'
import { murmur2 } from './murmur2.ts'
import { plainJson } from './plain-json.ts'
import { int64Serde, json, stringSerde } from './serde.ts'
import { formatSize, sizeBytes } from './size.ts'
import { topicNameFault } from './topic-name.ts'

describe('durations and sizes', () => {
  it('reads every unit, alone and in parts', () => {
    assert.equal(durationMs('250ms'), 250)
    assert.equal(durationMs('5 minutes'), 300_000)
    assert.equal(durationMs('1h30m'), 5_400_000)
    assert.equal(durationMs('1.5s'), 1500)
    assert.equal(durationMs(42), 42)
  })
  it('refuses what is not a duration, with a hint', () => {
    for (const wrong of ['', '5', 'five minutes', '5 parsecs', '-1s', '1s!', 'constructor', '1constructor']) {
      assert.throws(
        () => durationMs(wrong),
        (error) => isMillraceError(error, 'MR_DURATION_INVALID') && error.hint !== undefined,
      )
    }
    const hintOf = (wrong: string): string | undefined => {
      try {
        durationMs(wrong, 'the grace')
      } catch (error) {
        assert.ok(isMillraceError(error) && error.message.startsWith('the grace is not a duration: "'))
        return error.hint
      }
      return undefined
    }
    assert.equal(hintOf('5 minuts'), 'Did you mean "5 minutes"?')
    assert.equal(hintOf('1huor'), 'Did you mean "1hour"?')
    assert.match(hintOf('5 months') ?? '', /^Write a number of milliseconds/)
    // @ts-expect-error a literal that is not a duration does not compile
    assert.throws(() => durationMs('5 parsecs' satisfies import('./duration.ts').Duration))
  })
  it('reads sizes in powers of 1000 and 1024', () => {
    assert.equal(sizeBytes('64KiB'), 65_536)
    assert.equal(sizeBytes('512 MB'), 512_000_000)
    assert.equal(sizeBytes('1.5 GiB'), 1.5 * 2 ** 30)
    assert.throws(
      () => sizeBytes('1 XB'),
      (error) => isMillraceError(error, 'MR_SIZE_INVALID'),
    )
  })
  it('formats for people', () => {
    assert.equal(formatDuration(1530), '1.5 s')
    assert.equal(formatDuration(12), '12 ms')
    assert.equal(formatDuration(99.6), '100 ms')
    assert.equal(formatSize(1536), '1.5 KiB')
  })
})

describe('bytes', () => {
  it('reads back every value that was written', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.nat(0xffffffff),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.maxSafeInteger(),
        fc.string(),
        (signed, unsigned, long, safe, text) => {
          const writer = new ByteWriter(1)
          writer.int32(signed)
          writer.uvarint(unsigned)
          writer.varint(signed)
          writer.int64(long)
          writer.int64Number(safe)
          writer.varlong(safe)
          const count = writer.utf8(text)
          const reader = new ByteReader(writer.bytes())
          assert.equal(reader.int32(), signed)
          assert.equal(reader.uvarint(), unsigned)
          assert.equal(reader.varint(), signed)
          assert.equal(reader.int64(), long)
          assert.equal(reader.int64(), BigInt(safe))
          assert.equal(reader.varlong(), safe)
          assert.equal(reader.utf8(count), Buffer.from(text, 'utf8').toString('utf8'))
          assert.equal(reader.remaining, 0)
        },
      ),
    )
  })
  it('refuses lengths beyond the bytes, and varints that are too long', () => {
    assert.throws(
      () => new ByteReader(Buffer.alloc(3)).int32(),
      (e) => isMillraceError(e, 'MR_BYTES_TRUNCATED'),
    )
    assert.throws(
      () => new ByteReader(Buffer.alloc(3)).bytes(-1),
      (e) => isMillraceError(e, 'MR_BYTES_TRUNCATED'),
    )
    const endless = Buffer.alloc(12, 0xff)
    assert.throws(
      () => new ByteReader(endless).uvarint(),
      (e) => isMillraceError(e, 'MR_BYTES_INVALID'),
    )
    assert.throws(
      () => new ByteReader(endless).varlong(),
      (e) => isMillraceError(e, 'MR_BYTES_INVALID'),
    )
  })
  it('has the CRC-32C check value, the same natively and in JavaScript', () => {
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
    const large = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 31) & 0xff))
    for (const [start, end] of [
      [0, 5000],
      [1, 4999],
      [7, 700],
      [3, 3],
    ] as const) {
      assert.equal(crc32c(large, start, end), crc32cPortable(large, start, end))
      assert.equal(crc32c(large, start, end), crc32cPortable(Buffer.from(large.subarray(start, end))))
    }
  })
  it("hashes keys as Java's partitioner does", () => {
    // Values of org.apache.kafka.common.utils.Utils.murmur2, from Kafka's own test of it.
    assert.equal(murmur2(Buffer.from('21')), -973932308)
    assert.equal(murmur2(Buffer.from('foobar')), -790332482)
    assert.equal(murmur2(Buffer.from('a-little-bit-long-string')), -985981536)
    assert.equal(murmur2(Buffer.from('a-little-bit-longer-string')), -1486304829)
    assert.equal(murmur2(Buffer.from('lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8')), -58897971)
    assert.equal(murmur2(Buffer.from('abc')), 479470107)
  })
})

describe('serdes', () => {
  it('read back what they wrote', () => {
    const writer = new ByteWriter()
    json<{ a: number }>().write({ a: 1 }, writer)
    assert.deepEqual(json<{ a: number }>().read(writer.bytes(), 0, writer.length), { a: 1 })
    writer.clear()
    int64Serde.write(-5, writer)
    assert.equal(int64Serde.read(writer.bytes(), 0, writer.length), -5)
    writer.clear()
    stringSerde.write('žluťoučký', writer)
    assert.equal(stringSerde.read(writer.bytes(), 0, writer.length), 'žluťoučký')
  })
  it('name what is wrong with bad bytes', () => {
    const bad = Buffer.from('{"a":')
    assert.throws(
      () => json().read(bad, 0, bad.length),
      (e) => isMillraceError(e, 'MR_RECORD_INVALID'),
    )
  })
})

describe('errors', () => {
  it('show what, where, and what to do', () => {
    const error = new MillraceError('MR_TOPIC_UNKNOWN', 'no topic "ordrs"', {
      where: 'millrace.config.ts:3:5',
      hint: 'Did you mean "orders"?',
    })
    assert.equal(
      formatError(error),
      'error no topic "ordrs"\n  at millrace.config.ts:3:5\n  Did you mean "orders"?\n  MR_TOPIC_UNKNOWN',
    )
    assert.equal(error.exitCode, errorRegister.MR_TOPIC_UNKNOWN.exit)
  })
  it('check topic names as Kafka does', () => {
    assert.equal(topicNameFault('orders-v1.per_day'), undefined)
    for (const wrong of ['', '.', '..', 'a b', 'a/b', 'x'.repeat(250)])
      assert.notEqual(topicNameFault(wrong), undefined)
  })
})

describe('plain JSON', () => {
  it('shows bytes as base64 and a bigint by its digits, wherever they stand', () => {
    const bytes = Buffer.from([0, 255])
    const value = { key: bytes, list: [new Uint8Array(bytes), 2n ** 60n], at: new Date(0), none: undefined }
    assert.equal(
      plainJson(value),
      '{"key":"AP8=","list":["AP8=","1152921504606846976"],"at":"1970-01-01T00:00:00.000Z"}',
    )
    assert.deepEqual([bytes, 5n, 'a', null].map(plainJson), ['"AP8="', '"5"', '"a"', 'null'])
    assert.equal(plainJson(undefined), undefined)
  })
})
