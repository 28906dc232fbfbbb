import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { conformanceRecord } from '../../connector/conformance/sink.ts'
import type { Sink, StoredRecord } from '../../connector/index.ts'
import { isMillraceError } from '../../core/errors.ts'
import { silentLogger } from '../../core/logger.ts'
import { type Disk, joinPath, type OpenMode, readFile } from '../../platform/disk.ts'
import { SimulatedDisk } from '../../platform/simulated/disk.ts'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { simulatedRandom } from '../../platform/simulated/random.ts'
import { fileSink } from './index.ts'

type SinkOptions = Omit<Parameters<typeof fileSink>[0], 'directory'>

const simulation = simulatedPlatform({ seed: 1 })

/** Opens the sink on a disk without a clock, whose syncs are done at once. */
function openOn(disk: Disk, options: SinkOptions = {}): Promise<Sink> {
  const platform = { clock: simulation.clock, random: simulation.random, net: simulation.net, disk }
  const context = { name: 'test', platform, baseDirectory: '/', logger: silentLogger }
  return fileSink({ directory: '/out', ...options }).open({
    ...context,
    signal: new AbortController().signal,
  })
}

function filesOf(disk: Disk, directory = '/out'): string[] {
  return disk.list(directory).flatMap((entry) => {
    const path = joinPath(directory, entry.name)
    if (entry.name.startsWith('.')) return []
    return entry.directory ? filesOf(disk, path) : [path]
  })
}

function linesOf(disk: Disk, path: string): string[] {
  return readFile(disk, path).toString('utf8').split('\n').slice(0, -1)
}

const valuesOf = (disk: Disk): number[] =>
  filesOf(disk)
    .flatMap((path) => linesOf(disk, path))
    .map((line) => Number((JSON.parse(line) as { value: string }).value.slice(1)))
    .sort((a, b) => a - b)

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index)

/** Records over several hours, three to each, now and then one for an hour long past. */
const spread = (number: number): StoredRecord => {
  const hour = number % 5 === 4 ? 0 : Math.floor(number / 3)
  return { ...conformanceRecord(number), timestampMs: 1_357_034_400_000 + hour * 3_600_000 }
}

test('records go to the file of their topic and hour of event time', async () => {
  const disk = new SimulatedDisk()
  const sink = await openOn(disk)
  await sink.write(numbers(0, 9).map(spread))
  await sink.flush()
  await sink.close()
  assert.deepEqual(
    filesOf(disk).map((path) => [path, linesOf(disk, path).length]),
    [
      ['/out/conformance/2013-01-01/10.jsonl', 4],
      ['/out/conformance/2013-01-01/11.jsonl', 2],
      ['/out/conformance/2013-01-01/12.jsonl', 3],
    ],
  )
  assert.equal(
    linesOf(disk, '/out/conformance/2013-01-01/10.jsonl')[0],
    '{"key":"k0","timestamp":"2013-01-01T10:00:00.000Z","value":"r0"}',
  )
})

test('after a power cut behind any operation, nothing flushed is lost and nothing is ever there twice', async () => {
  for (const options of [{ openFilesMax: 2 }, { openFilesMax: 2, bufferBytes: 0 }, { path: 'all.jsonl' }]) {
    const disk = new SimulatedDisk({ record: true })
    const flushed: { readonly operations: number; readonly offset: number }[] = [{ operations: 0, offset: 0 }]
    const sink = await openOn(disk, options)
    for (let from = 0; from < 40; from += 8) {
      await sink.write(numbers(from, from + 5).map(spread))
      await sink.write(numbers(from + 5, from + 8).map(spread))
      await sink.flush()
      flushed.push({ operations: disk.operations.length, offset: from + 8 })
    }
    for (let count = 0; count <= disk.operations.length; count++) {
      for (const [index, kind] of (['process', 'power', 'power'] as const).entries()) {
        const after = disk.replay(count)
        after.crash(kind, simulatedRandom(`${count} ${index}`))
        await continueAfterCrash(
          after,
          options,
          flushed.findLast((flush) => flush.operations <= count)!.offset,
        )
      }
    }
  }
})

async function continueAfterCrash(
  disk: SimulatedDisk,
  options: SinkOptions,
  promised: number,
): Promise<void> {
  const sink = await openOn(disk, options)
  const next = sink.positions?.().get('conformance/0') ?? 0
  assert.ok(next >= promised, `position ${next} is not before ${promised}, which was flushed`)
  assert.deepEqual(valuesOf(disk), numbers(0, next), 'the files hold what the positions say')
  await sink.write(numbers(next, 45).map(spread))
  await sink.flush()
  await sink.close()
  assert.deepEqual(valuesOf(disk), numbers(0, 45))
}

async function deliveredDisk(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk({ record: true })
  const sink = await openOn(disk)
  await sink.write(numbers(0, 9).map(spread))
  await sink.flush()
  await sink.close()
  return disk
}

const manifestPath = '/out/.millrace-manifest.json'

function overwrite(disk: Disk, path: string, bytes: Uint8Array): void {
  if (disk.exists(path)) disk.remove(path)
  const file = disk.open(path, 'new')
  file.write(bytes, 0, bytes.length, 0)
  file.close()
}

/** The sink must not start, must say which file, and must leave everything as it is. */
async function assertRefused(disk: SimulatedDisk, pattern: RegExp): Promise<void> {
  const before = filesOf(disk).map((path) => readFile(disk, path).toString('latin1'))
  await assert.rejects(openOn(disk), (error) => {
    assert.ok(isMillraceError(error, 'MR_SINK_FAILED'), String(error))
    assert.match(error.message, pattern)
    assert.ok(error.where?.startsWith('/out/'))
    assert.ok(error.hint !== undefined)
    return true
  })
  assert.deepEqual(
    filesOf(disk).map((path) => readFile(disk, path).toString('latin1')),
    before,
  )
}

test('a missing manifest beside files is refused, never taken for a new start', async () => {
  const disk = await deliveredDisk()
  disk.remove(manifestPath)
  await assertRefused(disk, /is missing, but "conformance" is there/)
})

test('a truncated manifest is refused, wherever it ends', async () => {
  const intact = readFile(await deliveredDisk(), manifestPath)
  for (let part = 0; part < 16; part++) {
    const disk = await deliveredDisk()
    overwrite(disk, manifestPath, intact.subarray(0, Math.floor((intact.length * part) / 16)))
    await assertRefused(disk, /is damaged/)
  }
})

test('a manifest with any bit flipped is refused', async () => {
  const intact = readFile(await deliveredDisk(), manifestPath)
  for (let bit = 0; bit < intact.length * 8; bit++) {
    const disk = await deliveredDisk()
    disk.flipBit(manifestPath, bit)
    await assertRefused(disk, /is damaged/)
  }
})

test('a manifest of another version is refused by its number', async () => {
  const { crc32c } = await import('../../core/crc32c.ts')
  for (const version of [0, 2]) {
    const disk = await deliveredDisk()
    const line = Buffer.from(`{"version":${version},"positions":[],"lengths":[]}\n`)
    const checksum = crc32c(line).toString(16).padStart(8, '0')
    overwrite(disk, manifestPath, Buffer.concat([line, Buffer.from(`${checksum}\n`)]))
    await assertRefused(disk, new RegExp(`has version ${version}, and this Millrace writes version 1`))
  }
})

test('a file that lost what was delivered, or is gone, is refused', async () => {
  const path = '/out/conformance/2013-01-01/12.jsonl'
  const shorter = await deliveredDisk()
  overwrite(shorter, path, Buffer.from('{}'))
  await assertRefused(shorter, /has 2 bytes, but \d+ bytes were delivered to it/)
  const gone = await deliveredDisk()
  gone.remove(path)
  await assertRefused(gone, /is gone/)
})

test('two sinks cannot have one directory', async () => {
  const disk = new SimulatedDisk()
  const first = await openOn(disk)
  await assert.rejects(openOn(disk), (error) => isMillraceError(error, 'MR_DATA_DIRECTORY_LOCKED'))
  await first.close()
  await (await openOn(disk)).close()
})

test('a name that is taken by something else than a directory is refused, as a link would be', async () => {
  const disk = new SimulatedDisk()
  await (await openOn(disk)).close()
  overwrite(disk, '/out/conformance', Buffer.from('a link or a file'))
  const sink = await openOn(disk)
  await sink.write([spread(0)])
  await assert.rejects(sink.flush(), (error) => isMillraceError(error, 'MR_SINK_FAILED'))
  await sink.close()
})

test('never more files are open than allowed, and the longest unused is closed first', async () => {
  const disk = new SimulatedDisk()
  let open = 0
  let most = 0
  const counting: Disk = {
    open(path, mode) {
      const file = disk.open(path, mode)
      if (!path.endsWith('.jsonl')) return file
      most = Math.max(most, ++open)
      return new Proxy(file, {
        get(target, name) {
          if (name === 'close') open--
          const value: unknown = Reflect.get(target, name)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
    exists: (path) => disk.exists(path),
    stat: (path) => disk.stat(path),
    list: (directory) => disk.list(directory),
    makeDirectory: (path) => disk.makeDirectory(path),
    remove: (path) => disk.remove(path),
    removeDirectory: (path) => disk.removeDirectory(path),
    rename: (from, to) => disk.rename(from, to),
    syncDirectory: (path) => disk.syncDirectory(path),
    lock: (path) => disk.lock(path),
  }
  const sink = await openOn(counting, { openFilesMax: 3 })
  for (let from = 0; from < 100; from += 20) {
    await sink.write(numbers(from, from + 20).map(spread))
    await sink.flush()
  }
  await sink.close()
  assert.equal(most, 3)
  assert.equal(open, 0)
  assert.deepEqual(valuesOf(disk), numbers(0, 100))
})

test('a flush syncs each file and each directory once, and never blocks on a file of records', async () => {
  const disk = new SimulatedDisk()
  const synced: string[] = []
  const watching: Disk = Object.create(disk, {
    syncDirectory: {
      value(path: string) {
        synced.push(path)
        disk.syncDirectory(path)
      },
    },
    open: {
      value(path: string, mode: OpenMode) {
        const file = disk.open(path, mode)
        if (!path.endsWith('.jsonl')) return file
        return Object.create(file, {
          sync: { value: () => file.sync().then(() => void synced.push(path)) },
          syncNow: { value: () => assert.fail(`${path} is synced while everything else waits`) },
        })
      },
    },
  })
  const sink = await openOn(watching, { openFilesMax: 2 })
  await sink.write(numbers(0, 60).map(spread))
  synced.length = 0
  await sink.flush()
  await sink.close()
  const names = [...filesOf(disk), '/out', '/out', '/out', '/out/conformance', '/out/conformance/2013-01-01']
  // The sink's own directory: for each of two manifests, and for the topic's name.
  assert.deepEqual(synced.sort(), [...names, '/out/conformance/2013-01-02'].sort())
})

test('close waits for a flush that is under way, so the next sink goes on behind it', async () => {
  const world = simulatedPlatform({ seed: 2, syncMs: [50, 50] })
  const sink = await world.runUntil(openOn(world.disk))
  await world.runUntil(sink.write(numbers(0, 9).map(spread)))
  const flushed = sink.flush()
  await world.runUntil(sink.close())
  const next = await world.runUntil(openOn(world.disk))
  assert.equal(next.positions?.().get('conformance/0'), 9)
  await flushed
  await next.close()
})

test('keys and values that are JSON stand as they are, all others as text, one line each', async () => {
  const cases: [string, string][] = [
    ['{"a": 1}', '{"a": 1}'],
    ['12345678901234567890', '12345678901234567890'],
    ['[1,\r\n2]', '[1, 2]'],
    ['null', 'null'],
    ['text', '"text"'],
    ['{"a":', '"{\\"a\\":"'],
    ['a\nb', '"a\\nb"'],
    ['', '""'],
    ['['.repeat(100_000), JSON.stringify('['.repeat(100_000))],
    ['{"__proto__":{"polluted":1}}', '{"__proto__":{"polluted":1}}'],
  ]
  for (const [value, line] of cases) {
    const disk = new SimulatedDisk()
    const sink = await openOn(disk, { path: 'all', format: 'value' })
    await sink.write([{ ...spread(0), value: Buffer.from(value) }])
    await sink.flush()
    await sink.close()
    assert.deepEqual(linesOf(disk, '/out/all'), [line])
  }
  assert.equal(({} as { polluted?: unknown }).polluted, undefined)
})

test('any record is one line that reads back', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.option(fc.string({ unit: 'binary' })),
      fc.option(fc.jsonValue()),
      async (key, value) => {
        const disk = new SimulatedDisk()
        const sink = await openOn(disk, { path: 'all' })
        const record = {
          ...spread(0),
          key: key === null ? null : Buffer.from(key),
          value: Buffer.from(JSON.stringify(value, null, 2)),
        }
        await sink.write([record])
        await sink.flush()
        await sink.close()
        const [line, ...others] = linesOf(disk, '/out/all')
        assert.deepEqual(others, [])
        const read = JSON.parse(line!) as { key: unknown; value: unknown }
        assert.deepEqual(read.value, JSON.parse(JSON.stringify(value)))
        const asText = key === null ? null : Buffer.from(key).toString()
        if (typeof read.key === 'string' || read.key === null)
          assert.equal(read.key, asText === 'null' ? null : asText)
        else assert.deepEqual(read.key, JSON.parse(asText!))
      },
    ),
    { numRuns: 200 },
  )
})
