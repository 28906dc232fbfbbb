/** What every Disk must do: run on the machine's file system and on the simulated one. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import type { ErrorCode } from '../core/error-register.ts'
import { isMillraceError } from '../core/errors.ts'
import { type Disk, type DiskFile, directoryOf, joinPath, readFile, replaceFile } from './disk.ts'
import { nodeDisk } from './node/disk.ts'
import { SimulatedDisk } from './simulated/disk.ts'

interface DiskUnderTest {
  readonly disk: Disk
  /** An empty directory. */
  readonly root: string
}

const refused = (code: ErrorCode) => (error: unknown) => isMillraceError(error, code)
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

function put(disk: Disk, path: string, text: string): void {
  const file = disk.open(path, 'create')
  file.write(bytes(text), 0, text.length, 0)
  file.close()
}

const textOf = (disk: Disk, path: string): string => readFile(disk, path).toString('latin1')

function fileContract(make: () => DiskUnderTest): void {
  it('reads back what was written, anywhere, and nothing past the end', () => {
    const { disk, root } = make()
    const file = disk.open(`${root}/a`, 'new')
    file.write(bytes('xhello worldx'), 1, 12, 0)
    file.write(bytes('W'), 0, 1, 6)
    assert.equal(file.size(), 11)
    const into = Buffer.alloc(20, '.')
    assert.equal(file.read(into, 2, 18, 3), 8)
    assert.equal(into.toString(), '..lo World..........')
    assert.equal(file.read(into, 0, 5, 11), 0)
    assert.equal(file.read(into, 0, 5, 100), 0)
    file.close()
  })
  it('fills a gap before a write, and a file that truncate makes longer, with zeros', () => {
    const { disk, root } = make()
    const file = disk.open(`${root}/a`, 'new')
    file.write(bytes('ab'), 0, 2, 3)
    file.truncate(8)
    file.truncate(4)
    file.truncate(6)
    file.close()
    assert.equal(textOf(disk, `${root}/a`), '\0\0\0a\0\0')
  })
  it('opens as the mode says', () => {
    const { disk, root } = make()
    assert.throws(() => disk.open(`${root}/a`, 'read'), refused('MR_FILE_NOT_FOUND'))
    assert.throws(() => disk.open(`${root}/a`, 'write'), refused('MR_FILE_NOT_FOUND'))
    assert.throws(() => disk.open(`${root}/none/a`, 'create'), refused('MR_FILE_NOT_FOUND'))
    put(disk, `${root}/a`, 'first')
    assert.throws(() => disk.open(`${root}/a`, 'new'), refused('MR_DISK_FAILED'))
    put(disk, `${root}/a`, 'F')
    assert.equal(textOf(disk, `${root}/a`), 'First')
    const readOnly = disk.open(`${root}/a`, 'read')
    assert.throws(() => readOnly.write(bytes('x'), 0, 1, 0), refused('MR_DISK_FAILED'))
    readOnly.close()
  })
  it('shows a change through every open file of the same path', () => {
    const { disk, root } = make()
    const one = disk.open(`${root}/a`, 'create')
    const other = disk.open(`${root}/a`, 'read')
    one.write(bytes('new'), 0, 3, 0)
    const into = Buffer.alloc(3)
    assert.equal(other.read(into, 0, 3, 0), 3)
    assert.equal(into.toString(), 'new')
    one.close()
    other.close()
  })
  it('refuses with MR_CLOSED after close; closing again does nothing', async () => {
    const { disk, root } = make()
    const file = disk.open(`${root}/a`, 'new')
    file.close()
    file.close()
    assert.throws(() => file.size(), refused('MR_CLOSED'))
    assert.throws(() => file.read(Buffer.alloc(1), 0, 1, 0), refused('MR_CLOSED'))
    assert.throws(() => file.write(bytes('x'), 0, 1, 0), refused('MR_CLOSED'))
    assert.throws(() => file.truncate(0), refused('MR_CLOSED'))
    assert.throws(() => file.syncNow(), refused('MR_CLOSED'))
    await assert.rejects(file.sync(), refused('MR_CLOSED'))
  })
  it('syncs, waiting or not', async () => {
    const { disk, root } = make()
    const file = disk.open(`${root}/a`, 'new')
    file.write(bytes('x'), 0, 1, 0)
    await file.sync()
    file.syncNow()
    file.close()
    disk.syncDirectory(root)
    assert.throws(() => disk.syncDirectory(`${root}/none`), refused('MR_FILE_NOT_FOUND'))
  })
  it('keeps an open file usable after it was renamed or removed', () => {
    const { disk, root } = make()
    const file = disk.open(`${root}/a`, 'new')
    disk.rename(`${root}/a`, `${root}/b`)
    file.write(bytes('one'), 0, 3, 0)
    assert.equal(textOf(disk, `${root}/b`), 'one')
    disk.remove(`${root}/b`)
    assert.equal(file.size(), 3)
    file.close()
  })
}

function nameContract(make: () => DiskUnderTest): void {
  it('lists names in order and tells directories from files', () => {
    const { disk, root } = make()
    disk.makeDirectory(`${root}/d/e`)
    disk.makeDirectory(`${root}/d/e`)
    put(disk, `${root}/b`, '')
    put(disk, `${root}/B`, '')
    put(disk, `${root}/a10`, '')
    put(disk, `${root}/a9`, '')
    assert.deepEqual(
      disk.list(root).map((entry) => entry.name),
      ['B', 'a10', 'a9', 'b', 'd'],
    )
    assert.deepEqual(
      disk.list(root).map((entry) => entry.directory),
      [false, false, false, false, true],
    )
    assert.deepEqual(disk.list(`${root}/d`), [{ name: 'e', directory: true }])
    assert.throws(() => disk.list(`${root}/none`), refused('MR_FILE_NOT_FOUND'))
  })
  it('tells what exists, how large it is and when it was written', () => {
    const { disk, root } = make()
    put(disk, `${root}/a`, 'four')
    assert.equal(disk.exists(`${root}/a`), true)
    assert.equal(disk.exists(root), true)
    assert.equal(disk.exists(`${root}/a/b`), false)
    assert.equal(disk.stat(`${root}/a`).sizeBytes, 4)
    assert.equal(typeof disk.stat(`${root}/a`).modifiedMs, 'number')
    assert.throws(() => disk.stat(`${root}/b`), refused('MR_FILE_NOT_FOUND'))
  })
  it('renames files and directories, replacing a file that is there', () => {
    const { disk, root } = make()
    put(disk, `${root}/a`, 'new')
    put(disk, `${root}/b`, 'old, longer')
    disk.rename(`${root}/a`, `${root}/b`)
    assert.equal(textOf(disk, `${root}/b`), 'new')
    assert.equal(disk.exists(`${root}/a`), false)
    disk.makeDirectory(`${root}/d`)
    put(disk, `${root}/d/x`, 'inside')
    disk.rename(`${root}/d`, `${root}/e`)
    assert.equal(textOf(disk, `${root}/e/x`), 'inside')
    assert.throws(() => disk.rename(`${root}/none`, `${root}/f`), refused('MR_FILE_NOT_FOUND'))
    assert.throws(() => disk.rename(`${root}/b`, `${root}/none/f`), refused('MR_FILE_NOT_FOUND'))
    disk.makeDirectory(`${root}/full`)
    put(disk, `${root}/full/x`, '')
    assert.throws(() => disk.rename(`${root}/e`, `${root}/full`), refused('MR_DISK_FAILED'))
  })
  it('removes files and whole directories', () => {
    const { disk, root } = make()
    put(disk, `${root}/a`, '')
    disk.remove(`${root}/a`)
    assert.throws(() => disk.remove(`${root}/a`), refused('MR_FILE_NOT_FOUND'))
    disk.makeDirectory(`${root}/d/e`)
    put(disk, `${root}/d/e/x`, '')
    assert.throws(() => disk.remove(`${root}/d`), refused('MR_DISK_FAILED'))
    disk.removeDirectory(`${root}/d`)
    disk.removeDirectory(`${root}/d`)
    assert.equal(disk.exists(`${root}/d`), false)
  })
  it('lets one lock at a time be held', () => {
    const { disk, root } = make()
    const lock = disk.lock(`${root}/.lock`)
    assert.throws(() => disk.lock(`${root}/.lock`), refused('MR_DATA_DIRECTORY_LOCKED'))
    lock.release()
    disk.lock(`${root}/.lock`).release()
    assert.equal(disk.exists(`${root}/.lock`), false)
  })
  it('takes over a lock file that no running process holds', () => {
    const { disk, root } = make()
    put(disk, `${root}/.lock`, '999999999 1')
    disk.lock(`${root}/.lock`).release()
  })
  it('replaces a file as a whole, over a draft that an earlier run left', () => {
    const { disk, root } = make()
    put(disk, `${root}/a.tmp`, 'half of a draft')
    replaceFile(disk, `${root}/a`, bytes('one'))
    replaceFile(disk, `${root}/a`, bytes('two'))
    assert.equal(textOf(disk, `${root}/a`), 'two')
    assert.deepEqual(disk.list(root), [{ name: 'a', directory: false }])
  })
}

/** Random writes and truncations, against an array of bytes. */
function modelContract(make: () => DiskUnderTest): void {
  const step = fc.oneof(
    fc.record({ position: fc.nat(3000), bytes: fc.uint8Array({ minLength: 1, maxLength: 1500 }) }),
    fc.record({ length: fc.nat(4000) }),
  )
  it('holds after any writes and truncations what an array of bytes would', () => {
    const { disk, root } = make()
    let number = 0
    const property = fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const file: DiskFile = disk.open(`${root}/model-${number++}`, 'new')
      let model = Buffer.alloc(0)
      for (const each of steps) {
        const length =
          'length' in each ? each.length : Math.max(model.length, each.position + each.bytes.length)
        const next = Buffer.alloc(length)
        model.copy(next)
        model = next
        if ('length' in each) file.truncate(each.length)
        else {
          each.bytes.forEach((byte, index) => {
            model[each.position + index] = byte
          })
          file.write(each.bytes, 0, each.bytes.length, each.position)
        }
        assert.equal(file.size(), model.length)
      }
      file.close()
      assert.deepEqual(readFile(disk, file.path), model)
    })
    fc.assert(property, { numRuns: 60 })
  })
}

function diskContract(name: string, make: () => DiskUnderTest): void {
  describe(`files of the ${name} disk`, () => fileContract(make))
  describe(`names of the ${name} disk`, () => nameContract(make))
  describe(`bytes of the ${name} disk`, () => modelContract(make))
}

const made: string[] = []
after(() => {
  for (const path of made) rmSync(path, { recursive: true, force: true })
})

diskContract('real', () => {
  const root = mkdtempSync(`${tmpdir()}/millrace-disk-`)
  made.push(root)
  return { disk: nodeDisk, root }
})
diskContract('simulated', () => {
  const disk = new SimulatedDisk()
  disk.makeDirectory('/data')
  return { disk, root: '/data' }
})

describe('paths', () => {
  it('knows the directory of a path, and joins parts by one slash', () => {
    assert.equal(directoryOf('/a/b'), '/a')
    assert.equal(directoryOf('/a'), '/')
    assert.equal(directoryOf('a'), '.')
    assert.equal(joinPath('/a/', '/b', '', 'c'), '/a/b/c')
  })
})

describe('directories that cannot be made', () => {
  it('are refused where the file system knows no new ones', { skip: process.platform !== 'linux' }, () => {
    assert.throws(
      () => nodeDisk.makeDirectory('/proc/no-such-directory/inner'),
      (error) => isMillraceError(error),
    )
  })

  it('are refused below a file', () => {
    assert.throws(
      () => nodeDisk.makeDirectory('/etc/hostname/inner'),
      (error) => isMillraceError(error),
    )
  })
})
