import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isMillraceError } from '../core/errors.ts'
import { SimulatedDisk } from '../platform/simulated/disk.ts'
import { codecs } from '../protocol/compression/codec.ts'
import { isKafkaError, type KafkaErrorName } from '../protocol/error-codes.ts'
import { batchSizeBytes, lastOffsetOf } from '../protocol/record-batch/layout.ts'
import { RecordBatchReader } from '../protocol/record-batch/record-batch-reader.ts'
import { resolveLogConfig } from './log-config.ts'
import {
  appendTo,
  batchOf,
  FOLDER,
  NOW_MS,
  openTestLog,
  readAll,
  recordsOf,
  type TestRecord,
} from './log-fixture.ts'

const kafka = (name: KafkaErrorName) => (error: unknown) => isKafkaError(error, name)
const numbered = (count: number, from = 0): TestRecord[] =>
  Array.from({ length: count }, (_, index) => ({ key: `k${from + index}`, value: `value ${from + index}` }))

describe('append', () => {
  it('gives records their offsets, one after the other, over batches and segments', () => {
    const disk = new SimulatedDisk()
    const log = openTestLog({ disk, leaderEpoch: 4 })
    for (let round = 0; round < 200; round++) {
      const result = appendTo(log, numbered(3, round * 3))
      assert.deepEqual(result, {
        baseOffset: round * 3,
        lastOffset: round * 3 + 2,
        logAppendTimeMs: -1,
        logStartOffset: 0,
        duplicate: false,
        waitForFlush: false,
      })
    }
    assert.equal(log.endOffset, 600)
    assert.ok(disk.list(FOLDER).filter(({ name }) => name.endsWith('.log')).length > 2)
    const records = readAll(log)
    assert.deepEqual(
      records.map(({ offset }) => offset),
      Array.from({ length: 600 }, (_, offset) => offset),
    )
    assert.deepEqual(
      records.map(({ value }) => value),
      numbered(600).map(({ value }) => value),
    )
    const reader = new RecordBatchReader()
    reader.reset(log.read({ fromOffset: 300, maxBytes: 1000 }).bytes)
    assert.equal(reader.partitionLeaderEpoch, 4)
  })

  it('takes several batches at once, or none of them', () => {
    const log = openTestLog()
    const bytes = Buffer.concat([batchOf(numbered(2)), batchOf(numbered(3, 2), { compression: 'lz4' })])
    const result = log.append(bytes, { origin: 'client', nowMs: NOW_MS })
    assert.deepEqual([result.baseOffset, result.lastOffset, log.endOffset], [0, 4, 5])
    const broken = Buffer.concat([batchOf(numbered(2)), batchOf(numbered(2))])
    broken[broken.length - 1]! ^= 1
    assert.throws(() => log.append(broken, { origin: 'client', nowMs: NOW_MS }), kafka('CORRUPT_MESSAGE'))
    assert.throws(
      () => log.append(Buffer.alloc(0), { origin: 'client', nowMs: NOW_MS }),
      kafka('INVALID_RECORD'),
    )
    assert.equal(log.endOffset, 5)
    assert.equal(readAll(log).length, 5)
  })

  it('refuses batches and records that are too large', () => {
    const log = openTestLog({ settings: { 'max.message.bytes': '500' } })
    assert.throws(() => appendTo(log, [{ value: 'x'.repeat(600) }]), kafka('MESSAGE_TOO_LARGE'))
    const many = Buffer.concat(Array.from({ length: 40 }, () => batchOf([{ value: 'x'.repeat(300) }])))
    assert.throws(() => log.append(many, { origin: 'client', nowMs: NOW_MS }), kafka('RECORD_LIST_TOO_LARGE'))
    assert.equal(log.endOffset, 0)
  })

  it('stamps records with the time of the append when the topic says so', () => {
    const log = openTestLog({ settings: { 'message.timestamp.type': 'LogAppendTime' } })
    const result = appendTo(log, [{ value: 'a', timestampMs: 5 }], { nowMs: NOW_MS + 7 })
    assert.equal(result.logAppendTimeMs, NOW_MS + 7)
    const [record] = readAll(log)
    assert.equal(record?.timestampMs, NOW_MS + 7)
    assert.deepEqual(log.offsetForTimestamp(6), { offset: 0, timestampMs: NOW_MS + 7, leaderEpoch: 0 })
  })

  it('refuses timestamps out of the topic’s bounds, in compressed batches too', () => {
    const log = openTestLog({
      settings: { 'message.timestamp.after.max.ms': '10', 'message.timestamp.before.max.ms': '20' },
    })
    for (const compression of codecs) {
      const at =
        (...times: number[]): (() => unknown) =>
        () =>
          appendTo(
            log,
            times.map((ms) => ({ value: 'a', timestampMs: NOW_MS + ms })),
            { compression },
          )
      at(10, -20)()
      assert.throws(at(0, 11), kafka('INVALID_TIMESTAMP'))
      assert.throws(at(0, -21), kafka('INVALID_TIMESTAMP'))
      // A record without a timestamp is taken.
      appendTo(log, [{ value: 'a', timestampMs: -1 }], { compression })
    }
  })

  it('compresses anew when the topic has its own codec, and keeps every record as it is', () => {
    for (const type of ['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd', 'producer'] as const) {
      const log = openTestLog({ settings: { 'compression.type': type } })
      for (const compression of codecs) {
        appendTo(
          log,
          [{ key: 'k', value: 'v'.repeat(200), headers: [{ key: 'h', value: Buffer.from('x') }] }],
          { compression },
        )
        const { bytes } = log.read({ fromOffset: log.endOffset - 1, maxBytes: 9999 })
        const reader = new RecordBatchReader()
        reader.reset(bytes)
        const expected = type === 'producer' ? compression : type === 'uncompressed' ? 'none' : type
        assert.equal(reader.compression, expected)
        assert.ok(reader.next())
        assert.deepEqual(
          reader.headers().map(({ key }) => key),
          ['h'],
        )
      }
      assert.deepEqual(new Set(readAll(log).map(({ value }) => value)), new Set(['v'.repeat(200)]))
    }
  })

  it('asks for keys when the topic is compacted', () => {
    const log = openTestLog({ settings: { 'cleanup.policy': 'compact' } })
    for (const compression of codecs) {
      assert.throws(() => appendTo(log, [{ value: 'a' }], { compression }), kafka('INVALID_RECORD'))
      appendTo(log, [{ key: 'k', value: 'a' }], { compression })
    }
  })

  it('begins a segment by size, by age, by a full index', () => {
    const segments = (settings: Record<string, string>, records: (round: number) => TestRecord[]): number => {
      const disk = new SimulatedDisk()
      const log = openTestLog({ disk, settings })
      for (let round = 0; round < 20; round++) appendTo(log, records(round), { nowMs: NOW_MS + round * 100 })
      assert.equal(readAll(log).length, 20)
      return disk.list(FOLDER).filter(({ name }) => name.endsWith('.log')).length
    }
    const small = (round: number): TestRecord[] => [{ value: 'x', timestampMs: NOW_MS + round * 100 }]
    assert.equal(segments({}, small), 1)
    assert.equal(segments({ 'internal.segment.bytes': '200' }, small), 10)
    assert.equal(segments({ 'segment.ms': '450' }, small), 4)
    // Without timestamps the age counts from when the segment was begun.
    assert.equal(
      segments({ 'segment.ms': '450' }, () => [{ value: 'x', timestampMs: -1 }]),
      4,
    )
    assert.equal(segments({ 'index.interval.bytes': '0', 'segment.index.bytes': '48' }, small), 5)
  })

  it('tells listeners until they stop listening', () => {
    const log = openTestLog()
    let heard = 0
    const off = log.onAppend(() => heard++)
    appendTo(log, ['a'])
    appendTo(log, ['b'])
    off()
    appendTo(log, ['c'])
    assert.equal(heard, 2)
  })

  it('is refused after close', async () => {
    const log = openTestLog()
    await log.close()
    await log.close()
    assert.throws(
      () => appendTo(log, ['a']),
      (error) => isMillraceError(error, 'MR_CLOSED'),
    )
    assert.throws(
      () => log.read({ fromOffset: 0, maxBytes: 1 }),
      (error) => isMillraceError(error, 'MR_CLOSED'),
    )
  })
})

describe('read', () => {
  it('gives the batch that holds the offset, and whole batches up to the size, at every offset and size', () => {
    const log = openTestLog({ settings: { 'internal.segment.bytes': '3000', 'index.interval.bytes': '200' } })
    const batches: { readonly base: number; readonly last: number; readonly size: number }[] = []
    for (let round = 0; round < 60; round++) {
      const bytes = batchOf(numbered(1 + (round % 4), round * 10), { compression: codecs[round % 5]! })
      const { baseOffset, lastOffset } = log.append(bytes, { origin: 'client', nowMs: NOW_MS })
      batches.push({ base: baseOffset, last: lastOffset, size: bytes.length })
    }
    for (let fromOffset = 0; fromOffset <= log.endOffset; fromOffset++) {
      for (const maxBytes of [0, 1, 60, 61, 100, 150, 400, 1000, 5000]) {
        for (const minOneBatch of [true, false]) {
          const { bytes } = log.read({ fromOffset, maxBytes, minOneBatch })
          const first = batches.findIndex(({ last }) => last >= fromOffset)
          if (first < 0) {
            assert.equal(bytes.length, 0)
            continue
          }
          const { size } = batches[first]!
          if (bytes.length === 0) {
            assert.ok(!minOneBatch && size > maxBytes)
            continue
          }
          assert.equal(recordsOf(bytes)[0]?.offset, batches[first]!.base)
          assert.ok(bytes.length <= maxBytes || (minOneBatch && bytes.length === size))
          let end = 0
          let number = first
          for (; end < bytes.length; number++) {
            assert.equal(batchSizeBytes(bytes, end), batches[number]!.size)
            end += batches[number]!.size
          }
          assert.equal(end, bytes.length, 'only whole batches')
        }
      }
    }
  })

  it('goes on where a reader stopped, and with many readers at once', () => {
    const log = openTestLog()
    for (let round = 0; round < 300; round++) appendTo(log, numbered(2, round * 2))
    fc.assert(
      fc.property(
        fc.array(fc.nat(599), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 2000 }),
        (starts, maxBytes) => {
          const at = [...starts]
          for (let step = 0; step < 5; step++) {
            at.forEach((fromOffset, number) => {
              const { bytes } = log.read({ fromOffset, maxBytes })
              const records = recordsOf(bytes)
              assert.equal(
                records[0]?.offset ?? log.endOffset,
                fromOffset - (fromOffset < 600 ? fromOffset % 2 : 0),
              )
              for (const { offset, key } of records) assert.equal(key, `k${offset}`)
              at[number] = (records.at(-1)?.offset ?? fromOffset - 1) + 1
            })
          }
        },
      ),
      { numRuns: 50 },
    )
  })

  it('refuses offsets outside of the log', () => {
    const log = openTestLog()
    appendTo(log, numbered(5))
    log.deleteRecordsBefore(2)
    for (const fromOffset of [-1, 0, 1, 6, 1e9]) {
      assert.throws(() => log.read({ fromOffset, maxBytes: 100 }), kafka('OFFSET_OUT_OF_RANGE'))
    }
    assert.equal(log.read({ fromOffset: 5, maxBytes: 100 }).bytes.length, 0)
    assert.equal(log.read({ fromOffset: 2, maxBytes: 100 }).logStartOffset, 2)
  })

  it('opens old segments again after others needed room', () => {
    const log = openTestLog({ settings: { 'internal.segment.bytes': '300' } })
    for (let round = 0; round < 60; round++) appendTo(log, numbered(2, round * 2))
    for (const fromOffset of [0, 60, 20, 118, 80, 40, 0, 100, 2]) {
      assert.equal(recordsOf(log.read({ fromOffset, maxBytes: 1 }).bytes)[0]?.key, `k${fromOffset}`)
    }
  })
})

describe('lookups by time', () => {
  const times = fc.array(fc.array(fc.integer({ min: 1000, max: 1200 }), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 60,
  })

  it('find the first record that is not before the timestamp, as a naive search does', () => {
    fc.assert(
      fc.property(times, fc.constantFrom(...codecs), fc.nat(100), (rounds, compression, start) => {
        const log = openTestLog({
          settings: {
            'internal.segment.bytes': '700',
            'index.interval.bytes': '100',
            'message.timestamp.after.max.ms': '9e15'.replace('e15', '000000000000000'),
          },
        })
        for (const list of rounds)
          appendTo(
            log,
            list.map((timestampMs) => ({ value: 'v', timestampMs })),
            { compression },
          )
        const startOffset = Math.min(start, log.endOffset)
        log.deleteRecordsBefore(startOffset)
        const flat = rounds.flat().map((timestampMs, offset) => ({ offset, timestampMs, leaderEpoch: 0 }))
        const seen = flat.filter(({ offset }) => offset >= startOffset)
        for (let timestampMs = 990; timestampMs <= 1210; timestampMs += 3) {
          const expected = seen.find((record) => record.timestampMs >= timestampMs)
          assert.deepEqual(log.offsetForTimestamp(timestampMs), expected)
        }
        const largest = Math.max(...seen.map((record) => record.timestampMs))
        assert.deepEqual(
          log.offsetForMaxTimestamp(),
          seen.find((record) => record.timestampMs === largest),
        )
      }),
      { numRuns: 100 },
    )
  })

  it('find nothing in an empty log, or in one without timestamps', () => {
    const log = openTestLog()
    assert.equal(log.offsetForTimestamp(0), undefined)
    assert.equal(log.offsetForMaxTimestamp(), undefined)
    appendTo(log, [{ value: 'v', timestampMs: -1 }])
    assert.equal(log.offsetForTimestamp(0), undefined)
    assert.equal(log.offsetForMaxTimestamp(), undefined)
  })
})

describe('deleteRecordsBefore', () => {
  it('hides records, tells its owner first, and never goes back', () => {
    const moved: number[] = []
    const log = openTestLog({ onLogStartMoved: (offset) => moved.push(offset) })
    appendTo(log, numbered(10))
    assert.equal(log.deleteRecordsBefore(4), 4)
    assert.equal(log.deleteRecordsBefore(2), 4)
    assert.equal(log.deleteRecordsBefore(-1), 10)
    assert.throws(() => log.deleteRecordsBefore(11), kafka('OFFSET_OUT_OF_RANGE'))
    assert.throws(() => log.deleteRecordsBefore(-2), kafka('OFFSET_OUT_OF_RANGE'))
    assert.deepEqual(moved, [4, 10])
    assert.deepEqual(readAll(log), [])
  })

  it('changes nothing when its owner cannot keep it', () => {
    const log = openTestLog({
      onLogStartMoved: () => {
        throw new Error('the disk is full')
      },
    })
    appendTo(log, numbered(10))
    assert.throws(() => log.deleteRecordsBefore(4), /full/)
    assert.equal(log.logStartOffset, 0)
  })
})

describe('leader epochs', () => {
  it('are kept with their first offsets, over a restart', async () => {
    const disk = new SimulatedDisk()
    const log = openTestLog({ disk, leaderEpoch: 2 })
    appendTo(log, numbered(5))
    log.becomeLeader(5)
    appendTo(log, numbered(5))
    appendTo(log, numbered(5))
    assert.throws(
      () => log.becomeLeader(4),
      (error) => isMillraceError(error, 'MR_INVARIANT'),
    )
    const check = (opened: typeof log): void => {
      assert.deepEqual(
        [0, 4, 5, 14].map((offset) => opened.epochOf(offset)),
        [2, 2, 5, 5],
      )
      assert.deepEqual(opened.epochEndOffset(5), { leaderEpoch: 5, endOffset: 15 })
      assert.deepEqual(opened.epochEndOffset(2), { leaderEpoch: 2, endOffset: 5 })
      assert.deepEqual(opened.epochEndOffset(4), { leaderEpoch: 2, endOffset: 5 })
      assert.deepEqual(opened.epochEndOffset(1), { leaderEpoch: 1, endOffset: 0 })
      assert.deepEqual(opened.epochEndOffset(6), { leaderEpoch: -1, endOffset: -1 })
      assert.deepEqual(opened.epochEndOffset(-1), { leaderEpoch: -1, endOffset: -1 })
    }
    check(log)
    await log.close()
    check(openTestLog({ disk, leaderEpoch: 5, cleanShutdown: true, recoveryPoint: 15 }))
    check(openTestLog({ disk, leaderEpoch: 5 }))
    const later = openTestLog({ disk, leaderEpoch: 5 })
    later.deleteRecordsBefore(8)
    assert.deepEqual(later.epochEndOffset(2), { leaderEpoch: 2, endOffset: 8 })
  })
})

describe('flush', () => {
  it('os: acknowledgements and readers wait for nothing', () => {
    const log = openTestLog()
    const { waitForFlush } = appendTo(log, ['a'])
    assert.deepEqual([waitForFlush, log.highWatermark, log.recoveryPoint], [false, 1, 0])
  })

  it('group: acknowledgements and readers wait for a sync, which serves all', async () => {
    const disk = new SimulatedDisk({ trace: (line) => lines.push(line) })
    const lines: string[] = []
    const log = openTestLog({ disk, settings: { flush: 'group' } })
    let heard = 0
    log.onAppend(() => heard++)
    for (const value of ['a', 'b', 'c']) assert.equal(appendTo(log, [value]).waitForFlush, true)
    assert.equal(log.highWatermark, 0)
    assert.equal(log.read({ fromOffset: 0, maxBytes: 100 }).bytes.length, 0)
    lines.length = 0
    await Promise.all([log.flushed(2), log.flushed(0), log.flushed(1), log.flush()])
    assert.equal(lines.filter((line) => line.startsWith('sync file')).length, 1)
    assert.deepEqual([log.highWatermark, log.recoveryPoint, heard], [3, 3, 1])
    await log.flushed(0)
    assert.equal(readAll(log).length, 3)
  })

  it('batch: every append is synced before it returns', () => {
    const disk = new SimulatedDisk()
    const log = openTestLog({ disk, settings: { flush: 'batch' } })
    for (let count = 1; count <= 3; count++) {
      assert.equal(appendTo(log, ['a']).waitForFlush, false)
      assert.deepEqual([log.highWatermark, log.recoveryPoint], [count, count])
    }
  })

  it('flush.messages and flush.ms start a sync', async () => {
    const log = openTestLog({ settings: { 'flush.messages': '3', 'flush.ms': '100' } })
    assert.equal(appendTo(log, ['a']).waitForFlush, false)
    assert.equal(appendTo(log, ['b', 'c']).waitForFlush, true)
    await log.flushed(2)
    assert.equal(log.recoveryPoint, 3)
    appendTo(log, ['d'])
    log.flushIfDue(NOW_MS + 99)
    await Promise.resolve()
    assert.equal(log.recoveryPoint, 3)
    log.flushIfDue(NOW_MS + 100)
    await log.flushed(3)
    assert.equal(log.recoveryPoint, 4)
  })

  it('can be changed while the log is open', async () => {
    const log = openTestLog({ settings: { flush: 'group' } })
    appendTo(log, ['a'])
    assert.equal(log.highWatermark, 0)
    log.updateConfig(resolveLogConfig({ flush: 'os' }))
    assert.equal(log.highWatermark, 1)
    log.updateConfig(resolveLogConfig({ flush: 'group' }))
    assert.equal(log.highWatermark, 1, 'what was seen stays seen')
    appendTo(log, ['b'])
    assert.equal(log.highWatermark, 1)
    await log.flush()
    assert.equal(log.highWatermark, 2)
  })
})

it('the bytes that are read are those that were appended, but for offset and epoch', () => {
  const log = openTestLog({ leaderEpoch: 9 })
  const batch = batchOf(numbered(4), {
    compression: 'zstd',
    producerId: 5,
    producerEpoch: 1,
    baseSequence: 0,
  })
  const original = Buffer.from(batch)
  appendTo(log, ['before'])
  log.append(batch, { origin: 'client', nowMs: NOW_MS })
  const { bytes } = log.read({ fromOffset: 1, maxBytes: 9999 })
  assert.equal(lastOffsetOf(bytes, 0), 4)
  assert.ok(bytes.subarray(16).equals(original.subarray(16)))
  assert.ok(bytes.subarray(8, 12).equals(original.subarray(8, 12)))
})
