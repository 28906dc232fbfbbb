import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { SimulatedDisk } from '../platform/simulated/disk.ts'
import { simulatedRandom } from '../platform/simulated/random.ts'
import { isKafkaError } from '../protocol/error-codes.ts'
import { parseLogFileName } from './file-names.ts'
import {
  appendTo,
  batchOf,
  FOLDER,
  inFolder,
  keepingLogger,
  NOW_MS,
  openTestLog,
  type ReadRecord,
  readAll,
  recordsOf,
} from './log-fixture.ts'
import type { PartitionLog } from './partition-log.ts'

/** Bits changed in each file; raise it for a long run. */
const FLIPS = Number(process.env['MILLRACE_FLIPS'] ?? 6)

const settings = { 'internal.segment.bytes': '2500', 'index.interval.bytes': '200' }

/** A log of several segments with idempotent and transactional batches, some aborted. */
function fill(log: PartitionLog, rounds = 60): void {
  for (let round = 0; round < rounds; round++) {
    const timestampMs = NOW_MS - 1000 + round
    const records = [0, 1].map((number) => ({
      key: `k${round}`,
      value: `value ${round}.${number}`,
      timestampMs,
    }))
    const compression = round % 5 === 0 ? 'lz4' : 'none'
    appendTo(log, records, { compression, producerId: 1, producerEpoch: 0, baseSequence: round * 2 })
    if (round % 3 !== 0) continue
    appendTo(log, [{ value: `in transaction ${round}`, timestampMs }], {
      producerId: 2,
      producerEpoch: 0,
      baseSequence: round / 3,
      transactional: true,
    })
    if (round % 2 === 0) appendTo(log, [{ value: 'between', timestampMs }])
    const type = round % 4 === 0 ? 'abort' : 'commit'
    log.appendControl({ type, producerId: 2, producerEpoch: 0, coordinatorEpoch: 0, nowMs: timestampMs })
  }
}

interface View {
  readonly records: readonly ReadRecord[]
  readonly aborted: string
  readonly times: string
  readonly producers: string
  readonly epochs: string
}

/** All that a log shows. */
function viewOf(log: PartitionLog): View {
  const aborted: unknown[] = []
  for (let fromOffset = log.logStartOffset; fromOffset < log.endOffset; fromOffset += 7) {
    aborted.push(log.read({ fromOffset, maxBytes: 700, isolation: 'read_committed' }).abortedTransactions)
  }
  const times: unknown[] = []
  for (let ms = -1005; ms < -900; ms += 7) times.push(log.offsetForTimestamp(NOW_MS + ms))
  times.push(log.offsetForMaxTimestamp(), log.lastStableOffset)
  return {
    records: readAll(log, { maxBytes: 600 }),
    aborted: JSON.stringify(aborted),
    times: JSON.stringify(times),
    producers: JSON.stringify(log.producers().map((producer) => ({ ...producer, lastTimestampMs: 0 }))),
    epochs: JSON.stringify([log.epochEndOffset(3), log.epochOf(0), log.epochOf(log.endOffset - 1)]),
  }
}

const open = (disk: SimulatedDisk, options: Parameters<typeof openTestLog>[0] = {}): PartitionLog =>
  openTestLog({ disk, settings, leaderEpoch: 4, ...options })

/** A disk with a filled log, and what it showed. */
async function filled(
  clean: boolean,
): Promise<{ readonly disk: SimulatedDisk; readonly view: View; readonly endOffset: number }> {
  const disk = new SimulatedDisk({ record: true })
  const log = openTestLog({ disk, settings, leaderEpoch: 3 })
  fill(log, 50)
  log.becomeLeader(4)
  fill2(log)
  const view = viewOf(log)
  const { endOffset } = log
  if (clean) await log.close()
  return { disk, view, endOffset }
}

function fill2(log: PartitionLog): void {
  for (let round = 0; round < 20; round++)
    appendTo(log, [{ value: `later ${round}`, timestampMs: NOW_MS - 900 + round }])
}

function bytesOf(disk: SimulatedDisk, path: string): Buffer {
  const file = disk.open(path, 'read')
  const bytes = Buffer.alloc(file.size())
  file.read(bytes, 0, bytes.length, 0)
  file.close()
  return bytes
}

function overwrite(disk: SimulatedDisk, path: string, bytes: Buffer): void {
  const file = disk.open(path, 'write')
  file.truncate(0)
  file.write(bytes, 0, bytes.length, 0)
  file.close()
}

const namesOf = (disk: SimulatedDisk, suffix: string): string[] =>
  disk
    .list(FOLDER)
    .map(({ name }) => name)
    .filter((name) => name.endsWith(suffix))

const copyOf = (disk: SimulatedDisk): SimulatedDisk => disk.replay(disk.operations.length)

describe('a log that is opened again', () => {
  it('shows the same as before, after a clean shutdown and after none', async () => {
    for (const clean of [true, false]) {
      const { disk, view, endOffset } = await filled(clean)
      assert.ok(namesOf(disk, '.log').length > 4)
      for (const recoveryPoint of [0, 40, endOffset]) {
        const log = open(copyOf(disk), { recoveryPoint, cleanShutdown: clean && recoveryPoint === endOffset })
        assert.deepEqual(viewOf(log), view)
        assert.equal(log.fault, undefined)
        assert.equal(appendTo(log, ['next']).baseOffset, endOffset)
      }
    }
  })

  it('has a torn tail cut off at the last whole batch, wherever it was torn, and nothing before it', async () => {
    const { disk, view, endOffset } = await filled(false)
    const last = namesOf(disk, '.log').at(-1)!
    const whole = bytesOf(disk, inFolder(last))
    const lastBatch = batchOf([{ value: 'later 19', timestampMs: NOW_MS }]).length
    for (let missing = 1; missing <= lastBatch; missing++) {
      const copy = copyOf(disk)
      const file = copy.open(inFolder(last), 'write')
      file.truncate(whole.length - missing)
      file.close()
      const log = open(copy, { recoveryPoint: endOffset - 5 })
      assert.equal(log.endOffset, endOffset - 1)
      assert.equal(log.fault, undefined)
      assert.deepEqual(viewOf(log).records, view.records.slice(0, -1))
      assert.equal(copy.stat(inFolder(last)).sizeBytes, whole.length - lastBatch)
      assert.equal(appendTo(log, ['next']).baseOffset, endOffset - 1)
      assert.equal(readAll(open(copy)).at(-1)?.value, 'next')
    }
  })

  it('has junk behind the last batch cut off', async () => {
    const { disk, view, endOffset } = await filled(false)
    const last = namesOf(disk, '.log').at(-1)!
    const random = simulatedRandom('junk')
    for (const junk of [
      Buffer.alloc(1),
      Buffer.alloc(5000),
      random.bytes(60),
      random.bytes(61),
      random.bytes(3000),
    ]) {
      const copy = copyOf(disk)
      overwrite(copy, inFolder(last), Buffer.concat([bytesOf(disk, inFolder(last)), junk]))
      const logger = keepingLogger()
      const log = open(copy, { logger })
      assert.deepEqual([log.endOffset, log.fault], [endOffset, undefined])
      assert.deepEqual(viewOf(log), view)
      const warning = logger.lines.find(({ level }) => level === 'warn')
      assert.deepEqual([warning?.fields['file'], warning?.fields['bytes']], [inFolder(last), junk.length])
    }
  })

  it('loses nothing when an index, a snapshot or the epochs are missing, cut short or changed', async () => {
    for (const clean of [true, false]) {
      const { disk, view, endOffset } = await filled(clean)
      const names = disk
        .list(FOLDER)
        .map(({ name }) => name)
        .filter((name) => !name.endsWith('.log'))
      assert.ok(names.length > 12)
      for (const name of names) {
        for (const [what, copy] of damagedCopies(disk, name)) {
          const log = open(copy, { cleanShutdown: clean, recoveryPoint: clean ? endOffset : 0 })
          const where = `${clean ? 'clean' : 'unclean'}: ${name} ${what}`
          assert.deepEqual(viewOf(log), view, where)
          assert.equal(log.fault, undefined, where)
          assert.equal(appendTo(log, ['next']).baseOffset, endOffset, where)
        }
      }
    }
  })

  it('never shows a damaged record: it cuts a tail, or says where the damage is', async () => {
    for (const clean of [true, false]) {
      const { disk, view, endOffset } = await filled(clean)
      for (const name of namesOf(disk, '.log')) {
        for (const [what, copy] of damagedCopies(disk, name)) {
          const where = `${clean ? 'clean' : 'unclean'}: ${name} ${what}`
          let log: PartitionLog
          try {
            log = open(copy, { cleanShutdown: clean, recoveryPoint: clean ? endOffset : 0 })
          } catch (error) {
            assert.ok(isMillraceError(error, 'MR_LOG_CORRUPT'), where)
            continue
          }
          const { missing } = readAround(log, view.records, where)
          const tail = log.fault === undefined
          // Only the end of the last segment may be cut, and only when it was not known to be on the disk.
          if (tail && missing > 0) assert.ok(!clean && name === namesOf(disk, '.log').at(-1), where)
          if (!tail)
            assert.throws(
              () => appendTo(log, ['x']),
              (error) => isKafkaError(error, 'KAFKA_STORAGE_ERROR'),
            )
        }
      }
    }
  })
})

/** Copies of a disk with one file missing, cut at every sixteenth, or with one bit changed. */
function* damagedCopies(disk: SimulatedDisk, name: string): Generator<readonly [string, SimulatedDisk]> {
  const path = inFolder(name)
  const bytes = bytesOf(disk, path)
  const without = copyOf(disk)
  without.remove(path)
  yield ['missing', without]
  for (let part = 0; part < 16; part++) {
    const length = Math.floor((bytes.length * part) / 16)
    if (length === bytes.length) continue
    const copy = copyOf(disk)
    overwrite(copy, path, bytes.subarray(0, length))
    yield [`cut to ${length}`, copy]
  }
  const random = simulatedRandom(name)
  for (let flip = 0; flip < FLIPS && bytes.length > 0; flip++) {
    const copy = copyOf(disk)
    const bit = random.uint32() % (bytes.length * 8)
    copy.flipBit(path, bit)
    yield [`bit ${bit}`, copy]
  }
}

/** Reads every offset that can be read. What is given must be right; counts what is not. */
function readAround(
  log: PartitionLog,
  expected: readonly ReadRecord[],
  where: string,
): { readonly missing: number } {
  const seen = new Set<number>()
  for (let fromOffset = log.logStartOffset; fromOffset < log.endOffset; fromOffset++) {
    if (seen.has(fromOffset)) continue
    try {
      for (const record of recordsOf(log.read({ fromOffset, maxBytes: 500 }).bytes)) {
        assert.deepEqual(record, expected[record.offset], where)
        seen.add(record.offset)
      }
    } catch (error) {
      assert.ok(
        isMillraceError(error, 'MR_LOG_CORRUPT') && isKafkaError(error, 'CORRUPT_MESSAGE'),
        `${where}: ${error}`,
      )
      assert.notEqual(log.fault, undefined, where)
    }
  }
  return { missing: expected.length - seen.size }
}

describe('damage in the middle of a log', () => {
  /** Changes a bit in the batch that holds `offset`. */
  function damage(disk: SimulatedDisk, offset: number): string {
    const name = namesOf(disk, '.log').findLast((file) => parseLogFileName(file)!.baseOffset <= offset)!
    const bytes = bytesOf(disk, inFolder(name))
    const value = bytes.indexOf(Buffer.from(`value ${offset}.`))
    assert.ok(value > 0)
    bytes[value + 1]! ^= 4
    overwrite(disk, inFolder(name), bytes)
    return name
  }

  function plain(): SimulatedDisk {
    const disk = new SimulatedDisk({ record: true })
    const log = openTestLog({ disk, settings })
    for (let offset = 0; offset < 100; offset++) appendTo(log, [{ key: 'k', value: `value ${offset}.` }])
    return disk
  }

  it('is named with file, place and offsets, found at start or by a read, and can be read around', () => {
    for (const offset of [0, 5, 40, 98, 99]) {
      for (const recoveryPoint of [0, 100]) {
        const disk = plain()
        const name = damage(disk, offset)
        const logger = keepingLogger()
        const log = openTestLog({ disk, settings, logger, recoveryPoint })
        const good: number[] = []
        for (let fromOffset = 0; fromOffset < 100; fromOffset++) {
          try {
            const records = recordsOf(log.read({ fromOffset, maxBytes: 1 }).bytes)
            // A damaged last batch ends the log.
            if (fromOffset === log.endOffset && records.length === 0) continue
            assert.deepEqual(
              records.map((record) => record.value),
              [`value ${fromOffset}.`],
            )
            good.push(fromOffset)
          } catch (error) {
            if (!isKafkaError(error, 'CORRUPT_MESSAGE')) throw error
          }
        }
        assert.deepEqual(
          good,
          Array.from({ length: 100 }, (_, number) => number).filter((number) => number !== offset),
        )
        assert.ok(isMillraceError(log.fault, 'MR_LOG_CORRUPT'))
        assert.ok(log.fault.where?.startsWith(`${inFolder(name)}:`))
        assert.deepEqual(
          [log.fault.context['fromOffset'], log.fault.context['toOffset']],
          [offset, offset + 1],
        )
        assert.throws(
          () => appendTo(log, ['x']),
          (error) => isKafkaError(error, 'KAFKA_STORAGE_ERROR'),
        )
      }
    }
  })

  it('ends a long read before it', () => {
    const disk = plain()
    damage(disk, 7)
    const log = openTestLog({ disk, settings, recoveryPoint: 100 })
    assert.equal(recordsOf(log.read({ fromOffset: 0, maxBytes: 100_000 }).bytes).at(-1)?.offset, 6)
    assert.equal(recordsOf(log.read({ fromOffset: 8, maxBytes: 100_000 }).bytes)[0]?.offset, 8)
  })

  it('is overcome by deleting the records up to its end', () => {
    const disk = plain()
    damage(disk, 40)
    const log = openTestLog({ disk, settings })
    log.deleteRecordsBefore(40)
    assert.notEqual(log.fault, undefined)
    log.deleteRecordsBefore(41)
    assert.equal(log.fault, undefined)
    assert.equal(appendTo(log, ['x']).baseOffset, 100)
    const again = openTestLog({ disk, settings, logStartOffset: 41 })
    assert.deepEqual([again.fault, again.endOffset], [undefined, 101])
    assert.equal(readAll(again).length, 60)
  })

  it('does not stop searches by time', () => {
    const disk = plain()
    damage(disk, 40)
    const log = openTestLog({ disk, settings })
    assert.equal(log.offsetForTimestamp(NOW_MS)?.offset, 0)
  })
})

describe('a log whose end is missing', () => {
  it('takes no records when what is missing was on the disk', () => {
    const disk = new SimulatedDisk()
    const log = openTestLog({ disk })
    for (let offset = 0; offset < 10; offset++) appendTo(log, ['a'])
    const path = inFolder('00000000000000000000.log')
    const bytes = bytesOf(disk, path)
    for (const cut of [bytes.length - 1, bytes.length / 2, 0]) {
      overwrite(disk, path, bytes.subarray(0, cut))
      const opened = openTestLog({ disk, recoveryPoint: 10 })
      assert.ok(isMillraceError(opened.fault, 'MR_LOG_CORRUPT'))
      assert.throws(
        () => appendTo(opened, ['x']),
        (error) => isKafkaError(error, 'KAFKA_STORAGE_ERROR'),
      )
      assert.ok(readAll(opened).length < 10)
    }
  })

  it('does not begin anew, empty, when its files are gone but for their indexes', () => {
    const disk = new SimulatedDisk()
    const log = openTestLog({ disk, settings: { 'index.interval.bytes': '0' } })
    for (let offset = 0; offset < 500; offset++) appendTo(log, ['a'])
    const names = namesOf(disk, '.log')
    for (const name of names) disk.remove(inFolder(name))
    assert.throws(
      () => openTestLog({ disk }),
      (error) => isMillraceError(error, 'MR_LOG_CORRUPT') && error.where === inFolder(names[0]!),
    )
  })
})

describe('leftovers of an earlier run', () => {
  it('are removed', () => {
    const disk = new SimulatedDisk()
    appendTo(openTestLog({ disk }), ['a'])
    for (const name of [
      '00000000000000000000.log.deleted',
      '00000000000000000000.log.cleaned',
      '00000000000000000000.timeindex.cleaned',
      '00000000000000000000.index.swap',
      'leader-epoch-checkpoint.tmp',
    ]) {
      disk.open(inFolder(name), 'new').close()
    }
    const log = openTestLog({ disk })
    assert.equal(readAll(log).length, 1)
    assert.deepEqual(
      disk
        .list(FOLDER)
        .map(({ name }) => name)
        .filter((name) => /deleted|cleaned|swap|tmp/.test(name)),
      [],
    )
  })
})
