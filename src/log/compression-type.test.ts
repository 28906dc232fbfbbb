/** A topic that names a codec: what comes out of a batch is bounded, whoever compressed it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { type CompressionCodec, codecNumber } from '../protocol/compression/codec.ts'
import { compress } from '../protocol/compression/compression.ts'
import { isKafkaError } from '../protocol/error-codes.ts'
import {
  attributesOf,
  HEADER_BYTES,
  PREFIX_BYTES,
  setAttributes,
  setBatchLength,
  writeCrc,
} from '../protocol/record-batch/layout.ts'
import { batchOf, NOW_MS, openTestLog } from './log-fixture.ts'

const MAX_BYTES = 100_000
const named = ['gzip', 'snappy', 'lz4', 'zstd'] as const

/** A batch whose records are these bytes, compressed, under the header of a batch with one record. */
function batchWith(payload: Buffer, codec: CompressionCodec): Buffer {
  const header = batchOf(['k']).subarray(0, HEADER_BYTES)
  const made = Buffer.concat([header, compress(codec, payload)])
  setBatchLength(made, 0, made.length - PREFIX_BYTES)
  setAttributes(made, 0, attributesOf(made, 0) | codecNumber(codec))
  writeCrc(made, 0, made.length)
  return made
}

const refused = (kafka: 'CORRUPT_MESSAGE' | 'INVALID_RECORD') => (error: unknown) =>
  isMillraceError(error) && isKafkaError(error, kafka)

describe('compression.type', () => {
  for (const codec of named) {
    for (const topic of named) {
      it(`${topic} refuses a bomb in ${codec}`, () => {
        const log = openTestLog({
          settings: { 'compression.type': topic, 'max.message.bytes': String(MAX_BYTES) },
        })
        const bomb = batchWith(Buffer.alloc(MAX_BYTES * 16 + 1), codec)
        assert.ok(bomb.length < MAX_BYTES)
        const append = (bytes: Buffer) => log.append(bytes, { origin: 'client', nowMs: NOW_MS })
        assert.throws(() => append(bomb), refused('CORRUPT_MESSAGE'))
        assert.throws(() => append(batchWith(Buffer.from('no records'), codec)), refused('INVALID_RECORD'))
        assert.equal(log.endOffset, 0)
        assert.equal(append(batchOf(['a', 'b'], { compression: codec })).lastOffset, 1)
      })
    }
  }
})
