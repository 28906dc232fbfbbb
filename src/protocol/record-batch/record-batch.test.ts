import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ByteWriter } from '../../core/byte-writer.ts'
import { isMillraceError } from '../../core/errors.ts'
import { readInt64, writeInt64 } from '../../core/integer-fields.ts'
import type { Headers } from '../../core/record.ts'
import { codecs } from '../compression/codec.ts'
import { controlBatch, readControlMarker, readControlType } from './control-batch.ts'
import { forEachBatch } from './for-each-batch.ts'
import { crcOf } from './layout.ts'
import { RecordBatchBuilder, recordBytesMax } from './record-batch-builder.ts'
import { RecordBatchReader } from './record-batch-reader.ts'
import { sequenceAfter } from './sequence.ts'
import { javaBatches, javaControlBatches } from './testdata.ts'
import { varlongSize, writeVarlong } from './varint.ts'

interface Row {
  readonly timestampMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: Headers
}

const javaRows: readonly Row[] = [
  {
    timestampMs: 1_700_000_000_000,
    key: Buffer.from('k1'),
    value: Buffer.from('value one'),
    headers: [
      { key: 'h1', value: Buffer.from('x') },
      { key: 'h2', value: null },
    ],
  },
  {
    timestampMs: 1_700_000_000_005,
    key: null,
    value: Buffer.from('no key'.concat(' no key'.repeat(8))),
    headers: [],
  },
  { timestampMs: 1_699_999_999_000, key: Buffer.from('tomb'), value: null, headers: [] },
  { timestampMs: 1_700_005_000_000_000, key: Buffer.alloc(0), value: Buffer.alloc(0), headers: [] },
]

const bytes = fc.option(fc.uint8Array({ maxLength: 2000, size: 'max' }), { nil: null })
const rows = fc.array(
  fc.record({
    timestampMs: fc.oneof(
      fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
      fc.integer({ min: 0, max: 2 ** 52 }),
    ),
    key: bytes,
    value: bytes,
    headers: fc.array(
      fc.record({ key: fc.string({ unit: 'binary' }), value: fc.option(fc.uint8Array(), { nil: null }) }),
      { maxLength: 3 },
    ),
  }),
  { minLength: 1, maxLength: 30 },
)

function readRows(batch: Buffer, start = 0): Row[] {
  const reader = new RecordBatchReader()
  reader.reset(batch, start)
  const found: Row[] = []
  for (let index = 0; reader.next(); index++) {
    assert.equal(reader.offset, reader.baseOffset + index)
    found.push({
      timestampMs: reader.timestampMs,
      key: reader.keyStart < 0 ? null : reader.body.subarray(reader.keyStart, reader.keyEnd),
      value: reader.valueStart < 0 ? null : reader.body.subarray(reader.valueStart, reader.valueEnd),
      headers: reader.headers(),
    })
  }
  assert.ok(reader.atEnd)
  assert.equal(reader.next(), false, 'the end stays the end')
  return found
}

const plain = (list: readonly Row[]): unknown =>
  list.map((row) => ({
    ...row,
    key: row.key && Buffer.from(row.key).toString('hex'),
    value: row.value && Buffer.from(row.value).toString('hex'),
    headers: row.headers.map((header) => [
      header.key,
      header.value && Buffer.from(header.value).toString('hex'),
    ]),
  }))

function build(list: readonly Row[], builder = new RecordBatchBuilder()): RecordBatchBuilder {
  for (const row of list) builder.append(row.timestampMs, row.key, row.value, row.headers)
  return builder
}

const producer = { producerId: 4711, producerEpoch: 3, baseSequence: 17, partitionLeaderEpoch: 5 }

describe('record batches of the Java client', () => {
  for (const codec of codecs) {
    it(`are read: ${codec}`, () => {
      const batch = javaBatches[codec]
      const reader = new RecordBatchReader()
      reader.reset(batch)
      assert.equal(reader.compression, codec)
      assert.deepEqual(
        [reader.baseOffset, reader.lastOffset, reader.recordCount, reader.batchEnd],
        [0, 3, 4, batch.length],
      )
      assert.deepEqual(
        [reader.producerId, reader.producerEpoch, reader.baseSequence, reader.partitionLeaderEpoch],
        [4711, 3, 17, 5],
      )
      assert.equal(reader.maxTimestampMs, 1_700_005_000_000_000)
      assert.equal(reader.timestampType, 'create')
      assert.equal(reader.isTransactional, false)
      assert.deepEqual(plain(readRows(batch)), plain(javaRows))
    })
  }

  it('are written byte for byte', () => {
    assert.equal(build(javaRows).seal(producer).toString('hex'), javaBatches.none.toString('hex'))
    for (const type of ['commit', 'abort'] as const) {
      const batch = controlBatch({
        type,
        producerId: 4711,
        producerEpoch: 3,
        coordinatorEpoch: 9,
        timestampMs: 1_700_000_000_000,
        baseOffset: 42,
        partitionLeaderEpoch: 7,
      })
      assert.equal(batch.toString('hex'), javaControlBatches[type].toString('hex'))
      assert.deepEqual(readControlMarker(batch, 0), { type, coordinatorEpoch: 9 })
      assert.equal(readControlType(batch, 0), type)
    }
  })
})

describe('the record batch builder', () => {
  it('is read back, with every codec, from byte arrays and from writers', () => {
    const keyWriter = new ByteWriter(1)
    const valueWriter = new ByteWriter(4000)
    fc.assert(
      fc.property(fc.constantFrom(...codecs), rows, fc.boolean(), (compression, list, writers) => {
        const builder = new RecordBatchBuilder({ compression, initialBytes: 1 })
        for (const row of list) {
          const before = builder.sizeBytes
          keyWriter.clear()
          if (row.key) keyWriter.raw(row.key)
          valueWriter.clear()
          if (row.value) valueWriter.raw(row.value)
          const key = writers && row.key ? keyWriter : row.key
          const value = writers && row.value ? valueWriter : row.value
          builder.append(row.timestampMs, key, value, row.headers)
          const added = builder.sizeBytes - before
          assert.ok(added <= recordBytesMax(row.key?.length ?? 0, row.value?.length ?? 0, row.headers))
        }
        const batch = builder.seal(producer)
        if (compression === 'none') assert.equal(batch.length, builder.sizeBytes)
        assert.deepEqual(plain(readRows(batch)), plain(list))
      }),
      { numRuns: 300 },
    )
  })

  it('gives its batch away: neither reset nor a second seal touches it', () => {
    for (const compression of codecs) {
      for (const initialBytes of [200, 100_000]) {
        const builder = build(javaRows, new RecordBatchBuilder({ compression, initialBytes }))
        const first = builder.seal({ ...producer, transactional: true })
        const copy = Buffer.from(first)
        const second = builder.seal({ producerId: 4711, producerEpoch: 4, baseSequence: 0 })
        builder.reset()
        assert.ok(builder.isEmpty)
        build(
          [{ timestampMs: 1, key: Buffer.alloc(150, 1), value: Buffer.alloc(150, 2), headers: [] }],
          builder,
        ).seal()
        assert.ok(first.equals(copy))
        const reader = new RecordBatchReader()
        reader.reset(second)
        assert.deepEqual([reader.producerEpoch, reader.baseSequence, reader.isTransactional], [4, 0, false])
        assert.deepEqual(plain(readRows(second)), plain(javaRows))
        reader.reset(first)
        assert.deepEqual([reader.producerEpoch, reader.baseSequence, reader.isTransactional], [3, 17, true])
      }
    }
  })

  it('refuses records after seal, an empty seal and timestamps that are not whole', () => {
    const builder = build(javaRows)
    builder.seal()
    const broken = (error: unknown): boolean => isMillraceError(error, 'MR_INVARIANT')
    assert.throws(() => builder.append(1_700_000_000_001, null, null), broken)
    assert.throws(() => new RecordBatchBuilder().seal(), broken)
    assert.throws(() => new RecordBatchBuilder().append(Number.NaN, null, null), broken)
    assert.throws(() => build(javaRows).append(1.5, null, null), broken)
  })
})

describe('the record batch reader', () => {
  it('throws a Millrace error or ends, whatever the bytes', () => {
    const reader = new RecordBatchReader({ decompressedBytesMax: 100_000 })
    fc.assert(
      fc.property(
        fc.constantFrom(...codecs),
        fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (codec, changes) => {
          const batch = Buffer.from(javaBatches[codec])
          for (const [at, byte] of changes) batch[at % batch.length] = byte
          try {
            reader.reset(batch)
            while (reader.next()) {
              assert.ok(reader.keyEnd <= reader.body.length && reader.valueEnd <= reader.recordEnd)
              reader.headers()
            }
          } catch (error) {
            assert.ok(isMillraceError(error) && !isMillraceError(error, 'MR_INVARIANT'), String(error))
          }
        },
      ),
      { numRuns: 20_000 },
    )
  })

  it('takes the time of the append for all records when the batch says so', () => {
    const batch = build(javaRows).seal()
    batch[22]! |= 0x08
    const reader = new RecordBatchReader()
    reader.reset(batch)
    assert.ok(reader.next())
    assert.equal(reader.timestampMs, 1_700_005_000_000_000)
    assert.equal(reader.timestampType, 'append')
  })

  it('reads batches one after the other and leaves out one that is cut off', () => {
    const one = build(javaRows).seal({ baseOffset: 10 })
    const two = build(javaRows.slice(0, 2), new RecordBatchBuilder({ compression: 'zstd' })).seal({
      baseOffset: 14,
    })
    const both = Buffer.concat([one, two])
    for (let length = 0; length <= both.length; length++) {
      const seen: number[] = []
      const end = forEachBatch(both.subarray(0, length), (start) => {
        seen.push(readInt64(both, start))
        readRows(both, start)
      })
      assert.deepEqual(seen, length === both.length ? [10, 14] : length >= one.length ? [10] : [])
      assert.equal(end, seen.length === 2 ? both.length : seen.length * one.length)
    }
  })
})

describe('numbers of the format', () => {
  it('are read as they were written, up to 2^53', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const field = Buffer.alloc(8)
        writeInt64(field, 0, value)
        assert.equal(field.readBigInt64BE(), BigInt(value))
        assert.equal(readInt64(field, 0), value)
        const varlong = Buffer.alloc(10)
        assert.equal(writeVarlong(varlong, 0, value), varlongSize(value))
        let raw = 0n
        for (let i = 0; i < varlongSize(value); i++) raw |= BigInt(varlong[i]! & 0x7f) << BigInt(7 * i)
        assert.equal(BigInt.asIntN(64, (raw >> 1n) ^ -(raw & 1n)), BigInt(value))
      }),
      { examples: [[0], [-1], [2 ** 31], [-(2 ** 31) - 1], [2 ** 53 - 1], [-(2 ** 53) + 1]] },
    )
  })

  it('sequences wrap behind 2^31 - 1', () => {
    assert.equal(sequenceAfter(0, 5), 5)
    assert.equal(sequenceAfter(2 ** 31 - 1, 1), 0)
    assert.equal(sequenceAfter(2 ** 31 - 3, 10), 7)
  })

  it('the checksum is the one that Java computes', () => {
    assert.equal(crcOf(build(javaRows).seal(producer), 0), 0x5341246b)
  })
})
