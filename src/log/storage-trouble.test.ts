/** What a producer is answered, and what is logged, when the disk is full or a segment is damaged. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { simulatedPlatform } from '../platform/simulated/platform.ts'
import { isKafkaError } from '../protocol/error-codes.ts'
import { appendTo, batchOf, inFolder, keepingLogger, openTestLog, readAll } from './log-fixture.ts'
import { StorageTrouble } from './storage-trouble.ts'

function setUp(settings: Readonly<Record<string, string>> = {}) {
  const simulation = simulatedPlatform({ seed: 'trouble' })
  const host = simulation.host('broker')
  const logger = keepingLogger()
  const open = (more: Parameters<typeof openTestLog>[0] = {}) =>
    openTestLog({ platform: host.platform, logger, settings, ...more })
  const errors = () => logger.lines.filter(({ level }) => level === 'error')
  return { simulation, host, disk: host.disk, logger, open, errors }
}

const storageError = (error: unknown): boolean =>
  isMillraceError(error, 'MR_DISK_FULL') && isKafkaError(error, 'KAFKA_STORAGE_ERROR') && error.retriable

describe('a full disk', () => {
  it('is told to the producer as a storage error, at whatever write it is met', () => {
    for (let room = 0; room < 1200; room += 24) {
      const { disk, open } = setUp({ 'internal.segment.bytes': '600' })
      const log = open()
      appendTo(log, ['first'])
      disk.setCapacity(disk.usedBytes() + room)
      let refused = 0
      for (let append = 0; append < 30; append++) {
        try {
          appendTo(log, [{ value: 'x'.repeat(100) }])
        } catch (error) {
          assert.ok(storageError(error), `${room}: ${(error as Error).stack}`)
          refused++
        }
      }
      assert.ok(refused > 0)
      disk.setCapacity(1e9)
      const { baseOffset } = appendTo(log, ['last'])
      assert.equal(readAll(log).at(-1)?.offset, baseOffset)
      assert.equal(log.fault, undefined)
    }
  })

  it('is logged once a minute by name, with how many appends it refused, and when it is over', async () => {
    const { disk, errors, logger, open, simulation } = setUp()
    const log = open()
    appendTo(log, ['first'])
    disk.setCapacity(0)
    const refuse = (times: number): void => {
      for (let i = 0; i < times; i++) assert.throws(() => appendTo(log, ['more']), storageError)
    }
    refuse(100)
    assert.deepEqual(
      errors().map(({ fields }) => [fields['code'], fields['directory'], fields['refused']]),
      [['MR_DISK_FULL', log.directory, 1]],
    )
    await simulation.advance(60_001)
    refuse(7)
    assert.deepEqual(
      errors().map(({ fields }) => fields['refused']),
      [1, 100],
    )
    disk.setCapacity(1e9)
    appendTo(log, ['taken'])
    appendTo(log, ['taken'])
    const over = logger.lines.filter(({ message }) => message === 'the disk takes appends again')
    assert.deepEqual(
      over.map(({ fields }) => fields['refused']),
      [6],
    )
  })

  it('is logged once for all partitions of a directory', () => {
    const { disk, errors, host, logger, open } = setUp()
    const trouble = new StorageTrouble(host.platform.clock, logger)
    const logs = [0, 1, 2].map((partition) =>
      open({ trouble, partition, directory: `/data/clicks-${partition}` }),
    )
    disk.setCapacity(disk.usedBytes())
    for (const log of logs) assert.throws(() => appendTo(log, ['more']), storageError)
    assert.equal(errors().length, 1)
  })
})

describe('damage that is found by a reader after a clean stop', () => {
  it('is logged once, with file and position, and the partition takes no records', async () => {
    const { disk, errors, open, simulation } = setUp()
    const first = open()
    for (const value of ['a', 'b', 'c']) appendTo(first, [{ value }])
    const endOffset = first.endOffset
    await simulation.runUntil(first.close())
    const file = inFolder('00000000000000000000.log')
    const position = batchOf([{ value: 'a' }]).length
    const log = open({ cleanShutdown: true, recoveryPoint: endOffset })
    disk.flipBit(file, (position + 65) * 8)
    assert.equal(log.fault, undefined, 'nothing has been read')
    assert.deepEqual(errors(), [])
    for (let i = 0; i < 3; i++) {
      assert.throws(
        () => log.read({ fromOffset: 1, maxBytes: 1000 }),
        (error) => isMillraceError(error, 'MR_LOG_CORRUPT') && isKafkaError(error, 'CORRUPT_MESSAGE'),
      )
    }
    assert.deepEqual(
      errors().map(({ fields }) => [fields['code'], fields['where']]),
      [['MR_LOG_CORRUPT', `${file}:${position}`]],
    )
    assert.ok(isMillraceError(log.fault, 'MR_LOG_CORRUPT'))
    assert.throws(
      () => appendTo(log, ['more']),
      (error) => isMillraceError(error, 'MR_LOG_CORRUPT') && isKafkaError(error, 'KAFKA_STORAGE_ERROR'),
    )
    assert.deepEqual(
      readAll(log, { fromOffset: 2 }).map(({ value }) => value),
      ['c'],
    )
  })
})
