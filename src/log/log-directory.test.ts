import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { silentLogger } from '../core/logger.ts'
import { readFile } from '../platform/disk.ts'
import { SimulatedDisk } from '../platform/simulated/disk.ts'
import { simulatedRandom } from '../platform/simulated/random.ts'
import { isKafkaError } from '../protocol/error-codes.ts'
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts'
import { parsePartitionFolder } from './file-names.ts'
import { LeaderEpochFile } from './leader-epoch-file.ts'
import { resolveLogConfig } from './log-config.ts'
import { LogDirectory, type LogDirectoryOptions } from './log-directory.ts'
import { appendTo, keepingLogger, NOW_MS, readAll, testPlatform } from './log-fixture.ts'

const config = resolveLogConfig({ 'internal.segment.bytes': '1000', 'file.delete.delay.ms': '500' })
const idOf = (number: number): Buffer => Buffer.alloc(16, number)

function open(disk: SimulatedDisk, options: Partial<LogDirectoryOptions> = {}): Promise<LogDirectory> {
  return LogDirectory.open({
    platform: testPlatform(disk),
    directory: '/data',
    logger: silentLogger,
    nodeId: 1,
    configOf: () => config,
    ...options,
  })
}

/** A directory with three partitions and some records in each. */
async function filled(disk: SimulatedDisk): Promise<LogDirectory> {
  const directory = await open(disk)
  for (const [topic, partition] of [
    ['a', 0],
    ['a', 1],
    ['b.c-d', 12],
  ] as const) {
    const log = directory.create({ topic, partition, topicId: idOf(topic === 'a' ? 1 : 2), config })
    for (let number = 0; number < 30; number++)
      appendTo(log, [{ key: 'k', value: `${topic}/${partition} ${number}` }])
  }
  return directory
}

const textOf = (disk: SimulatedDisk, path: string): string => readFile(disk, path).toString()

describe('a data directory', () => {
  it('holds its partitions, and has them again after close', async () => {
    const disk = new SimulatedDisk()
    const directory = await filled(disk)
    directory.get('a', 1)?.deleteRecordsBefore(7)
    const { clusterId, directoryId } = directory
    await directory.close()
    assert.ok(disk.exists('/data/.kafka_cleanshutdown'))
    const again = await open(disk)
    assert.equal(disk.exists('/data/.kafka_cleanshutdown'), false)
    assert.deepEqual([again.clusterId, again.directoryId, again.failures], [clusterId, directoryId, []])
    assert.deepEqual(
      [...again.partitions()].map(({ topic, partition }) => `${topic}/${partition}`),
      ['a/0', 'a/1', 'b.c-d/12'],
    )
    assert.deepEqual(again.topicIdOf('b.c-d'), idOf(2))
    assert.equal(again.topicIdOf('c'), undefined)
    assert.deepEqual([again.get('a', 1)?.logStartOffset, again.get('a', 1)?.endOffset], [7, 30])
    assert.equal(readAll(again.get('b.c-d', 12)!).at(-1)?.value, 'b.c-d/12 29')
    assert.equal(again.get('a', 1)?.recoveryPoint, 30)
  })

  it('is checked after a crash, and keeps what it had', async () => {
    const disk = new SimulatedDisk()
    const directory = await filled(disk)
    directory.get('a', 0)?.deleteRecordsBefore(4)
    directory.checkpoint()
    disk.crash('process')
    const again = await open(disk)
    assert.deepEqual([again.get('a', 0)?.logStartOffset, again.get('a', 0)?.endOffset], [4, 30])
    assert.deepEqual(
      [...again.partitions()].map((log) => log.fault),
      [undefined, undefined, undefined],
    )
  })

  it('belongs to one process', async () => {
    const disk = new SimulatedDisk()
    const directory = await open(disk)
    await assert.rejects(open(disk), (error) => isMillraceError(error, 'MR_DATA_DIRECTORY_LOCKED'))
    await directory.close()
    await (await open(disk)).close()
  })

  it('belongs to one node of one cluster', async () => {
    const disk = new SimulatedDisk()
    await (await open(disk, { clusterId: 'here' })).close()
    for (const other of [{ nodeId: 2 }, { clusterId: 'there' }]) {
      await assert.rejects(open(disk, other), (error) => isMillraceError(error, 'MR_LOG_DIRECTORY_INVALID'))
    }
    assert.equal((await open(disk)).clusterId, 'here')
  })

  it('writes meta.properties and partition.metadata as Kafka does', async () => {
    const disk = new SimulatedDisk()
    await (await filled(disk)).close()
    const meta = textOf(disk, '/data/meta.properties')
      .split('\n')
      .filter((line) => !line.startsWith('#'))
    assert.deepEqual(
      meta.map((line) => line.split('=')[0]),
      ['cluster.id', 'directory.id', 'node.id', 'version', ''],
    )
    assert.equal(
      textOf(disk, '/data/a-0/partition.metadata'),
      'version: 0\ntopic_id: AQEBAQEBAQEBAQEBAQEBAQ\n',
    )
    assert.match(
      textOf(disk, '/data/recovery-point-offset-checkpoint'),
      /^0\n4\na 0 30\na 1 30\nb\.c-d 12 30\n__millrace_checksum 0 \d+\n$/,
    )
  })

  it('refuses a second log of a name, and illegal names', async () => {
    const directory = await filled(new SimulatedDisk())
    const create = (topic: string) => () =>
      directory.create({ topic, partition: 0, topicId: idOf(1), config })
    assert.throws(create('a'), (error) => isKafkaError(error, 'TOPIC_ALREADY_EXISTS'))
    for (const name of ['..', '', 'a/b', '../a', 'x'.repeat(250)]) assert.throws(create(name))
  })

  it('deletes a log at once, and its files after the delay', async () => {
    const disk = new SimulatedDisk()
    const directory = await filled(disk)
    directory.checkpoint()
    await directory.delete('a', 0)
    await directory.delete('a', 0)
    assert.equal(directory.get('a', 0), undefined)
    const folders = (): string[] =>
      disk
        .list('/data')
        .map(({ name }) => name)
        .filter((name) => name.startsWith('a-0'))
    assert.match(folders().join(), /^a-0\.[0-9a-f]{32}-delete$/)
    await directory.clean(NOW_MS + 499)
    assert.equal(folders().length, 1)
    await directory.clean(NOW_MS + 500)
    assert.deepEqual(folders(), [])
    // A new log of that name starts empty, without the offsets of the old one.
    const log = directory.create({ topic: 'a', partition: 0, topicId: idOf(3), config })
    assert.deepEqual([log.endOffset, log.fault], [0, undefined])
    await directory.close()
    assert.equal((await open(disk)).get('a', 0)?.endOffset, 0)
  })

  it('removes deleted folders at start', async () => {
    const disk = new SimulatedDisk()
    const directory = await filled(disk)
    await directory.delete('a', 1)
    await directory.close()
    const again = await open(disk)
    assert.equal(again.get('a', 1), undefined)
    assert.deepEqual(
      disk.list('/data').filter(({ name }) => name.endsWith('-delete')),
      [],
    )
  })

  it('opens what it can, and says what it cannot', async () => {
    const disk = new SimulatedDisk()
    await (await filled(disk)).close()
    for (const { name } of disk.list('/data/a-1')) if (name.endsWith('.log')) disk.remove(`/data/a-1/${name}`)
    const logger = keepingLogger()
    const again = await open(disk, { logger })
    assert.deepEqual(
      again.failures.map(({ directory, topic, partition }) => [directory, topic, partition]),
      [['/data/a-1', 'a', 1]],
    )
    assert.ok(isMillraceError(again.failures[0]?.error, 'MR_LOG_CORRUPT'))
    assert.ok(logger.lines.some(({ level }) => level === 'error'))
    assert.equal(again.get('a', 0)?.endOffset, 30)
    // It does not count as shut down cleanly, and forgets nothing of the log that failed.
    await again.close()
    assert.equal(disk.exists('/data/.kafka_cleanshutdown'), false)
    assert.match(textOf(disk, '/data/recovery-point-offset-checkpoint'), /\na 1 30\n/)
  })

  it('loses nothing when one of its own files is missing, cut short or changed, or refuses by name', async () => {
    const disk = new SimulatedDisk({ record: true })
    const directory = await filled(disk)
    directory.get('a', 0)?.deleteRecordsBefore(5)
    await directory.close()
    const files = disk
      .list('/data')
      .filter((entry) => !entry.directory)
      .map(({ name }) => `/data/${name}`)
    assert.equal(files.length, 5)
    const random = simulatedRandom('files')
    for (const path of [...files, '/data/a-0/partition.metadata']) {
      const { sizeBytes } = disk.stat(path)
      for (let change = -1; change < 16 + 40; change++) {
        const copy = disk.replay(disk.operations.length)
        if (change < 0) copy.remove(path)
        else if (change < 16) {
          const file = copy.open(path, 'write')
          file.truncate(Math.floor((sizeBytes * change) / 16))
          file.close()
        } else copy.flipBit(path, random.uint32() % (sizeBytes * 8))
        await checkDamaged(copy, `${path}, change ${change}`)
      }
    }
  })

  it('says of a newer format that it is newer', async () => {
    const disk = new SimulatedDisk()
    await (await filled(disk)).close()
    const replace = (path: string, from: string, to: string): void => {
      const text = textOf(disk, path).replace(from, to)
      const file = disk.open(path, 'write')
      file.truncate(0)
      file.write(Buffer.from(text), 0, text.length, 0)
      file.close()
    }
    replace('/data/a-0/partition.metadata', 'version: 0', 'version: 7')
    const directory = await open(disk)
    assert.match(String(directory.failures[0]?.error), /version 7/)
    await directory.close()
    replace('/data/meta.properties', 'version=1', 'version=9')
    replace('/data/meta.properties', '#checksum', '#')
    await assert.rejects(open(disk), /version 9/)
  })
})

async function checkDamaged(disk: SimulatedDisk, where: string): Promise<void> {
  let directory: LogDirectory
  try {
    directory = await open(disk)
  } catch (error) {
    assert.ok(isMillraceError(error, 'MR_LOG_DIRECTORY_INVALID') && where.includes('meta.properties'), where)
    return
  }
  const expected = where.includes('partition.metadata') && directory.failures.length === 1 ? 2 : 3
  const logs = [...directory.partitions()]
  assert.equal(logs.length, expected, where)
  for (const log of logs) {
    assert.deepEqual([log.endOffset, log.fault], [30, undefined], where)
    // A start that is not known any more lets deleted records be read again; it never hides others.
    const start = log.topic === 'a' && log.partition === 0 ? [0, 5] : [0]
    assert.ok(start.includes(log.logStartOffset), where)
    assert.equal(readAll(log).length, 30 - log.logStartOffset, where)
  }
}

describe('checkpoint files', () => {
  it('give back what was written, and nothing else', () => {
    const disk = new SimulatedDisk()
    disk.makeDirectory('/data')
    assert.deepEqual(readCheckpoint(disk, '/data/checkpoint'), new Map())
    writeCheckpoint(disk, '/data/checkpoint', [{ topic: 'a-b', partition: 3, offset: 2 ** 40 }])
    assert.deepEqual(readCheckpoint(disk, '/data/checkpoint'), new Map([['a-b-3', 2 ** 40]]))
    writeCheckpoint(disk, '/data/checkpoint', [])
    assert.deepEqual(readCheckpoint(disk, '/data/checkpoint'), new Map())
  })
})

describe('folder names', () => {
  it('are those of partitions, or of none', () => {
    assert.deepEqual(parsePartitionFolder('a-b-12'), { topic: 'a-b', partition: 12 })
    for (const name of ['a', 'a-', '-1', 'a-01', 'a-1-delete', 'a-99999999999', 'a-1.abc-delete']) {
      assert.equal(parsePartitionFolder(name), undefined, name)
    }
  })
})

describe('the leader epoch file', () => {
  it('is refused when it is not as it must be', () => {
    const disk = new SimulatedDisk()
    disk.makeDirectory('/data')
    const load = (text: string): string | undefined => {
      const file = disk.open('/data/epochs', 'create')
      file.truncate(0)
      file.write(Buffer.from(text), 0, text.length, 0)
      file.close()
      return new LeaderEpochFile(disk, '/data/epochs').load()
    }
    assert.equal(load('0\n2\n1 0\n5 100\n'), undefined)
    assert.equal(load('0\n0\n'), undefined)
    for (const text of [
      '',
      '0',
      '0\n',
      '1\n0\n',
      '0\n1\n',
      '0\n1\n1 0',
      '0\n1\n1 0\n2 5\n',
      '0\n2\n1 0\n1 5\n',
      '0\n2\n1 7\n2 5\n',
      '0\n1\nx 5\n',
      '0\n1\n1 -5\n',
    ]) {
      assert.notEqual(load(text), undefined, JSON.stringify(text))
    }
  })
})
