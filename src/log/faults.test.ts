/**
 * Every single call to the disk fails once, in turn: nothing that was acknowledged is lost, the error says what
 * happened, and the log goes on, or says that it does not.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError, MillraceError } from '../core/errors.ts'
import { directoryOf } from '../platform/disk.ts'
import { SimulatedDisk } from '../platform/simulated/disk.ts'
import type { DiskFault } from '../platform/simulated/disk-faults.ts'
import { isKafkaError, kafkaCodeOf } from '../protocol/error-codes.ts'
import { appendTo, batchOf, FOLDER, inFolder, NOW_MS, openTestLog, readAll } from './log-fixture.ts'
import type { PartitionLog } from './partition-log.ts'

const settings = {
  'internal.segment.bytes': '900',
  'index.interval.bytes': '100',
  'cleanup.policy': 'compact,delete',
  'min.cleanable.dirty.ratio': '0.3',
}

interface Outcome {
  readonly acknowledged: Map<number, string>
  readonly errors: unknown[]
}

/** A life of a log: appends, transactions, syncs, a cleaning, deleted records. Errors are kept and it goes on. */
async function live(log: PartitionLog, outcome: Outcome, from: number): Promise<void> {
  const attempt = async (run: () => unknown): Promise<void> => {
    try {
      await run()
    } catch (error) {
      outcome.errors.push(error)
    }
  }
  for (let round = from; round < from + 30; round++) {
    const value = `value ${round} ${'x'.repeat(40)}`
    await attempt(async () => {
      const { baseOffset, lastOffset } = appendTo(log, [{ key: `k${round % 5}`, value }])
      await log.flushed(lastOffset)
      outcome.acknowledged.set(baseOffset, value)
    })
    if (round % 6 === 5) await attempt(() => readAll(log, { maxBytes: 300 }))
    if (round % 10 === 3) {
      const producer = { producerId: 3, producerEpoch: 0, baseSequence: 0, transactional: true }
      await attempt(() => log.append(batchOf(['t'], producer), { origin: 'coordinator', nowMs: NOW_MS }))
      await attempt(() =>
        log.appendControl({
          type: 'abort',
          producerId: 3,
          producerEpoch: 0,
          coordinatorEpoch: 0,
          nowMs: NOW_MS,
        }),
      )
    }
    if (round % 15 === 14) await attempt(() => log.clean(NOW_MS))
    if (round % 20 === 19) await attempt(() => log.deleteRecordsBefore(Math.min(10, log.highWatermark)))
  }
  await attempt(() => log.close())
}

/** Everything acknowledged that compaction could not take is there. */
function checkAcknowledged(log: PartitionLog, { acknowledged }: Outcome, where: string): void {
  const records = readAll(log, { maxBytes: 700 })
  const newest = new Map<string, number>()
  for (const { key, offset } of records) if (key !== null) newest.set(key, offset)
  const found = new Map(records.map(({ offset, value }) => [offset, value]))
  for (const [offset, value] of acknowledged) {
    if (offset < log.logStartOffset) continue
    if (found.has(offset)) assert.equal(found.get(offset), value, `${where}: offset ${offset}`)
    else {
      const key = `k${Number(value.split(' ')[1]) % 5}`
      assert.ok((newest.get(key) ?? -1) > offset, `${where}: offset ${offset} is lost`)
    }
  }
}

const kinds: readonly (Pick<DiskFault, 'operation' | 'code'> & { readonly calls: number })[] = [
  { operation: 'write', code: 'ENOSPC', calls: 90 },
  { operation: 'write', code: 'EIO', calls: 90 },
  { operation: 'sync', code: 'EIO', calls: 90 },
  { operation: 'open', code: 'EMFILE', calls: 70 },
  { operation: 'rename', code: 'EIO', calls: 50 },
  { operation: 'remove', code: 'EIO', calls: 30 },
  { operation: 'truncate', code: 'EIO', calls: 12 },
  { operation: 'read', code: 'EIO', calls: 120 },
]

describe('a disk that fails once', () => {
  for (const { operation, code, calls } of kinds) {
    for (const flush of ['os', 'group', 'batch'] as const) {
      it(`loses nothing that was acknowledged (${operation}, ${code}, flush=${flush})`, async () => {
        for (let nth = 1; nth <= calls; nth++) {
          const where = `${operation} ${nth}`
          const disk = new SimulatedDisk()
          const outcome: Outcome = { acknowledged: new Map(), errors: [] }
          disk.fail({ operation, code, nth })
          let log: PartitionLog | undefined
          try {
            log = openTestLog({ disk, settings: { ...settings, flush } })
            await live(log, outcome, 0)
          } catch (error) {
            assert.ok(error instanceof MillraceError, `${where}: ${error}`)
          }
          disk.clearFaults()
          for (const error of outcome.errors) {
            assert.ok(
              error instanceof MillraceError && error.code !== 'MR_INVARIANT',
              `${where}: ${(error as Error).stack}`,
            )
          }
          disk.crash('process')
          const opened = openTestLog({
            disk,
            settings: { ...settings, flush },
            logStartOffset: log?.logStartOffset ?? 0,
          })
          assert.equal(opened.fault, undefined, where)
          checkAcknowledged(opened, outcome, where)
          assert.equal(appendTo(opened, [{ key: 'k', value: 'v' }]).baseOffset, opened.endOffset - 1)
        }
      })
    }
  }
})

describe('a full disk', () => {
  it('refuses an append by name, whole, wherever the write stops, and takes the next one when there is room', () => {
    const batch = batchOf([{ key: 'k', value: 'x'.repeat(100) }])
    for (let room = 0; room < batch.length; room += 7) {
      const disk = new SimulatedDisk()
      const log = openTestLog({ disk })
      appendTo(log, ['before'])
      const { sizeBytes } = disk.stat(inFolder('00000000000000000000.log'))
      disk.setCapacity(disk.usedBytes() + room)
      const append = (): unknown => log.append(Buffer.from(batch), { origin: 'client', nowMs: NOW_MS })
      assert.throws(
        append,
        (error) => isMillraceError(error, 'MR_DISK_FULL') && isKafkaError(error, 'KAFKA_STORAGE_ERROR'),
      )
      assert.equal(disk.stat(inFolder('00000000000000000000.log')).sizeBytes, sizeBytes)
      assert.deepEqual([log.endOffset, log.fault], [1, undefined])
      disk.setCapacity(1e9)
      append()
      assert.deepEqual(
        readAll(log).map(({ offset }) => offset),
        [0, 1],
      )
    }
  })

  it('leaves producers and transactions as they were', () => {
    const disk = new SimulatedDisk()
    const log = openTestLog({ disk })
    const producer = { producerId: 3, producerEpoch: 0, transactional: true }
    const send = (baseSequence: number): unknown => appendTo(log, ['a'], { ...producer, baseSequence })
    send(0)
    disk.setCapacity(disk.usedBytes())
    assert.throws(
      () => send(1),
      (error) => isMillraceError(error, 'MR_DISK_FULL'),
    )
    const end = (): unknown =>
      log.appendControl({
        type: 'commit',
        producerId: 3,
        producerEpoch: 0,
        coordinatorEpoch: 0,
        nowMs: NOW_MS,
      })
    assert.throws(end, (error) => isMillraceError(error, 'MR_DISK_FULL'))
    assert.equal(log.hasOngoingTransaction(3), true)
    disk.setCapacity(1e9)
    send(1)
    end()
    assert.deepEqual([log.hasOngoingTransaction(3), log.endOffset], [false, 3])
  })

  it('while a segment ends leaves the log in the old one', () => {
    const disk = new SimulatedDisk()
    const log = openTestLog({ disk, settings: { 'internal.segment.bytes': '200' } })
    appendTo(log, [{ value: 'x'.repeat(80) }])
    const names = disk.list(FOLDER).map(({ name }) => name)
    disk.setCapacity(disk.usedBytes())
    assert.throws(
      () => appendTo(log, [{ value: 'x'.repeat(80) }]),
      (error) => isMillraceError(error, 'MR_DISK_FULL'),
    )
    disk.setCapacity(1e9)
    assert.equal(appendTo(log, [{ value: 'x'.repeat(80) }]).baseOffset, 1)
    assert.ok(disk.list(FOLDER).length > names.length)
    assert.equal(readAll(openTestLog({ disk })).length, 2)
  })
})

describe('a write that fails and cannot be cut off', () => {
  it('makes the log read-only, by name', () => {
    const disk = new SimulatedDisk()
    const log = openTestLog({ disk })
    appendTo(log, ['a'])
    disk.fail({ operation: 'write', code: 'EIO', nth: 1 })
    disk.fail({ operation: 'truncate', code: 'EIO', nth: 1 })
    for (let attempt = 0; attempt < 2; attempt++) {
      assert.throws(
        () => appendTo(log, ['b']),
        (error) => isMillraceError(error, 'MR_LOG_READ_ONLY') && isKafkaError(error, 'KAFKA_STORAGE_ERROR'),
      )
    }
    assert.ok(isMillraceError(log.fault, 'MR_LOG_READ_ONLY'))
    assert.equal(readAll(log).length, 1)
    assert.equal(appendTo(openTestLog({ disk }), ['b']).baseOffset, 1)
  })
})

describe('a sync that fails', () => {
  it('fails all who wait and all who come later, and the log is not trusted until it is opened anew', async () => {
    const disk = new SimulatedDisk()
    disk.makeDirectory(directoryOf(FOLDER))
    disk.syncDirectory('/')
    const log = openTestLog({ disk, settings: { flush: 'group' } })
    appendTo(log, ['a'])
    await log.flush()
    appendTo(log, ['b'])
    disk.fail({ operation: 'sync', code: 'EIO', nth: 1 })
    const storage = (error: unknown): boolean =>
      isMillraceError(error, 'MR_LOG_READ_ONLY') && kafkaCodeOf(error) === 56
    await Promise.all([assert.rejects(log.flushed(1), storage), assert.rejects(log.flush(), storage)])
    await assert.rejects(log.flush(), storage)
    assert.throws(() => appendTo(log, ['c']), storage)
    // Readers keep what they may have seen, and get nothing of what was lost.
    assert.deepEqual(
      readAll(log).map(({ value }) => value),
      ['a'],
    )
    await log.close()
    const again = openTestLog({ disk, settings: { flush: 'group' } })
    assert.equal(again.recoveryPoint, again.endOffset)
    disk.crash('power')
    assert.equal(
      readAll(openTestLog({ disk })).length,
      again.endOffset,
      'what is shown after a start is on the disk',
    )
  })
})
