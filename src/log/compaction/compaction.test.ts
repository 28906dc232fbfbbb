import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SimulatedDisk } from '../../platform/simulated/disk.ts'
import { simulatedRandom } from '../../platform/simulated/random.ts'
import { type CompressionCodec, codecs } from '../../protocol/compression/codec.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import {
  appendTo,
  batchesOf,
  FOLDER,
  NOW_MS,
  openTestLog,
  type ReadRecord,
  readAll,
  readCommitted,
} from '../log-fixture.ts'
import type { PartitionLog } from '../partition-log.ts'
import { KeyOffsets } from './key-offsets.ts'

const settings = {
  'cleanup.policy': 'compact',
  'internal.segment.bytes': '600',
  'index.interval.bytes': '100',
  'min.cleanable.dirty.ratio': '0',
  'delete.retention.ms': '1000',
  'segment.ms': '9000000000',
}

const put = (
  log: PartitionLog,
  key: string,
  value: string | null,
  compression: CompressionCodec = 'none',
  timestampMs = NOW_MS,
) => appendTo(log, [{ key, value, timestampMs }], { compression })

/** Fills the last segment up, so that all before it can be compacted. */
function pad(log: PartitionLog): void {
  put(log, 'pad', 'x'.repeat(500))
  put(log, 'pad', 'x'.repeat(500))
}

const shown = (records: readonly ReadRecord[]): string[] =>
  records
    .filter(({ control, key }) => !control && key !== 'pad')
    .map(({ offset, key, value }) => `${offset} ${key}=${value}`)

describe('compaction', () => {
  it('keeps the last record of each key, with its offset, in every codec', async () => {
    for (const compression of codecs) {
      const log = openTestLog({ settings })
      appendTo(
        log,
        [
          { key: 'a', value: '0' },
          { key: 'b', value: '1' },
          { key: 'a', value: '2' },
        ],
        { compression },
      )
      put(log, 'c', '3', compression)
      put(log, 'b', '4', compression)
      pad(log)
      const result = await log.clean(NOW_MS)
      assert.deepEqual(shown(readAll(log)), ['2 a=2', '3 c=3', '4 b=4'])
      assert.deepEqual([result.compaction?.recordsBefore, result.compaction?.cleanedOffset], [6, 6])
      assert.equal(log.cleanedOffset, 6)
      assert.equal(log.endOffset, 7)
      // Every offset can be asked for, also those that are gone.
      for (let fromOffset = 0; fromOffset < 5; fromOffset++) {
        const [first] = readAll(log, { fromOffset })
        assert.ok(first !== undefined && first.offset >= fromOffset)
      }
    }
  })

  it('leaves batches alone that lose nothing, byte for byte', async () => {
    const log = openTestLog({ settings })
    put(log, 'a', '0', 'gzip')
    put(log, 'b', '1', 'zstd')
    const before = log.read({ fromOffset: 0, maxBytes: 9999 }).bytes
    pad(log)
    await log.clean(NOW_MS)
    const after = log.read({ fromOffset: 0, maxBytes: before.length }).bytes
    assert.ok(after.equals(before))
  })

  it('keeps headers, timestamps and producer of what it writes anew', async () => {
    const log = openTestLog({ settings })
    const producer = { producerId: 9, producerEpoch: 2, baseSequence: 7 }
    const headers = [{ key: 'h', value: Buffer.from('v') }]
    appendTo(
      log,
      [
        { key: 'a', value: 'old', timestampMs: NOW_MS - 5 },
        { key: 'b', value: 'kept', timestampMs: NOW_MS - 3, headers },
        { key: 'a', value: 'new', timestampMs: NOW_MS - 9 },
      ],
      { ...producer, compression: 'lz4' },
    )
    pad(log)
    await log.clean(NOW_MS)
    const reader = new RecordBatchReader()
    reader.reset(log.read({ fromOffset: 0, maxBytes: 1 }).bytes)
    assert.deepEqual(
      [reader.baseOffset, reader.lastOffset, reader.recordCount, reader.compression],
      [0, 2, 2, 'lz4'],
    )
    assert.deepEqual([reader.producerId, reader.producerEpoch, reader.baseSequence], [9, 2, 7])
    assert.equal(reader.maxTimestampMs, NOW_MS - 3)
    assert.ok(reader.next())
    assert.deepEqual([reader.offset, reader.timestampMs, reader.headers()], [1, NOW_MS - 3, headers])
    assert.deepEqual(log.offsetForTimestamp(NOW_MS - 4), {
      offset: 1,
      timestampMs: NOW_MS - 3,
      leaderEpoch: 0,
    })
  })

  it('keeps tombstones for delete.retention.ms after the first run that met them', async () => {
    for (const compression of codecs) {
      const log = openTestLog({ settings })
      put(log, 'a', '0', compression)
      put(log, 'a', null, compression)
      pad(log)
      const runAt = async (ms: number): Promise<string[]> => {
        put(log, 'x', String(ms))
        pad(log)
        await log.clean(NOW_MS + ms)
        return shown(readAll(log)).filter((text) => text.includes(' a='))
      }
      assert.deepEqual(await runAt(0), ['1 a=null'])
      assert.deepEqual(await runAt(999), ['1 a=null'])
      const [tombstone] = readAll(log, { fromOffset: 1 })
      assert.equal(tombstone?.timestampMs, NOW_MS, 'its own timestamp stays readable')
      assert.deepEqual(await runAt(1000), [])
    }
  })

  it('waits for the dirty ratio, unless a record is older than max.compaction.lag.ms', async () => {
    const ratio = { ...settings, 'min.cleanable.dirty.ratio': '0.6' }
    const compacted = async (more: Readonly<Record<string, string>>): Promise<PartitionLog> => {
      const log = openTestLog({ settings: { ...ratio, ...more } })
      for (let round = 0; round < 30; round++) put(log, `key ${round}`, 'x'.repeat(100))
      pad(log)
      assert.notEqual((await log.clean(NOW_MS)).compaction, undefined)
      put(log, 'a', '1')
      pad(log)
      return log
    }
    const log = await compacted({})
    assert.equal((await log.clean(NOW_MS + 9000)).compaction, undefined)
    for (let round = 0; round < 60; round++) put(log, `key ${round % 9}`, 'x'.repeat(100))
    assert.notEqual((await log.clean(NOW_MS + 9000)).compaction, undefined)

    const lagging = await compacted({ 'max.compaction.lag.ms': '5000' })
    assert.equal((await lagging.clean(NOW_MS + 5000)).compaction, undefined)
    assert.notEqual((await lagging.clean(NOW_MS + 5001)).compaction, undefined)
  })

  it('leaves records alone that are younger than min.compaction.lag.ms', async () => {
    const log = openTestLog({ settings: { ...settings, 'min.compaction.lag.ms': '500' } })
    put(log, 'a', '0', 'none', NOW_MS)
    put(log, 'a', '1', 'none', NOW_MS)
    pad(log)
    assert.equal((await log.clean(NOW_MS + 499)).compaction, undefined)
    assert.equal(shown(readAll(log)).length, 2)
    await log.clean(NOW_MS + 500)
    assert.deepEqual(shown(readAll(log)), ['1 a=1'])
  })

  it('stops at the first open transaction, and never lets aborted records supersede others', async () => {
    const log = openTestLog({ settings })
    const send = (baseSequence: number, value: string | null) =>
      appendTo(log, [{ key: 'a', value }], {
        producerId: 9,
        producerEpoch: 0,
        baseSequence,
        transactional: true,
      })
    const end = (type: 'commit' | 'abort') =>
      log.appendControl({ type, producerId: 9, producerEpoch: 0, coordinatorEpoch: 0, nowMs: NOW_MS })
    put(log, 'a', 'first')
    send(0, 'aborted')
    end('abort')
    pad(log)
    await log.clean(NOW_MS)
    assert.deepEqual(shown(readAll(log)), ['0 a=first'])
    send(1, 'committed')
    put(log, 'a', 'second')
    pad(log)
    await log.clean(NOW_MS)
    assert.ok(shown(readAll(log)).includes('0 a=first'), 'an open transaction stops it')
    end('commit')
    pad(log)
    await log.clean(NOW_MS)
    assert.deepEqual(shown(readAll(log)), ['6 a=second'])
  })

  it('still names an aborted transaction of which a part is not compacted yet', async () => {
    const log = openTestLog({ settings: { ...settings, 'internal.segment.bytes': '2000' } })
    const send = (producerId: number, baseSequence: number, value: string) =>
      appendTo(log, [{ key: 'a', value }], {
        producerId,
        producerEpoch: 0,
        baseSequence,
        transactional: true,
      })
    const end = (type: 'commit' | 'abort', producerId: number) =>
      log.appendControl({ type, producerId, producerEpoch: 0, coordinatorEpoch: 0, nowMs: NOW_MS })
    put(log, 'b', 'before')
    send(9, 0, 'aborted')
    send(8, 0, 'committed')
    send(9, 1, 'aborted too')
    end('abort', 9)
    put(log, 'pad', 'x'.repeat(1900))
    // The open transaction stops compaction between the two records of the aborted one.
    await log.clean(NOW_MS)
    assert.equal(log.cleanedOffset, 2)
    assert.deepEqual(shown(readAll(log)), ['0 b=before', '2 a=committed', '3 a=aborted too'])
    end('commit', 8)
    const values = readCommitted(log).map(({ value }) => value)
    assert.deepEqual(values.slice(0, 2), ['before', 'committed'])
    assert.ok(!values.includes('aborted too'))
  })

  it('keeps the last batch of each producer, if need be without records, so that it can go on', async () => {
    const disk = new SimulatedDisk()
    const log = openTestLog({ disk, settings })
    appendTo(log, ['a', 'b'], { producerId: 1, producerEpoch: 0, baseSequence: 0 })
    appendTo(log, ['a'], { producerId: 2, producerEpoch: 4, baseSequence: 7, compression: 'gzip' })
    put(log, 'a', 'newer')
    put(log, 'b', 'newer')
    pad(log)
    await log.clean(NOW_MS)
    assert.deepEqual(shown(readAll(log)), ['3 a=newer', '4 b=newer'])
    const batches = batchesOf(log.read({ fromOffset: 0, maxBytes: 9999 }).bytes)
    assert.deepEqual(
      batches.slice(0, 2).map(({ batch, records }) => [batch.baseOffset, batch.lastOffset, records.length]),
      [
        [0, 1, 0],
        [2, 2, 0],
      ],
    )
    // No snapshot is left: the producers are read from the log alone.
    for (const { name } of disk.list(FOLDER)) if (name.endsWith('.snapshot')) disk.remove(`${FOLDER}/${name}`)
    const opened = openTestLog({ disk, settings })
    const again = appendTo(opened, ['a'], { producerId: 2, producerEpoch: 4, baseSequence: 7 })
    assert.deepEqual([again.duplicate, again.baseOffset], [true, 2])
    assert.equal(
      appendTo(opened, ['c'], { producerId: 1, producerEpoch: 0, baseSequence: 2 }).duplicate,
      false,
    )
  })

  it('puts small segments together, and leaves no file behind', async () => {
    const disk = new SimulatedDisk()
    const log = openTestLog({ disk, settings })
    for (let round = 0; round < 60; round++) put(log, `k${round % 3}`, `value ${round}`)
    pad(log)
    const logs = (): number => disk.list(FOLDER).filter(({ name }) => name.endsWith('.log')).length
    const before = logs()
    await log.clean(NOW_MS)
    // What shrank fits together with its neighbours the next time.
    pad(log)
    await log.clean(NOW_MS)
    assert.ok(logs() < before / 2)
    assert.deepEqual(
      disk.list(FOLDER).filter(({ name }) => /swap|cleaned/.test(name)),
      [],
    )
    assert.deepEqual(shown(readAll(log)), ['57 k0=value 57', '58 k1=value 58', '59 k2=value 59'])
    const opened = openTestLog({ disk, settings })
    assert.deepEqual(shown(readAll(opened)), shown(readAll(log)))
  })

  it('goes on without its own memory: a run for which keys do not fit does what it can', async () => {
    const offsets = new KeyOffsets(simulatedRandom(1), 10_000)
    let fitted = 0
    while (offsets.put(Buffer.from(`key ${fitted}`), 0, `key ${fitted}`.length, fitted)) fitted++
    assert.ok(fitted > 100 && fitted < 1000)
    for (let number = 0; number < fitted; number++) {
      const key = Buffer.from(`key ${number}`)
      assert.equal(offsets.get(key, 0, key.length), number)
      assert.ok(offsets.put(key, 0, key.length, number + 5000), 'a known key always fits')
    }
    const unknown = Buffer.from('unknown')
    assert.equal(offsets.get(unknown, 0, unknown.length), -1)
  })
})

describe('the table of keys', () => {
  it('remembers the last offset of each key, against a Map', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 9 }), fc.nat()), { maxLength: 3000 }),
        fc.nat(),
        (entries, seed) => {
          const table = new KeyOffsets(simulatedRandom(seed), 1e9)
          const map = new Map<string, number>()
          for (const [key, offset] of entries) {
            const bytes = Buffer.concat([Buffer.from('..'), key, Buffer.from('..')])
            assert.ok(table.put(bytes, 2, 2 + key.length, offset))
            map.set(Buffer.from(key).toString('hex'), offset)
          }
          assert.equal(table.count, map.size)
          for (const [hex, offset] of map) {
            const key = Buffer.from(hex, 'hex')
            assert.equal(table.get(key, 0, key.length), offset)
          }
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('a compaction that is cut short', () => {
  it('is undone or finished at the next start, at whatever operation it stopped', async () => {
    const disk = new SimulatedDisk({ record: true })
    disk.makeDirectory('/data')
    disk.syncDirectory('/')
    const log = openTestLog({ disk, settings: { ...settings, flush: 'group' } })
    for (let round = 0; round < 50; round++) put(log, `k${round % 4}`, `value ${round}`)
    const producer = { producerId: 9, producerEpoch: 0, baseSequence: 0, transactional: true }
    appendTo(log, [{ key: 'k0', value: 'aborted' }], producer)
    log.appendControl({ type: 'abort', producerId: 9, producerEpoch: 0, coordinatorEpoch: 0, nowMs: NOW_MS })
    pad(log)
    // After this run the segments are so small that the next one puts many together.
    await log.clean(NOW_MS)
    put(log, 'k3', 'last')
    pad(log)
    await log.flush()
    const newest = (opened: PartitionLog): Map<string, string> =>
      new Map(readCommitted(opened).map((row) => [row.key!, `${row.offset} ${row.value}`]))
    const expected = newest(log)
    const { endOffset } = log
    const from = disk.operations.length
    await log.clean(NOW_MS)
    await log.clean(NOW_MS + 70_000)
    assert.deepEqual(newest(log), expected)
    assert.ok(disk.operations.length - from > 20)
    for (let count = from; count <= disk.operations.length; count++) {
      for (let seed = 0; seed < 6; seed++) {
        const copy = disk.replay(count)
        copy.crash(seed === 0 ? 'process' : 'power', simulatedRandom(`${count} ${seed}`))
        const opened = openTestLog({ disk: copy, settings })
        const where = `after ${count} operations, seed ${seed}`
        assert.deepEqual([opened.fault, opened.endOffset], [undefined, endOffset], where)
        assert.deepEqual(newest(opened), expected, where)
        assert.deepEqual(
          copy.list(FOLDER).filter(({ name }) => /swap|cleaned|deleted/.test(name)),
          [],
        )
      }
    }
  })

  it('by a full disk leaves the log as it was', async () => {
    const disk = new SimulatedDisk()
    const log = openTestLog({ disk, settings })
    for (let round = 0; round < 50; round++) put(log, `k${round % 4}`, `value ${round}`)
    pad(log)
    const before = readAll(log)
    disk.setCapacity(disk.usedBytes() + 100)
    assert.equal((await log.clean(NOW_MS)).compaction, undefined)
    assert.deepEqual(readAll(log), before)
    assert.deepEqual(
      disk.list(FOLDER).filter(({ name }) => /cleaned/.test(name)),
      [],
    )
    disk.setCapacity(1e9)
    assert.notEqual((await log.clean(NOW_MS)).compaction, undefined)
  })

  it('by close changes nothing', async () => {
    const disk = new SimulatedDisk()
    const log = openTestLog({ disk, settings })
    for (let round = 0; round < 50; round++) put(log, `k${round % 4}`, `value ${round}`)
    pad(log)
    const before = readAll(log)
    const cleaning = log.clean(NOW_MS)
    await log.close()
    await cleaning
    assert.deepEqual(readAll(openTestLog({ disk, settings })), before)
  })
})
