import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { isFailedEvent } from '../../connector/index.ts'
import { isMillraceError } from '../../core/errors.ts'
import { silentLogger } from '../../core/logger.ts'
import { nodePlatform } from '../../platform/node/platform.ts'
import { PieceGunzip } from './gunzip.ts'
import { blob, csv, line, spoolDirectory } from './index.ts'
import { outline, SpoolWorld } from './testdata.ts'

const changed = (error: unknown): boolean => isMillraceError(error, 'MR_SOURCE_FILE_CHANGED')

async function unitsOf(world: SpoolWorld, options = {}): Promise<string[]> {
  await world.settle()
  const source = await world.open(options)
  const batches = await world.readAll(source)
  await source.close()
  return batches.map((batch) => batch.unit)
}

test('hidden files, drafts, ignored names and directories are left alone', async () => {
  const world = new SpoolWorld()
  for (const name of ['.hidden', 'a.tmp', 'b.log', 'b.log.old', 'below/c.log', '.below/d.log'])
    world.write(name, 'x')
  assert.deepEqual(await unitsOf(world), ['b.log', 'b.log.old'])
  assert.deepEqual(await unitsOf(world, { includePattern: '.*[.]log' }), ['b.log'])
  assert.deepEqual(await unitsOf(world, { ignorePattern: '.*old' }), ['b.log'])
  assert.deepEqual(await unitsOf(world, { recursive: true }), ['b.log', 'b.log.old', 'below/c.log'])
})

test('files come by name, oldest first or youngest first', async () => {
  const world = new SpoolWorld()
  for (const name of ['b', 'c', 'a']) {
    world.write(name, 'x')
    await world.simulation.advance(5)
  }
  assert.deepEqual(await unitsOf(world), ['a', 'b', 'c'])
  assert.deepEqual(await unitsOf(world, { consumeOrder: 'oldest' }), ['b', 'c', 'a'])
  assert.deepEqual(await unitsOf(world, { consumeOrder: 'youngest' }), ['a', 'c', 'b'])
})

test('headers say the file, and cannot be changed by who gets them', async () => {
  const world = new SpoolWorld()
  world.write('below/a', 'x')
  const [event] = await world.events({ recursive: true, fileHeader: true, basenameHeader: true })
  assert.ok(event !== undefined && !isFailedEvent(event))
  assert.deepEqual(event.headers, { file: '/spool/below/a', basename: 'a' })
  assert.throws(() => Object.assign(event.headers, { file: 'b' }), TypeError)
  assert.equal(event.origin?.file, 'below/a')
})

test('a file that still grows is left alone until it stands still', async () => {
  const world = new SpoolWorld()
  world.write('a', 'one\n')
  const source = await world.open()
  const reading = source.read()
  await world.simulation.advance(300)
  world.append('a', 'two\n')
  assert.equal(await world.run(reading), 'idle')
  await world.simulation.advance(300)
  world.append('a', 'three\n')
  assert.equal(await world.run(source.read()), 'idle', 'it grew again')
  await world.simulation.advance(500)
  const [batch] = await world.readAll(source)
  assert.deepEqual(outline(batch!.events), [
    [1, 'one'],
    [2, 'two'],
    [3, 'three'],
  ])
})

test('a file that was too young at the first poll is waited for, not passed over as if nothing were there', async () => {
  const world = new SpoolWorld()
  world.write('a', 'old')
  await world.settle()
  world.write('b', 'young')
  const source = await world.open()
  const batches = await world.readAll(source)
  assert.deepEqual(
    batches.map(({ unit }) => unit),
    ['a', 'b'],
  )
  await source.close()
})

test('a file from the future is taken up when it was seen twice', async () => {
  const world = new SpoolWorld()
  world.simulation.clock.jumpWallClock(3_600_000)
  world.write('a', 'x')
  world.simulation.clock.jumpWallClock(-3_600_000)
  const source = await world.open()
  assert.equal((await world.readAll(source)).length, 1)
})

test('a done file that changes stops the source, by size or by content', async () => {
  for (const change of ['xx', 'y']) {
    const world = new SpoolWorld()
    world.write('a', 'x')
    await world.settle()
    const source = await world.open()
    const [batch] = await world.readAll(source)
    world.write('a', change)
    await assert.rejects(world.run(source.read()), changed)
    await assert.rejects(world.readAll(await world.open({}, { position: batch!.position })), changed)
  }
})

test('a done file that is only touched, or is gone, stops nothing', async () => {
  const world = new SpoolWorld()
  world.write('a', 'x')
  await world.settle()
  const source = await world.open()
  const [batch] = await world.readAll(source)
  await world.settle()
  world.write('a', 'x')
  assert.equal(await world.run(source.read()), 'idle')
  assert.deepEqual(await world.readAll(await world.open({}, { position: batch!.position })), [])
  world.simulation.disk.remove('/spool/a')
  assert.equal(await world.run(source.read()), 'idle')
  world.write('a', 'other')
  await assert.rejects(world.run(source.read()), changed, 'its name is still remembered')
})

test('a file that changes while it is read, or before it is read on, stops the source', async () => {
  const content = 'row\n'.repeat(10)
  const during = new SpoolWorld()
  during.write('a', content)
  await during.settle()
  const source = await during.open({ batchSize: 2 })
  await during.run(source.read())
  during.append('a', 'more\n')
  await assert.rejects(during.readAll(source), changed)

  for (const change of ['row\n'.repeat(11), `bad${content.slice(3)}`, undefined]) {
    const world = new SpoolWorld()
    world.write('a', content)
    await world.settle()
    const first = await world.open({ batchSize: 2 })
    const batch = await world.run(first.read())
    assert.ok(typeof batch !== 'string')
    await first.close()
    if (change === undefined) world.simulation.disk.remove('/spool/a')
    else world.write('a', change)
    const again = await world.open({ batchSize: 2 }, { position: batch.position })
    await assert.rejects(world.readAll(again), changed)
    await again.close()
    assert.equal(world.watched.openFiles(), 0)
  }
})

test('files beyond the limit are forgotten once they are gone, and are an error while they are there', async () => {
  const world = new SpoolWorld()
  for (const name of ['a', 'b', 'c']) world.write(name, name)
  await world.settle()
  const source = await world.open({ trackedFilesMax: 2 })
  await assert.rejects(world.readAll(source), (error) => isMillraceError(error, 'MR_LIMIT'))

  const other = new SpoolWorld()
  other.write('a', 'a')
  other.write('b', 'b')
  await other.settle()
  const moved = await other.open({ trackedFilesMax: 2 })
  await other.readAll(moved)
  other.simulation.disk.remove('/spool/a')
  other.write('c', 'c')
  const [batch] = await other.readAll(moved)
  const { done } = batch!.position as unknown as { done: [string][] }
  assert.deepEqual(
    done.map(([name]) => name),
    ['b', 'c'],
  )
})

test('a position of another version is refused by name', async () => {
  const world = new SpoolWorld()
  for (const position of [{ version: 2, done: [] }, {}, 'x', [1]]) {
    await assert.rejects(world.open({}, { position }), (error) => isMillraceError(error, 'MR_SOURCE_FAILED'))
  }
})

test('a missing directory is named', async () => {
  const world = new SpoolWorld()
  const source = spoolDirectory({ directory: 'nowhere' })
  const context = { name: 'x', platform: world.platform, baseDirectory: '/srv', logger: silentLogger }
  await assert.rejects(source.open({ ...context, signal: new AbortController().signal }), (error) => {
    assert.ok(isMillraceError(error, 'MR_FILE_NOT_FOUND'))
    assert.match(error.message, /"\/srv\/nowhere"/)
    return true
  })
})

test('options that do not fit together are refused', () => {
  const refused = (options: object): void => {
    assert.throws(
      () => spoolDirectory({ directory: 'x', ...options }),
      (error) => isMillraceError(error, 'MR_OPTION_INVALID'),
      JSON.stringify(options),
    )
  }
  refused({ inputCharset: 'klingon' })
  refused({ inputCharset: 'utf-16le' })
  refused({ deserializer: csv({ delimiter: ',,' }) })
  refused({ deserializer: csv({ delimiter: '\n' }) })
  refused({ deserializer: csv({ delimiter: 'ä' }) })
  refused({ deserializer: csv({ delimiter: '"' }) })
  refused({ deserializer: csv({ delimiter: '|' }), inputCharset: 'shift_jis' })
  refused({ deserializer: csv({ columns: ['a'] }) })
  refused({ deserializer: csv({ header: false }) })
  refused({ deserializer: csv({ header: false, columns: ['a', 'a'] }) })
  refused({ deserializer: { type: 'cvs' } })
  spoolDirectory({ directory: 'x', deserializer: csv({ delimiter: '|' }) })
  spoolDirectory({ directory: 'x', deserializer: line({ maxLineLength: 100 }) })
})

async function packedEvents(bytes: Buffer, options = {}) {
  const world = new SpoolWorld()
  world.write('a.gz', bytes)
  const source = spoolDirectory({ directory: '/spool', batchSize: 100_000, ...options })
  // Unpacking runs in Node's threads, which a virtual clock does not wait for.
  const platform = { ...world.platform, clock: nodePlatform().clock }
  const context = { name: 'x', platform, baseDirectory: '/', logger: silentLogger }
  const opened = await source.open({ ...context, signal: new AbortController().signal })
  const events = []
  for (let batch = await opened.read(); typeof batch !== 'string'; batch = await opened.read()) {
    events.push(...batch.events)
  }
  await opened.close()
  return events
}

const rows = Array.from({ length: 50_000 }, (_, index) => `row ${index} ${(index * 7919) % 10_007}\n`).join(
  '',
)

test('everything before a damage in a packed file comes out, then one failed event, always the same', async () => {
  const packed = gzipSync(rows)
  for (const bytes of [packed.subarray(0, packed.length - 5), packed.subarray(0, 100_000)]) {
    const events = await packedEvents(bytes)
    const last = events.pop()!
    assert.ok(isFailedEvent(last))
    assert.equal(last.failed.code, 'MR_COMPRESSION_INVALID')
    assert.equal(last.origin.line, events.length + 1)
    assert.equal(last.failed.where, `a.gz:${events.length + 1}`)
    const read = events.map((event) => `${(event as { body: string }).body}\n`).join('')
    assert.ok(rows.startsWith(read) && read.length > 100_000, 'whole rows up to the damage')
    assert.equal((await packedEvents(bytes)).length, events.length + 1)
  }
})

test('a flipped bit in a packed file is always noticed', async () => {
  const packed = gzipSync(rows)
  for (let at = 10; at < packed.length; at += 9973) {
    const damaged = Buffer.from(packed)
    damaged[at]! ^= 0x10
    const events = await packedEvents(damaged)
    assert.ok(isFailedEvent(events.at(-1)!), `at byte ${at}`)
  }
})

test('a packed blob that is damaged is a failed event and no blob', async () => {
  const [event, ...others] = await packedEvents(gzipSync(rows).subarray(0, 50_000), { deserializer: blob() })
  assert.ok(event !== undefined && isFailedEvent(event))
  assert.equal(others.length, 0)
})

test('a decompression bomb is refused before it grows', async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20))
  const [event, ...others] = await packedEvents(bomb, { deserializer: blob() })
  assert.ok(event !== undefined && isFailedEvent(event))
  assert.match(event.failed.message, /more than 1000 bytes come out of each/)
  assert.equal(others.length, 0)
})

test('unpacking piece by piece gives what unpacking at once gives', async () => {
  const gunzip = new PieceGunzip()
  const packed = gzipSync(rows)
  const parts: Buffer[] = []
  for (let at = 0; at < packed.length; at += 1000)
    parts.push(await gunzip.unpack(packed.subarray(at, at + 1000)))
  parts.push(await gunzip.finish())
  assert.equal(Buffer.concat(parts).toString(), rows)
  assert.equal(gunzip.damage, undefined)
})
