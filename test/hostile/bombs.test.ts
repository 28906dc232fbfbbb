/** Batches that are small and would be large, frames that are announced and do not come: what they cost. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import zlib from 'node:zlib'
import { batchOf } from '../../src/broker/broker-fixture.ts'
import { ByteReader } from '../../src/core/byte-reader.ts'
import { produce } from '../../src/protocol/apis/produce.ts'
import { encodeRequest } from '../../src/protocol/codec/request.ts'
import { decodeResponse, decodeResponseHeader } from '../../src/protocol/codec/response.ts'
import { codecNumber, type codecs } from '../../src/protocol/compression/codec.ts'
import { compress } from '../../src/protocol/compression/compression.ts'
import { ErrorCodes } from '../../src/protocol/error-codes.ts'
import {
  HEADER_BYTES,
  PREFIX_BYTES,
  setAttributes,
  setBatchLength,
  setRecordCount,
  writeCrc,
} from '../../src/protocol/record-batch/layout.ts'
import { usedBytes } from './attack.ts'
import { Target } from './one-request.ts'
import { TOPIC } from './sample-requests.ts'

const MIB = 1024 * 1024
const EXTRA_BYTES_MAX = 64 * MIB
/** Room for a machine that does other work besides. */
const ANSWER_MS_MAX = 3000

type Bomb = readonly [codec: (typeof codecs)[number], payload: Buffer]

/** A batch with a sound header around any payload. */
function batchAround([codec, payload]: Bomb): Buffer {
  const bytes = Buffer.concat([batchOf(['a']).subarray(0, HEADER_BYTES), payload])
  setBatchLength(bytes, 0, bytes.length - PREFIX_BYTES)
  setAttributes(bytes, 0, codecNumber(codec))
  setRecordCount(bytes, 0, 1)
  writeCrc(bytes, 0, bytes.length)
  return bytes
}

const zeros = Buffer.alloc(400 * MIB)
const bombs: readonly Bomb[] = [
  ['gzip', zlib.gzipSync(zeros, { level: 9 })],
  ['zstd', zlib.zstdCompressSync(zeros)],
  ['lz4', compress('lz4', zeros.subarray(0, 200 * MIB))],
  ['snappy', compress('snappy', zeros.subarray(0, 15 * MIB))],
  // Many members, one behind the other.
  ['gzip', Buffer.concat(Array.from({ length: 200 }, () => zlib.gzipSync(zeros.subarray(0, 2 * MIB))))],
  // Sizes that are announced: an lz4 frame and a snappy block that say 2 GiB, and nothing behind.
  ['lz4', Buffer.from('04224d186c40ffffff7f00000000000000', 'hex')],
  ['snappy', Buffer.from('ffffffff07000000', 'hex')],
  ['zstd', Buffer.from('28b52ffde0ffffff7f0000000001000000', 'hex')],
]

describe('a decompression bomb', () => {
  for (const [what, configs] of [
    ['where records must have keys', { 'cleanup.policy': 'compact' }],
    ['where batches are compressed anew', { 'compression.type': 'uncompressed' }],
  ] as const) {
    it(`is refused within its time and memory ${what}`, async (test) => {
      const target = await Target.open({}, configs)
      const lines: string[] = []
      for (const bomb of bombs) {
        const records = batchAround(bomb)
        const body = {
          acks: -1,
          timeoutMs: 1000,
          topicData: [{ name: TOPIC, partitionData: [{ index: 0, records }] }],
        }
        const frame = encodeRequest(produce, 9, { correlationId: 1, clientId: null }, body)
        usedBytes()
        const peakBefore = process.resourceUsage().maxRSS
        const { answered, ms, answer } = await target.send(frame)
        const peakBytes = (process.resourceUsage().maxRSS - peakBefore) * 1024
        lines.push(
          `${bomb[0]} ${bomb[1].length} bytes: ${ms.toFixed(0)} ms, ${(peakBytes / MIB).toFixed(0)} MiB`,
        )
        assert.ok(answered, bomb[0])
        const reader = new ByteReader(answer.subarray(4))
        decodeResponseHeader(produce, 9, reader)
        const { errorCode } = decodeResponse(produce, 9, reader).responses[0]!.partitionResponses[0]!
        assert.notEqual(errorCode, ErrorCodes.NONE, bomb[0])
        assert.ok(ms < ANSWER_MS_MAX, lines.at(-1))
        assert.ok(peakBytes < EXTRA_BYTES_MAX, lines.at(-1))
      }
      await target.close()
      test.diagnostic(lines.join('; '))
    })
  }
})

describe('a frame that is announced and does not come', () => {
  it('costs the bytes that came, not those that were announced', async (test) => {
    const target = await Target.open({ 'max.connections.per.ip': 10_000 })
    const before = usedBytes()
    const count = 500
    const head = Buffer.alloc(8 * 1024)
    head.writeInt32BE(100 * MIB, 0)
    const sockets = []
    for (let number = 0; number < count; number++) {
      const socket = await target.connect(`stranger ${number}`)
      socket.start({ data: () => {}, drain: () => {}, close: () => {} })
      socket.write(head)
      sockets.push(socket)
    }
    await target.broker.advance(1000)
    const grown = usedBytes() - before
    test.diagnostic(`${count} frames of 100 MiB, 8 KiB of each: ${(grown / MIB).toFixed(1)} MiB`)
    assert.equal(target.broker.broker.metrics().connections.open, count)
    assert.ok(grown < 32 * MIB, `${grown} bytes`)
    for (const socket of sockets) socket.destroy()
    await target.close()
  })

  it('ends its connection when a byte comes now and then, and no other', async () => {
    const target = await Target.open({ 'request.receive.timeout.ms': 5000 })
    const slow = await target.connect('slow')
    let closed = false
    slow.start({
      data: () => {},
      drain: () => {},
      close: () => {
        closed = true
      },
    })
    const frame = encodeRequest(
      produce,
      9,
      { correlationId: 1, clientId: null },
      { acks: 1, timeoutMs: 1, topicData: [] },
    )
    for (let at = 0; at < frame.length && !closed; at++) {
      slow.write(frame.subarray(at, at + 1))
      await target.broker.advance(1000)
    }
    assert.ok(closed)
    const { answered } = await target.send(frame)
    assert.ok(answered)
    await target.close()
  })
})
