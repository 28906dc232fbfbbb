import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimulatedDisk } from '../platform/simulated/disk.ts'
import { simulatedRandom } from '../platform/simulated/random.ts'
import { resolveLogConfig } from './log-config.ts'
import { appendTo, FOLDER, NOW_MS, openTestLog, readAll } from './log-fixture.ts'
import type { PartitionLog } from './partition-log.ts'

const small = { 'internal.segment.bytes': '200', 'segment.ms': '9000000000' }

/** Ten records, two to a segment, 100 ms apart. */
function filled(
  settings: Readonly<Record<string, string>>,
  disk = new SimulatedDisk(),
  onLogStartMoved: (offset: number) => void = () => {},
): PartitionLog {
  const log = openTestLog({ disk, settings: { ...small, ...settings }, onLogStartMoved })
  for (let number = 0; number < 10; number++) {
    appendTo(log, [{ key: 'k', value: `v${number}`, timestampMs: NOW_MS + number * 100 }], {
      nowMs: NOW_MS,
    })
  }
  return log
}

const namesOf = (disk: SimulatedDisk, ending: string): string[] =>
  disk
    .list(FOLDER)
    .map(({ name }) => name)
    .filter((name) => name.endsWith(ending))

describe('retention by time', () => {
  it('deletes segments whose newest record is too old, from the start, and moves the start', async () => {
    const disk = new SimulatedDisk()
    const log = filled({ 'retention.ms': '1000' }, disk)
    assert.equal(namesOf(disk, '.log').length, 5)
    assert.deepEqual(await log.clean(NOW_MS + 1100), {
      deletedSegments: 0,
      deletedBytes: 0,
      compaction: undefined,
    })
    const result = await log.clean(NOW_MS + 1301)
    assert.equal(result.deletedSegments, 2)
    assert.equal(log.logStartOffset, 4)
    assert.deepEqual(
      readAll(log).map(({ offset }) => offset),
      [4, 5, 6, 7, 8, 9],
    )
    assert.throws(() => log.read({ fromOffset: 3, maxBytes: 10 }))
  })

  it('deletes the last segment too, after beginning a new one', async () => {
    const disk = new SimulatedDisk()
    const log = filled({ 'retention.ms': '1000' }, disk)
    assert.equal((await log.clean(NOW_MS + 5000)).deletedSegments, 5)
    assert.deepEqual([log.logStartOffset, log.endOffset, log.sizeBytes], [10, 10, 0])
    assert.equal((await log.clean(NOW_MS + 9000)).deletedSegments, 0)
    assert.equal(appendTo(log, ['next'], { nowMs: NOW_MS }).baseOffset, 10)
  })

  it('stops at the first segment that is young, even if later ones are old', async () => {
    const log = openTestLog({ settings: { ...small, 'retention.ms': '1000' } })
    for (const timestampMs of [-5000, 0, -5000, -5000]) {
      appendTo(log, [{ value: 'x'.repeat(90), timestampMs: NOW_MS + timestampMs }])
    }
    await log.clean(NOW_MS + 10)
    assert.deepEqual(
      readAll(log).map(({ offset }) => offset),
      [1, 2, 3],
    )
  })

  it('counts from the write when the records are older than that', async () => {
    const disk = new SimulatedDisk({ clock: { nowMs: () => NOW_MS } as never })
    const log = openTestLog({ disk, settings: { ...small, 'retention.ms': '1000' } })
    const longAgoMs = Date.UTC(2013, 0, 1)
    for (let number = 0; number < 4; number++) {
      appendTo(log, [{ value: 'x'.repeat(90), timestampMs: longAgoMs }])
    }
    assert.equal((await log.clean(NOW_MS + 1000)).deletedSegments, 0)
    assert.equal((await log.clean(NOW_MS + 1001)).deletedSegments, 4)
  })

  it('goes by the time of the file when records have no timestamps', async () => {
    const disk = new SimulatedDisk({ clock: { nowMs: () => NOW_MS } as never })
    const log = openTestLog({ disk, settings: { ...small, 'retention.ms': '1000' } })
    for (let number = 0; number < 4; number++) appendTo(log, [{ value: 'x'.repeat(90), timestampMs: -1 }])
    assert.equal((await log.clean(NOW_MS + 1000)).deletedSegments, 0)
    assert.equal((await log.clean(NOW_MS + 1001)).deletedSegments, 4)
  })

  it('never deletes with -1, nor when the policy does not say so', async () => {
    for (const settings of [
      { 'retention.ms': '-1' },
      { 'cleanup.policy': '' },
      { 'cleanup.policy': 'compact', 'retention.ms': '1' },
    ] as const) {
      const log = filled({ ...settings, 'min.cleanable.dirty.ratio': '1' })
      assert.equal((await log.clean(NOW_MS + 1e9)).deletedSegments, 0)
      assert.equal(log.logStartOffset, 0)
    }
  })

  it('takes changed settings from the next call on', async () => {
    const log = filled({})
    assert.equal((await log.clean(NOW_MS + 5000)).deletedSegments, 0)
    log.updateConfig(resolveLogConfig({ ...small, 'retention.ms': '100' }))
    assert.equal((await log.clean(NOW_MS + 5000)).deletedSegments, 5)
  })
})

describe('retention by size', () => {
  it('deletes as many segments as leave at least that size', async () => {
    const log = filled({ 'retention.ms': '-1' })
    const segment = log.sizeBytes / 5
    const keep = async (bytes: number): Promise<number> => {
      log.updateConfig(resolveLogConfig({ ...small, 'retention.bytes': String(bytes) }))
      await log.clean(NOW_MS)
      return log.sizeBytes
    }
    assert.equal(await keep(segment * 4 + 1), segment * 5)
    assert.equal(await keep(segment * 4), segment * 4)
    assert.equal(await keep(segment * 2 - 1), segment * 2)
    assert.equal(await keep(0), 0)
  })
})

describe('deleted records', () => {
  it('take whole segments with them, whatever the policy', async () => {
    const log = filled({ 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '1' })
    log.deleteRecordsBefore(5)
    assert.equal((await log.clean(NOW_MS)).deletedSegments, 2)
    assert.deepEqual(
      readAll(log).map(({ offset }) => offset),
      [5, 6, 7, 8, 9],
    )
    assert.equal(log.logStartOffset, 5)
  })
})

describe('files of deleted segments', () => {
  it('stay, renamed, for file.delete.delay.ms, or until the next start', async () => {
    const disk = new SimulatedDisk()
    const log = filled({ 'retention.ms': '1000', 'file.delete.delay.ms': '500' }, disk)
    await log.clean(NOW_MS + 5000)
    const deleted = namesOf(disk, '.deleted').length
    assert.ok(deleted >= 15)
    await log.clean(NOW_MS + 5499)
    assert.equal(namesOf(disk, '.deleted').length, deleted)
    await log.clean(NOW_MS + 5500)
    assert.equal(namesOf(disk, '.deleted').length, 0)

    const other = new SimulatedDisk()
    await filled({ 'retention.ms': '1000' }, other).clean(NOW_MS + 5000)
    const again = openTestLog({ disk: other, settings: small })
    assert.equal(namesOf(other, '.deleted').length, 0)
    assert.deepEqual([again.logStartOffset, again.endOffset, again.fault], [10, 10, undefined])
  })

  it('leave a log that opens, wherever the deletion was cut short', async () => {
    const disk = new SimulatedDisk({ record: true })
    let startOffset = 0
    let movedAt = 0
    const log = filled({ 'retention.ms': '1000', 'file.delete.delay.ms': '0' }, disk, (offset) => {
      startOffset = offset
      movedAt = disk.operations.length
    })
    const before = disk.operations.length
    await log.clean(NOW_MS + 1301)
    await log.clean(NOW_MS + 1302)
    for (let count = before; count <= disk.operations.length; count++) {
      for (let seed = 0; seed < 6; seed++) {
        const kind = seed === 0 ? 'process' : 'power'
        const copy = disk.replay(count)
        copy.crash(kind, simulatedRandom(`${count} ${seed}`))
        const logStartOffset = count > movedAt ? startOffset : 0
        const opened = openTestLog({ disk: copy, settings: small, logStartOffset })
        assert.equal(opened.fault, undefined, `after ${count} operations, seed ${seed}`)
        const offsets = readAll(opened).map(({ offset }) => offset)
        // Nothing was synced for good but segments that were full; those that were not deleted are whole.
        assert.deepEqual(
          offsets,
          Array.from({ length: offsets.length }, (_, number) => opened.logStartOffset + number),
        )
        if (kind === 'process') assert.ok(opened.logStartOffset <= 4 && opened.endOffset === 10)
      }
    }
  })
})
