/** What the simulated disk does beyond the contract: crashes, faults, room, replay. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ErrorCode } from '../../core/error-register.ts'
import { isMillraceError } from '../../core/errors.ts'
import { readFile, replaceFile } from '../disk.ts'
import { SimulatedClock } from './clock.ts'
import { SimulatedDisk, type SimulatedDiskOptions } from './disk.ts'
import { simulatedRandom } from './random.ts'

const refused = (code: ErrorCode) => (error: unknown) => isMillraceError(error, code)
const seeds = Array.from({ length: 200 }, (_, seed) => seed)

function makeDisk(options: SimulatedDiskOptions = {}, seed = 1): SimulatedDisk {
  const disk = new SimulatedDisk({ random: simulatedRandom(seed), ...options })
  disk.makeDirectory('/d')
  disk.syncDirectory('/')
  return disk
}

function write(disk: SimulatedDisk, path: string, text: string): void {
  const file = disk.open(path, 'create')
  file.write(Buffer.from(text), 0, text.length, file.size())
  file.close()
}

function syncedFile(disk: SimulatedDisk, path: string, text: string): void {
  write(disk, path, text)
  const file = disk.open(path, 'write')
  file.syncNow()
  file.close()
  disk.syncDirectory('/d')
}

const textOf = (disk: SimulatedDisk, path: string): string => readFile(disk, path).toString()

describe('a crash of the process', () => {
  it('keeps all that was written, closes files and frees locks', () => {
    const disk = makeDisk()
    const file = disk.open('/d/a', 'new')
    file.write(Buffer.from('kept'), 0, 4, 0)
    disk.lock('/d/lock')
    disk.crash('process')
    assert.throws(() => file.size(), refused('MR_CLOSED'))
    file.close()
    assert.equal(textOf(disk, '/d/a'), 'kept')
    disk.lock('/d/lock').release()
  })
})

describe('a power cut', () => {
  it('keeps what was synced, whatever else happens', () => {
    for (const seed of seeds) {
      const disk = makeDisk({}, seed)
      syncedFile(disk, '/d/a', 'synced')
      write(disk, '/d/a', ', not synced')
      write(disk, '/d/b', 'not synced')
      disk.crash('power')
      assert.equal(textOf(disk, '/d/a').slice(0, 6), 'synced', `seed ${seed}`)
    }
  })
  it('sometimes loses and sometimes keeps what was not synced: bytes, lengths and names', () => {
    const seen = new Set<string>()
    for (const seed of seeds) {
      const disk = makeDisk({}, seed)
      syncedFile(disk, '/d/a', 'AB')
      syncedFile(disk, '/d/gone', '')
      write(disk, '/d/a', 'CD')
      write(disk, '/d/new', '')
      disk.remove('/d/gone')
      disk.crash('power')
      seen.add(`bytes ${JSON.stringify(textOf(disk, '/d/a'))}`)
      seen.add(`new ${disk.exists('/d/new')}`)
      seen.add(`gone ${disk.exists('/d/gone')}`)
    }
    const expected = ['bytes "AB"', 'bytes "ABCD"', 'bytes "AB\\u0000\\u0000"']
    assert.deepEqual(
      [...seen].sort(),
      [...expected, 'gone false', 'gone true', 'new false', 'new true'].sort(),
    )
  })
  it('tears writes at sectors of 512 bytes', () => {
    let torn = 0
    for (const seed of seeds) {
      const disk = makeDisk({}, seed)
      syncedFile(disk, '/d/a', 'o'.repeat(4096))
      const file = disk.open('/d/a', 'write')
      file.write(Buffer.alloc(2048, 'n'), 0, 2048, 100)
      disk.crash('power')
      const text = textOf(disk, '/d/a')
      assert.equal(text.length, 4096)
      const sectors = [0, 1, 2, 3, 4].map((sector) => text.slice(sector * 512, sector * 512 + 512))
      for (const sector of sectors) assert.match(sector, /^(o{512}|o{100}n{412}|n{512}|n{100}o{412})$/)
      const changed = sectors.filter((sector) => sector.includes('n')).length
      if (changed > 0 && changed < 5) torn++
    }
    assert.ok(torn > 10, `${torn} torn writes`)
  })
  it('may lose an earlier write and keep a later one', () => {
    const results = new Set(
      seeds.map((seed) => {
        const disk = makeDisk({}, seed)
        syncedFile(disk, '/d/a', '....')
        const file = disk.open('/d/a', 'write')
        file.write(Buffer.from('1'), 0, 1, 0)
        file.write(Buffer.from('2'), 0, 1, 2)
        disk.crash('power')
        return textOf(disk, '/d/a')
      }),
    )
    assert.deepEqual([...results].sort(), ['....', '..2.', '1...', '1.2.'])
  })
  it('loses the name of a synced file whose directory was not synced', () => {
    const results = new Set(
      seeds.map((seed) => {
        const disk = makeDisk({}, seed)
        const file = disk.open('/d/a', 'new')
        file.syncNow()
        disk.crash('power')
        return disk.exists('/d/a')
      }),
    )
    assert.deepEqual([...results].sort(), [false, true])
  })
  it('keeps a rename whole: the file has its old name or its new one', () => {
    for (const seed of seeds) {
      const disk = makeDisk({}, seed)
      disk.makeDirectory('/e')
      disk.syncDirectory('/')
      syncedFile(disk, '/d/a', 'x')
      disk.rename('/d/a', '/e/b')
      disk.crash('power')
      assert.notEqual(disk.exists('/d/a'), disk.exists('/e/b'), `seed ${seed}`)
    }
  })
  it('takes along earlier names of both directories when the directory of a rename is synced', () => {
    for (const seed of seeds) {
      const disk = makeDisk({}, seed)
      disk.makeDirectory('/e')
      disk.syncDirectory('/')
      disk.open('/e/x', 'new').close()
      disk.rename('/e/x', '/d/y')
      disk.syncDirectory('/d')
      disk.crash('power')
      assert.deepEqual([disk.exists('/e/x'), disk.exists('/d/y')], [false, true])
    }
  })
  it('gives the same remains for the same seed', () => {
    const remains = (seed: number): string => {
      const disk = makeDisk({}, seed)
      for (let number = 0; number < 20; number++) write(disk, `/d/${number}`, `${number}`.repeat(400))
      disk.crash('power')
      return disk
        .list('/d')
        .map(({ name }) => `${name}=${textOf(disk, `/d/${name}`)}`)
        .join()
    }
    assert.equal(remains(5), remains(5))
    assert.notEqual(remains(5), remains(6))
  })
  it('drops a sync that was under way', async () => {
    let lost = 0
    for (const seed of seeds) {
      const clock = new SimulatedClock()
      const disk = makeDisk({ clock, syncMs: [5, 5] }, seed)
      syncedFile(disk, '/d/a', '')
      const file = disk.open('/d/a', 'write')
      file.write(Buffer.from('x'), 0, 1, 0)
      let done = false
      void file.sync().then(() => {
        done = true
      })
      await clock.advance(4)
      disk.crash('power')
      await clock.advance(10)
      assert.equal(done, false)
      if (textOf(disk, '/d/a') !== 'x') lost++
    }
    assert.ok(lost > 10)
  })
  it('covers with a sync what was written before it was asked for, not after', async () => {
    const results = new Set<string>()
    for (const seed of seeds) {
      const clock = new SimulatedClock()
      const disk = makeDisk({ clock, syncMs: [5, 5] }, seed)
      syncedFile(disk, '/d/a', '')
      const file = disk.open('/d/a', 'write')
      file.write(Buffer.from('x'), 0, 1, 0)
      const synced = file.sync()
      file.write(Buffer.from('y'), 0, 1, 1)
      await clock.runUntil(synced)
      disk.crash('power')
      results.add(textOf(disk, '/d/a'))
    }
    assert.deepEqual([...results].sort(), ['x', 'x\0', 'xy'])
  })
})

describe('replay', () => {
  it('gives the disk after each operation: replacing a file never shows half of it', () => {
    for (const seed of seeds.slice(0, 40)) {
      const disk = makeDisk({ record: true }, seed)
      syncedFile(disk, '/d/a', 'old '.repeat(300))
      const before = disk.operations.length
      replaceFile(disk, '/d/a', Buffer.from('new '.repeat(500)))
      for (let count = before; count <= disk.operations.length; count++) {
        const copy = disk.replay(count)
        copy.crash('power')
        const text = textOf(copy, '/d/a')
        assert.ok(
          text === 'old '.repeat(300) || text === 'new '.repeat(500),
          `seed ${seed}, ${count} operations`,
        )
        if (count === disk.operations.length) assert.equal(text[0], 'n')
      }
    }
  })
  it('finds that a file replaced without a sync may be torn: the fault is caught', () => {
    let torn = 0
    for (const seed of seeds.slice(0, 40)) {
      const disk = makeDisk({ record: true }, seed)
      syncedFile(disk, '/d/a', 'old')
      write(disk, '/d/draft', 'new')
      disk.rename('/d/draft', '/d/a')
      disk.crash('power')
      if (!['old', 'new'].includes(textOf(disk, '/d/a'))) torn++
    }
    assert.ok(torn > 0)
  })
  it('repeats a power cut after a file was removed for good, which a replay still holds', () => {
    for (const seed of seeds) {
      const disk = makeDisk({ record: true }, seed)
      syncedFile(disk, '/d/a', 'x')
      write(disk, '/d/a', 'more, not synced')
      disk.remove('/d/a')
      write(disk, '/d/b', 'not synced')
      disk.syncDirectory('/d')
      disk.crash('power')
      assert.equal(textOf(disk.replay(disk.operations.length), '/d/b'), textOf(disk, '/d/b'))
    }
  })
  it('repeats any run to the byte, crashes and faults included', () => {
    const step = fc.record({ kind: fc.nat(7), name: fc.constantFrom('a', 'b', 'c'), size: fc.nat(1300) })
    const property = fc.property(fc.array(step, { maxLength: 30 }), fc.nat(1000), (steps, seed) => {
      const disk = makeDisk({ record: true }, seed)
      disk.fail({ operation: 'sync', code: 'EIO', chance: 0.2 })
      for (const { kind, name, size } of steps) {
        try {
          perform(disk, { kind, path: `/d/${name}`, size })
        } catch (error) {
          assert.ok(isMillraceError(error), String(error))
        }
      }
      const copy = disk.replay(disk.operations.length)
      const contents = (of: SimulatedDisk): unknown =>
        of.list('/d').map(({ name }) => [name, textOf(of, `/d/${name}`)])
      assert.deepEqual(contents(copy), contents(disk))
      const cut = { kind: 'cutPower', seed } as const
      copy.apply(cut)
      disk.apply(cut)
      assert.deepEqual(contents(copy), contents(disk))
    })
    fc.assert(property, { numRuns: 500 })
  })
})

function perform(
  disk: SimulatedDisk,
  { kind, path, size }: { readonly kind: number; readonly path: string; readonly size: number },
): void {
  if (kind === 0) write(disk, path, 'x'.repeat(size))
  else if (kind === 1) disk.open(path, 'write').truncate(size)
  else if (kind === 2) disk.rename(path, '/d/a')
  else if (kind === 3) disk.remove(path)
  else if (kind === 4) disk.open(path, 'write').syncNow()
  else if (kind === 5) disk.syncDirectory('/d')
  else disk.crash(kind === 6 ? 'power' : 'process')
}

describe('faults', () => {
  it('fails the n-th matching operation, once or as often as said', () => {
    const disk = makeDisk()
    disk.fail({ operation: 'open', nth: 2, code: 'EMFILE' })
    disk.open('/d/a', 'create').close()
    assert.throws(() => disk.open('/d/a', 'read'), /too many files are open/)
    disk.open('/d/a', 'read').close()
    disk.fail({ operation: 'read', nth: 1, code: 'EIO', path: 'b', times: 2 })
    write(disk, '/d/b', 'x')
    readFile(disk, '/d/a')
    for (let time = 0; time < 2; time++)
      assert.throws(() => readFile(disk, '/d/b'), refused('MR_DISK_FAILED'))
    readFile(disk, '/d/b')
    disk.fail({ operation: 'rename', chance: 1, code: 'EIO' })
    assert.throws(() => disk.rename('/d/a', '/d/c'), refused('MR_DISK_FAILED'))
    disk.clearFaults()
    disk.rename('/d/a', '/d/c')
  })
  it('may leave a part of a write that fails', () => {
    const sizes = new Set<number>()
    for (const seed of seeds) {
      const disk = makeDisk({}, seed)
      disk.fail({ operation: 'write', nth: 1, code: 'ENOSPC' })
      assert.throws(() => write(disk, '/d/a', 'four'), refused('MR_DISK_FULL'))
      sizes.add(disk.stat('/d/a').sizeBytes)
    }
    assert.deepEqual([...sizes].sort(), [0, 1, 2, 3])
  })
  it('loses, after a failed sync, what a later sync that succeeds does not bring back', () => {
    let lost = 0
    for (const seed of seeds) {
      const disk = makeDisk({}, seed)
      syncedFile(disk, '/d/a', '')
      const file = disk.open('/d/a', 'write')
      file.write(Buffer.from('x'), 0, 1, 0)
      disk.fail({ operation: 'sync', nth: 1, code: 'EIO' })
      assert.throws(() => file.syncNow(), refused('MR_DISK_FAILED'))
      file.syncNow()
      assert.equal(textOf(disk, '/d/a'), 'x')
      disk.crash('power')
      if (textOf(disk, '/d/a') !== 'x') lost++
    }
    assert.ok(lost > 10)
  })
  it('refuses growth beyond the capacity, and takes it again when there is room', () => {
    const disk = makeDisk({ capacityBytes: 10 })
    write(disk, '/d/a', '12345678')
    assert.throws(() => write(disk, '/d/b', 'abc'), refused('MR_DISK_FULL'))
    assert.ok(disk.usedBytes() <= 10)
    const file = disk.open('/d/a', 'write')
    file.write(Buffer.from('overwrite'), 0, 8, 0)
    assert.throws(() => file.truncate(100), refused('MR_DISK_FULL'))
    disk.setCapacity(1000)
    write(disk, '/d/c', 'abc')
    assert.equal(textOf(disk, '/d/c'), 'abc')
  })
  it('gives the room of a removed file back once its removal is synced', () => {
    const disk = makeDisk({ capacityBytes: 10 })
    syncedFile(disk, '/d/a', '12345678')
    disk.remove('/d/a')
    disk.syncDirectory('/d')
    write(disk, '/d/b', '12345678')
    assert.equal(disk.usedBytes(), 8)
  })
  it('flips one bit, for good', () => {
    const disk = makeDisk()
    syncedFile(disk, '/d/a', 'AAAA')
    disk.flipBit('/d/a', 17)
    assert.equal(textOf(disk, '/d/a'), 'AACA')
    disk.crash('power')
    assert.equal(textOf(disk, '/d/a'), 'AACA')
    assert.throws(() => disk.flipBit('/d/none', 0), refused('MR_FILE_NOT_FOUND'))
  })
})
