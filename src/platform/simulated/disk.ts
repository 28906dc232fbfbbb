/**
 * A disk in memory that behaves as a disk may: it fills up, fails on demand, flips bits, and loses what was
 * not synced when the power is cut. Everything follows from the operations, in order, and from the seed.
 *
 * Without a clock a sync is done at once; with one it takes `syncMs` of virtual time, and a crash meanwhile
 * leaves it undone. `operations` (with `record: true`) holds all that ever happened; `replay(count)` gives
 * a disk to which the first `count` of them happened, so that a crash can be tried after every single one.
 */

import { MillraceError } from '../../core/errors.ts'
import { invariant } from '../../core/invariant.ts'
import type { Clock } from '../clock.ts'
import {
  type Disk,
  type DiskEntry,
  type DiskFile,
  type DiskLock,
  directoryOf,
  joinPath,
  type OpenMode,
} from '../disk.ts'
import { diskError, fileClosed } from '../disk-error.ts'
import { type DiskFault, DiskFaults, type FaultyOperation } from './disk-faults.ts'
import { SimulatedFile } from './disk-file.ts'
import { DiskImage } from './disk-image.ts'
import { type DiskOperation, describeOperation, type PowerRemains, pathNames } from './disk-operation.ts'
import { type SimulatedRandom, type SimulatedRange, simulatedRandom } from './random.ts'

export type CrashKind = 'process' | 'power'

export interface SimulatedDiskOptions {
  readonly random?: SimulatedRandom
  /** Gives files their times, and syncs their duration. */
  readonly clock?: Clock
  /** How long a sync takes; only with a clock. */
  readonly syncMs?: SimulatedRange
  /** Room for the bytes of all files; no limit by default. */
  readonly capacityBytes?: number
  /** Keeps all operations, with their bytes. */
  readonly record?: boolean
  /** Is given a line for each operation. */
  readonly trace?: (line: string) => void
}

export class SimulatedDisk implements Disk {
  readonly operations: DiskOperation[] = []
  readonly random: SimulatedRandom
  /** Goes up with each crash: a file that was opened before is not usable any more. */
  runs = 0
  image = new DiskImage({ forgets: true })
  private readonly options: SimulatedDiskOptions
  private readonly faults: DiskFaults
  private readonly locks = new Set<string>()
  private capacityBytes: number
  private plannedCrash: { left: number; readonly crash: () => void } | undefined

  constructor(options: SimulatedDiskOptions = {}) {
    this.options = options
    this.random = options.random ?? simulatedRandom('disk')
    this.faults = new DiskFaults(this.random)
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY
  }

  /**
   * Ends the program that uses the disk: all open files and locks are gone. `process` keeps everything that
   * was written; `power` keeps what was synced, and of the rest what chance decides within `remains`.
   */
  crash(kind: CrashKind, random: SimulatedRandom = this.random, remains: PowerRemains = 'any'): void {
    this.runs++
    this.locks.clear()
    this.apply(kind === 'process' ? { kind: 'stop' } : { kind: 'cutPower', seed: random.uint32(), remains })
  }

  /** Plans a failure of operations to come. */
  fail(fault: DiskFault): void {
    this.faults.plan(fault)
  }

  clearFaults(): void {
    this.faults.clear()
  }

  /**
   * Calls `crash`, which must crash this disk, when the `nth` operation from now would happen; the program that
   * asked for it gets MR_CLOSED. A write may have come as far as chance says. Replaces the crash planned before.
   */
  crashAt(nth: number, crash: () => void): void {
    this.plannedCrash = { left: nth, crash }
  }

  /** Forgets a crash that was planned. */
  cancelCrash(): void {
    this.plannedCrash = undefined
  }

  setCapacity(bytes: number): void {
    this.capacityBytes = bytes
  }

  usedBytes(): number {
    let used = 0
    for (const node of this.image.files.values()) used += node.bytes.length
    return used
  }

  /** Changes one stored bit, counted from the file's start, lowest bit of a byte first. */
  flipBit(path: string, bit: number): void {
    const node = this.image.find(path)
    if (node?.kind !== 'file') throw diskError('ENOENT', path)
    this.apply({ kind: 'flipBit', file: node.id, bit })
  }

  /** A disk of its own, to which the first `count` recorded operations happened. */
  replay(count: number): SimulatedDisk {
    invariant(this.options.record === true, 'only a disk with record: true can be replayed')
    const copy = new SimulatedDisk({ ...this.options, random: this.random.fork(`replay ${count}`) })
    copy.image = new DiskImage({ forgets: false })
    for (const operation of this.operations.slice(0, count)) copy.apply(operation)
    return copy
  }

  open(path: string, mode: OpenMode): DiskFile {
    this.refuseIfFaulty('open', path)
    let node = this.image.find(path)
    if (node?.kind === 'directory') throw diskError('EISDIR', path)
    if (node !== undefined && mode === 'new') throw diskError('EEXIST', path)
    if (node === undefined) {
      if (mode === 'read' || mode === 'write') throw diskError('ENOENT', path)
      this.image.place(path)
      const file = this.image.nextFileId
      this.apply({ kind: 'create', path, file })
      node = this.image.file(file)
    }
    return new SimulatedFile(this, node, { path, writable: mode !== 'read' })
  }

  exists(path: string): boolean {
    return this.image.find(path) !== undefined
  }

  stat(path: string): { readonly sizeBytes: number; readonly modifiedMs: number } {
    const node = this.image.find(path)
    if (node === undefined) throw diskError('ENOENT', path)
    if (node.kind === 'directory') return { sizeBytes: 0, modifiedMs: 0 }
    return { sizeBytes: node.bytes.length, modifiedMs: node.modifiedMs }
  }

  list(directory: string): readonly DiskEntry[] {
    return [...this.image.directory(directory).entries]
      .map(([name, node]) => ({ name, directory: node.kind === 'directory' }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  makeDirectory(path: string): void {
    let above = ''
    for (const name of pathNames(path)) {
      above += `/${name}`
      const node = this.image.find(above)
      if (node?.kind === 'file') throw diskError('EEXIST', path)
      if (node === undefined) this.apply({ kind: 'makeDirectory', path: above })
    }
  }

  remove(path: string): void {
    this.refuseIfFaulty('remove', path)
    const node = this.image.find(path)
    if (node === undefined) throw diskError('ENOENT', path)
    if (node.kind === 'directory') throw diskError('EISDIR', path)
    this.apply({ kind: 'remove', path })
  }

  removeDirectory(path: string): void {
    const node = this.image.find(path)
    if (node === undefined) return
    if (node.kind === 'file') throw diskError('ENOTDIR', path)
    for (const entry of this.list(path)) {
      const inside = joinPath(path, entry.name)
      if (entry.directory) this.removeDirectory(inside)
      else this.remove(inside)
    }
    this.apply({ kind: 'remove', path })
  }

  rename(from: string, to: string): void {
    this.refuseIfFaulty('rename', from)
    const node = this.image.find(from)
    if (node === undefined) throw diskError('ENOENT', from)
    const target = this.image.find(to)
    this.image.place(to)
    if (target?.kind === 'directory' && target !== node) {
      if (node.kind === 'file') throw diskError('EISDIR', to)
      if (target.entries.size > 0) throw diskError('ENOTEMPTY', to)
    } else if (target?.kind === 'file' && node.kind === 'directory') throw diskError('ENOTDIR', to)
    if (target !== node) this.apply({ kind: 'rename', path: from, to })
  }

  syncDirectory(path: string): void {
    this.refuseIfFaulty('sync', path)
    this.image.directory(path)
    this.apply({ kind: 'syncDirectory', path })
  }

  lock(path: string): DiskLock {
    const name = pathNames(path).join('/')
    if (this.locks.has(name)) {
      throw new MillraceError('MR_DATA_DIRECTORY_LOCKED', 'another process uses this data directory', {
        where: directoryOf(path),
      })
    }
    this.open(path, 'create').close()
    this.locks.add(name)
    const { runs } = this
    return {
      release: () => {
        if (runs !== this.runs || !this.locks.delete(name)) return
        if (this.exists(path)) this.remove(path)
      },
    }
  }

  /** @internal for files of this disk */
  apply(operation: DiskOperation): void {
    if (this.plannedCrash !== undefined && --this.plannedCrash.left <= 0) this.crashDuring(operation)
    this.options.trace?.(describeOperation(operation))
    if (this.options.record) this.operations.push(operation)
    this.image.apply(operation, this.options.clock?.nowMs() ?? 0)
  }

  private crashDuring(operation: DiskOperation): never {
    const { crash } = this.plannedCrash!
    this.plannedCrash = undefined
    if (operation.kind === 'write') {
      const bytes = operation.bytes.subarray(0, this.random.within([0, operation.bytes.length]))
      if (bytes.length > 0) this.apply({ ...operation, bytes })
    }
    const { runs } = this
    crash()
    invariant(this.runs > runs, 'a crash that was planned crashes the disk')
    throw fileClosed(describeOperation(operation), 'the machine crashed')
  }

  /** @internal for files of this disk */
  refuseIfFaulty(operation: FaultyOperation, path: string): void {
    const code = this.drawFault(operation, path)
    if (code !== undefined) throw diskError(code, path)
  }

  /** @internal for files of this disk */
  drawFault(operation: FaultyOperation, path: string): DiskFault['code'] | undefined {
    return this.faults.draw(operation, path)
  }

  /** @internal for files of this disk: how many bytes more there is room for */
  freeBytes(): number {
    return this.capacityBytes === Number.POSITIVE_INFINITY
      ? Number.POSITIVE_INFINITY
      : Math.max(0, this.capacityBytes - this.usedBytes())
  }

  /** @internal for files of this disk: calls `finish` when a sync that starts now is done */
  afterSync(finish: () => void): void {
    const { clock, syncMs } = this.options
    if (clock === undefined || syncMs === undefined) {
      finish()
      return
    }
    const { runs } = this
    clock.after(this.random.within(syncMs), () => {
      if (runs === this.runs) finish()
    })
  }
}
