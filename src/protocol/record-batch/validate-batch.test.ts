import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MillraceError } from '../../core/errors.ts'
import { codecs } from '../compression/codec.ts'
import { compress } from '../compression/compression.ts'
import { ErrorCodes } from '../error-codes.ts'
import { controlBatch } from './control-batch.ts'
import {
  HEADER_BYTES,
  PREFIX_BYTES,
  setAttributes,
  setBatchLength,
  setLastOffsetDelta,
  setMaxTimestamp,
  setProducer,
  setRecordCount,
  writeCrc,
} from './layout.ts'
import { RecordBatchBuilder } from './record-batch-builder.ts'
import { javaBatches } from './testdata.ts'
import { type BatchLimits, checkStoredBatch, validateBatch } from './validate-batch.ts'

const limits: BatchLimits = { batchBytesMax: 1_048_588, walk: true }
const headerOnly: BatchLimits = { batchBytesMax: 1_048_588 }

/** Asserts that the batch is refused with this number for the wire. */
function refused(batch: Buffer, kafkaCode: number, options: BatchLimits = limits, what?: string): void {
  assert.throws(
    () => validateBatch(batch, 0, batch.length, options),
    (error) => {
      assert.ok(error instanceof MillraceError && error.code !== 'MR_INVARIANT', String(error))
      assert.equal(error.context['kafkaCode'], kafkaCode, `${what ?? ''} ${error.message}`)
      return true
    },
  )
}

function sample(change: (batch: Buffer) => void = () => {}, timestampsMs = [1000, 1005, 990]): Buffer {
  const builder = new RecordBatchBuilder()
  for (const ms of timestampsMs) builder.append(ms, Buffer.from('key'), Buffer.from('value'))
  const batch = builder.seal({ producerId: 7, producerEpoch: 0, baseSequence: 0 })
  change(batch)
  writeCrc(batch, 0, batch.length)
  return batch
}

/** A batch whose record bytes are given, with a right header and checksum. */
function withRecords(records: Buffer, count: number, codec: (typeof codecs)[number] = 'none'): Buffer {
  const payload = compress(codec, records)
  const batch = Buffer.concat([sample().subarray(0, HEADER_BYTES), payload])
  setBatchLength(batch, 0, batch.length - PREFIX_BYTES)
  setAttributes(batch, 0, codecs.indexOf(codec))
  setLastOffsetDelta(batch, 0, count - 1)
  setRecordCount(batch, 0, count)
  writeCrc(batch, 0, batch.length)
  return batch
}

describe('validateBatch', () => {
  it('takes what clients send, and says what is in it', () => {
    for (const codec of codecs) {
      const batch = javaBatches[codec]
      const facts = validateBatch(batch, 0, batch.length, limits)
      assert.deepEqual(facts, {
        end: batch.length,
        minTimestampMs: 1_699_999_999_000,
        maxTimestampMs: 1_700_005_000_000_000,
      })
    }
    const two = Buffer.concat([sample(), javaBatches.lz4])
    assert.equal(validateBatch(two, sample().length, two.length, limits).end, two.length)
    assert.equal(validateBatch(sample(), 0, sample().length, headerOnly).minTimestampMs, 1000)
  })

  it('refuses a batch cut off anywhere', () => {
    for (const codec of codecs) {
      const batch = javaBatches[codec]
      for (let length = 0; length < batch.length; length++) {
        refused(batch.subarray(0, length), ErrorCodes.CORRUPT_MESSAGE, headerOnly, `${codec} ${length}`)
      }
    }
  })

  it('finds every flipped bit but those of the leader epoch, which the broker sets', () => {
    for (const codec of codecs) {
      const batch = javaBatches[codec]
      for (let bit = 0; bit < batch.length * 8; bit++) {
        const flipped = Buffer.from(batch)
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        const run = (): unknown => validateBatch(flipped, 0, flipped.length, headerOnly)
        if (bit >= 12 * 8 && bit < 16 * 8) run()
        else assert.throws(run, (error) => error instanceof MillraceError, `${codec} bit ${bit}`)
      }
    }
  })

  it('refuses the formats before v2', () => {
    for (const magic of [0, 1, 3]) {
      refused(
        sample((batch) => {
          batch[16] = magic
        }),
        ErrorCodes.INVALID_RECORD,
      )
    }
  })

  it('refuses a batch larger than the topic allows, before the checksum', () => {
    const batch = sample()
    validateBatch(batch, 0, batch.length, { batchBytesMax: batch.length })
    refused(batch, ErrorCodes.MESSAGE_TOO_LARGE, { batchBytesMax: batch.length - 1 })
  })

  it('refuses attributes that a client may not set', () => {
    refused(
      sample((batch) => setAttributes(batch, 0, 5)),
      ErrorCodes.UNSUPPORTED_COMPRESSION_TYPE,
      headerOnly,
    )
    refused(
      sample((batch) => setAttributes(batch, 0, 0x08)),
      ErrorCodes.INVALID_TIMESTAMP,
      headerOnly,
    )
    refused(
      sample((batch) => setAttributes(batch, 0, 0x40)),
      ErrorCodes.INVALID_RECORD,
      headerOnly,
    )
    refused(
      sample((batch) => setAttributes(batch, 0, 0x4000)),
      ErrorCodes.INVALID_RECORD,
      headerOnly,
    )
  })

  it('refuses control batches but from the coordinator', () => {
    const marker = controlBatch({
      type: 'commit',
      producerId: 7,
      producerEpoch: 1,
      coordinatorEpoch: 0,
      timestampMs: 5,
    })
    refused(marker, ErrorCodes.INVALID_RECORD)
    assert.equal(
      validateBatch(marker, 0, marker.length, { ...limits, controlAllowed: true }).end,
      marker.length,
    )
  })

  it('refuses counts, offsets and producer fields that do not fit together', () => {
    const invalid = ErrorCodes.INVALID_RECORD
    refused(
      sample((batch) => setRecordCount(batch, 0, 0)),
      invalid,
      headerOnly,
    )
    refused(
      sample((batch) => setRecordCount(batch, 0, -1)),
      invalid,
      headerOnly,
    )
    refused(
      sample((batch) => setRecordCount(batch, 0, 2)),
      invalid,
      headerOnly,
    )
    refused(
      sample((batch) => setLastOffsetDelta(batch, 0, 5)),
      invalid,
      headerOnly,
    )
    refused(
      sample((batch) => {
        setRecordCount(batch, 0, 2 ** 31 - 1)
        setLastOffsetDelta(batch, 0, 2 ** 31 - 2)
      }),
      invalid,
      headerOnly,
    )
    refused(
      sample((batch) => batch.writeInt32BE(1, 4)),
      invalid,
      headerOnly,
    )
    const without = (id: number, epoch: number, baseSequence: number): Buffer =>
      sample((batch) => setProducer(batch, 0, { id, epoch, baseSequence }))
    refused(without(7, -1, 0), invalid, headerOnly)
    refused(without(7, 0, -1), invalid, headerOnly)
    refused(without(-2, 0, 0), invalid, headerOnly)
    refused(
      sample((batch) => setAttributes(batch, 0, 0x10) ?? batch.fill(0xff, 43, 57)),
      invalid,
      headerOnly,
    )
    const none = without(-1, -1, -1)
    validateBatch(none, 0, none.length, limits)
  })

  it('refuses timestamps out of range and repairs a largest one that is wrong', () => {
    for (const field of [27, 35]) {
      refused(
        sample((batch) => batch.writeBigInt64BE(-2n, field)),
        ErrorCodes.INVALID_TIMESTAMP,
        headerOnly,
      )
      refused(
        sample((batch) => batch.writeBigInt64BE(2n ** 62n, field)),
        ErrorCodes.INVALID_TIMESTAMP,
        headerOnly,
      )
    }
    const wrong = sample((batch) => setMaxTimestamp(batch, 0, -1))
    assert.equal(validateBatch(wrong, 0, wrong.length, headerOnly).maxTimestampMs, 1005)
  })

  it('asks for keys where the topic needs them, in compressed batches too', () => {
    for (const codec of codecs) {
      refused(javaBatches[codec], ErrorCodes.INVALID_RECORD, { ...headerOnly, keysRequired: true })
    }
    assert.ok(validateBatch(sample(), 0, sample().length, { ...limits, keysRequired: true }))
  })

  it('walks records only when asked', () => {
    const records = Buffer.from([14, 0, 0, 0, 1, 1, 0, 14, 0, 0, 4, 1, 1, 0])
    const batch = withRecords(records, 2)
    assert.ok(validateBatch(batch, 0, batch.length, headerOnly))
    refused(batch, ErrorCodes.INVALID_RECORD)
  })

  it('refuses records that are not sound, with every codec', () => {
    // length, attributes, timestamp delta, offset delta, key length, value length, header count
    const good = [12, 0, 0, 0, 1, 1, 0]
    const wrong: Readonly<Record<string, readonly number[]>> = {
      'a length beyond the batch': [14, 0, 0, 0, 1, 1, 0],
      'a negative length': [11, 0, 0, 0, 1, 1, 0],
      'a length too short for the fields': [10, 0, 0, 0, 1, 1, 0],
      'bytes behind the headers': [14, 0, 0, 0, 1, 1, 0, 0],
      'a key beyond the record': [12, 0, 0, 0, 20, 1, 0],
      'a key of a hostile length': [20, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x0f, 1, 0],
      'a key length of -2': [12, 0, 0, 0, 3, 1, 0],
      'a value length of -2': [12, 0, 0, 0, 1, 3, 0],
      'an offset delta out of order': [12, 0, 0, 2, 1, 1, 0],
      'a negative header count': [12, 0, 0, 0, 1, 1, 1],
      'headers that are not there': [12, 0, 0, 0, 1, 1, 2],
      'a hostile header count': [20, 0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0x0f],
      'a header with a null name': [16, 0, 0, 0, 1, 1, 2, 1, 1],
      'a header value of -2': [16, 0, 0, 0, 1, 1, 2, 0, 3],
      'a varint without end': [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      'bytes behind the last record': [...good, 0],
    }
    for (const codec of codecs) {
      const sound = withRecords(Buffer.from(good), 1, codec)
      assert.ok(validateBatch(sound, 0, sound.length, limits))
      for (const [what, bytes] of Object.entries(wrong)) {
        refused(
          withRecords(Buffer.from(bytes), 1, codec),
          ErrorCodes.INVALID_RECORD,
          limits,
          `${codec}: ${what}`,
        )
      }
    }
  })

  it('refuses records that decompress to too much, or not at all', () => {
    const zeros = Buffer.alloc(3 * 1024 * 1024)
    for (const codec of codecs.slice(1)) {
      const bomb = withRecords(zeros, 1, codec)
      refused(bomb, ErrorCodes.CORRUPT_MESSAGE, { batchBytesMax: 180_000, walk: true }, codec)
      const broken = withRecords(Buffer.from([12, 0, 0, 0, 1, 1, 0]), 1, codec)
      broken[HEADER_BYTES]! ^= 0x7f
      writeCrc(broken, 0, broken.length)
      const error = codec === 'snappy' ? undefined : ErrorCodes.CORRUPT_MESSAGE
      if (error !== undefined) refused(broken, error, limits, codec)
      else assert.throws(() => validateBatch(broken, 0, broken.length, limits), MillraceError)
    }
  })

  it('ends with facts or a refusal that has a number, whatever the records', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...codecs),
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        (codec, changes) => {
          const batch = Buffer.from(javaBatches[codec])
          for (const [at, byte] of changes) batch[HEADER_BYTES + (at % (batch.length - HEADER_BYTES))] = byte
          writeCrc(batch, 0, batch.length)
          try {
            validateBatch(batch, 0, batch.length, limits)
          } catch (error) {
            assert.ok(error instanceof MillraceError, String(error))
            assert.equal(typeof error.context['kafkaCode'], 'number')
          }
        },
      ),
      { numRuns: 10_000 },
    )
  })

  it('a stored batch may have lost records to compaction', () => {
    const stored = sample((batch) => {
      setLastOffsetDelta(batch, 0, 50)
      batch.writeInt32BE(1, 4)
    })
    assert.equal(checkStoredBatch(stored, 0, stored.length), stored.length)
  })
})
