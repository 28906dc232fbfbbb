/** What went wrong under `npm run sim -- log`, each with the smallest run that shows it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { silentLogger } from '../core/logger.ts'
import { SimulatedDisk } from '../platform/simulated/disk.ts'
import { simulatedRandom } from '../platform/simulated/random.ts'
import { resolveLogConfig } from './log-config.ts'
import { LogDirectory } from './log-directory.ts'
import {
  appendTo,
  batchOf,
  FOLDER,
  inFolder,
  keepingLogger,
  NOW_MS,
  openTestLog,
  readAll,
  testPlatform,
} from './log-fixture.ts'
import type { PartitionLog } from './partition-log.ts'

const SEEDS = 30
const producer = { producerId: 7, producerEpoch: 0 }

/** A disk on which the folder of the log is there for good. */
function madeDisk(seed: number): SimulatedDisk {
  const disk = new SimulatedDisk({ random: simulatedRandom(seed) })
  disk.makeDirectory(FOLDER)
  disk.syncDirectory('/')
  disk.syncDirectory('/data')
  return disk
}

const fill = (log: PartitionLog, count: number): void => {
  for (let number = 0; number < count; number++)
    appendTo(log, [{ key: `k${number % 3}`, value: 'x'.repeat(60) }])
}

describe('a power cut', () => {
  it('does not make a log forget a producer whose segments were deleted', async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const disk = madeDisk(seed)
      let logStartOffset = 0
      const settings = {
        'internal.segment.bytes': '700',
        'retention.bytes': '800',
        'file.delete.delay.ms': '0',
      }
      const log = openTestLog({
        disk,
        settings,
        onLogStartMoved: (offset) => {
          logStartOffset = offset
        },
      })
      appendTo(log, ['first'], { ...producer, baseSequence: 0 })
      fill(log, 20)
      await log.clean(NOW_MS)
      assert.ok(logStartOffset > 1)
      await log.flush()
      disk.crash('power')
      const opened = openTestLog({ disk, settings, logStartOffset })
      const again = appendTo(opened, ['first'], { ...producer, baseSequence: 0 })
      assert.deepEqual([again.duplicate, again.baseOffset], [true, 0], `seed ${seed}`)
    }
  })

  it('does not make a log forget a producer whose last batch it takes and whose others were compacted', async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const disk = madeDisk(seed)
      const settings = {
        'internal.segment.bytes': '700',
        'cleanup.policy': 'compact',
        'min.cleanable.dirty.ratio': '0',
        'file.delete.delay.ms': '0',
      }
      const log = openTestLog({ disk, settings })
      const send = (to: PartitionLog, baseSequence: number): ReturnType<typeof appendTo> =>
        appendTo(to, [{ key: 'k0', value: 'v' }], { ...producer, baseSequence })
      send(log, 0)
      fill(log, 8)
      // The last batch of the producer is in the segment that is written, so that compaction takes the first.
      const { baseOffset } = send(log, 1)
      await log.clean(NOW_MS)
      disk.crash('power')
      const opened = openTestLog({ disk, settings })
      assert.equal(opened.fault, undefined, `seed ${seed}`)
      const sequence = opened.endOffset > baseOffset ? 1 : 0
      assert.equal(opened.producers()[0]?.lastSequence, sequence, `seed ${seed}`)
      assert.equal(send(opened, sequence).duplicate, true, `seed ${seed}`)
    }
  })

  it('does not take a data directory whose first start was cut short', async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const disk = new SimulatedDisk({ random: simulatedRandom(seed) })
      const open = (): Promise<LogDirectory> =>
        LogDirectory.open({
          platform: testPlatform(disk),
          directory: '/data/logs',
          logger: silentLogger,
          nodeId: 1,
          configOf: () => resolveLogConfig({ flush: 'group' }),
        })
      disk.fail({ operation: 'sync', code: 'EIO', nth: 1 })
      await assert.rejects(open(), (error) => isMillraceError(error, 'MR_DISK_FAILED'))
      disk.crash('process')
      const directory = await open()
      const topicId = Buffer.alloc(16, 1)
      const config = resolveLogConfig({ flush: 'group' })
      const log = directory.create({ topic: 'clicks', partition: 0, topicId, config })
      await log.flushed(appendTo(log, ['kept']).lastOffset)
      disk.crash('power')
      const again = await open()
      assert.equal(again.get('clicks', 0)?.endOffset, 1, `seed ${seed}`)
    }
  })

  it('does not bring deleted records back that a start showed as deleted', async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const disk = madeDisk(seed)
      const open = (): Promise<LogDirectory> =>
        LogDirectory.open({
          platform: testPlatform(disk),
          directory: '/data',
          logger: silentLogger,
          nodeId: 1,
          configOf: () => resolveLogConfig({ flush: 'group' }),
        })
      const directory = await open()
      const config = resolveLogConfig({ flush: 'group' })
      const log = directory.create({ topic: 'other', partition: 0, topicId: Buffer.alloc(16, 1), config })
      fill(log, 5)
      await log.flush()
      // The new start has its name, which is not synced, when the process ends.
      // Its draft is created, written, synced and renamed; the fifth operation is the sync of the folder.
      disk.crashAt(5, () => disk.crash('process'))
      assert.throws(() => log.deleteRecordsBefore(3))
      const shown = (await open()).get('other', 0)!.logStartOffset
      disk.crash('power')
      const start = (await open()).get('other', 0)!.logStartOffset
      assert.ok(start >= shown, `seed ${seed}: ${shown} was shown, ${start} is the start`)
      assert.equal(shown, 3)
    }
  })

  it('after a sync that failed and a restart does not tear a hole that later syncs cover', async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const disk = madeDisk(seed)
      const log = openTestLog({ disk })
      fill(log, 3)
      disk.fail({ operation: 'sync', code: 'EIO', nth: 1 })
      await assert.rejects(log.flush(), (error) => isMillraceError(error, 'MR_LOG_READ_ONLY'))
      disk.crash('process')
      const opened = openTestLog({ disk })
      fill(opened, 3)
      await opened.flush()
      disk.crash('power')
      const last = openTestLog({ disk, recoveryPoint: 6 })
      assert.deepEqual([last.fault, last.endOffset, readAll(last).length], [undefined, 6, 6], `seed ${seed}`)
    }
  })
})

describe('a disk that fails once', () => {
  it('while a segment is begun leaves no file that would end the log where it begins', () => {
    const disk = new SimulatedDisk()
    const settings = { 'internal.segment.bytes': '400' }
    const log = openTestLog({ disk, settings })
    fill(log, 2)
    // The log's file is there already; that of the index is not.
    disk.fail({ operation: 'open', code: 'EMFILE', path: '.index', nth: 1 })
    assert.throws(() => fill(log, 3))
    const { endOffset } = log
    const segments = (): string[] =>
      disk
        .list(FOLDER)
        .map(({ name }) => name)
        .filter((name) => name.endsWith('.log'))
    assert.equal(segments().length, 1)
    appendTo(log, ['small'])
    disk.crash('process')
    const opened = openTestLog({ disk, settings })
    assert.deepEqual([opened.fault, opened.endOffset], [undefined, endOffset + 1])
  })

  it('while aborted transactions are looked up does not make a later reader take them for committed', async () => {
    const disk = new SimulatedDisk()
    const settings = { 'internal.segment.bytes': '400' }
    const log = openTestLog({ disk, settings })
    appendTo(log, ['aborted'], { ...producer, baseSequence: 0, transactional: true })
    const end = { producerEpoch: 0, coordinatorEpoch: 0, nowMs: NOW_MS }
    log.appendControl({ type: 'abort', producerId: 7, ...end })
    fill(log, 6)
    await log.close()
    const opened = openTestLog({ disk, settings, recoveryPoint: 8, cleanShutdown: true })
    const read = (): number =>
      opened.read({ fromOffset: 0, maxBytes: 100, isolation: 'read_committed' }).abortedTransactions.length
    disk.fail({ operation: 'open', code: 'EMFILE', path: '.txnindex', nth: 1 })
    assert.throws(read, (error) => isMillraceError(error, 'MR_DISK_FAILED'))
    assert.equal(read(), 1)
  })

  it('while old segments are renamed does not leave the start of the log before the records that are left', async () => {
    const disk = new SimulatedDisk()
    const settings = { 'internal.segment.bytes': '400', 'retention.bytes': '500' }
    let noted = 0
    const log = openTestLog({
      disk,
      settings,
      onLogStartMoved: (offset) => {
        noted = offset
      },
    })
    fill(log, 12)
    disk.fail({ operation: 'rename', code: 'EIO', path: '0003.log', nth: 1 })
    await assert.rejects(log.clean(NOW_MS))
    assert.ok(noted > 0)
    assert.equal(log.logStartOffset, noted)
    assert.equal(readAll(log)[0]?.offset, noted)
  })

  it('does not show records that it refused when the topic asks for less than before', () => {
    const disk = new SimulatedDisk()
    const log = openTestLog({ disk, settings: { flush: 'batch' } })
    fill(log, 1)
    disk.fail({ operation: 'sync', code: 'EIO', nth: 1 })
    assert.throws(() => fill(log, 1))
    log.updateConfig(resolveLogConfig({ flush: 'os' }))
    assert.equal(log.highWatermark, 1)
  })
})

describe('a batch that comes again', () => {
  it('waits for the sync that it did not need when it came first, before the topic asked for one', () => {
    const log = openTestLog({ disk: new SimulatedDisk() })
    assert.equal(appendTo(log, ['a'], { ...producer, baseSequence: 0 }).waitForFlush, false)
    for (const flush of ['group', 'batch']) {
      log.updateConfig(resolveLogConfig({ flush }))
      const { duplicate, waitForFlush } = appendTo(log, ['a'], { ...producer, baseSequence: 0 })
      assert.deepEqual([duplicate, waitForFlush], [true, true])
    }
  })
})

describe('a compaction', () => {
  it('leaves alone what a transaction supersedes whose marker is not on the disk', async () => {
    const disk = new SimulatedDisk()
    const settings = {
      'internal.segment.bytes': '500',
      'cleanup.policy': 'compact',
      'min.cleanable.dirty.ratio': '0',
    }
    const log = openTestLog({ disk, settings })
    appendTo(log, [{ key: 'k', value: 'old' }])
    appendTo(log, [{ key: 'k', value: 'new' }], { ...producer, baseSequence: 0, transactional: true })
    fill(log, 5)
    log.appendControl({ type: 'commit', producerId: 7, producerEpoch: 0, coordinatorEpoch: 0, nowMs: NOW_MS })
    await log.clean(NOW_MS)
    assert.equal(readAll(log)[0]?.value, 'old')
    fill(log, 5)
    await log.flush()
    await log.clean(NOW_MS)
    assert.ok(readAll(log).every(({ value }) => value !== 'old'))
  })
})

describe('a file of closed segments that cannot be read', () => {
  it('is named, and the indexes are made anew', async () => {
    const disk = new SimulatedDisk()
    const settings = { 'internal.segment.bytes': '700', 'index.interval.bytes': '100' }
    const log = openTestLog({ disk, settings })
    fill(log, 20)
    await log.close()
    disk.flipBit(inFolder('segment-checkpoint'), 3)
    const logger = keepingLogger()
    const opened = openTestLog({ disk, settings, logger, recoveryPoint: 20, cleanShutdown: true })
    assert.equal(readAll(opened).length, 20)
    const files = logger.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields['file'])
    assert.ok(files.includes(inFolder('segment-checkpoint')))
    assert.ok(files.includes(inFolder('00000000000000000000.index')))
    assert.equal(opened.append(batchOf(['next']), { origin: 'client', nowMs: NOW_MS }).baseOffset, 20)
  })
})
