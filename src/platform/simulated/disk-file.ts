/** An open file of a simulated disk; it works until it is closed or the disk crashes. */
import { invariant } from '../../core/invariant.ts'
import type { DiskFile } from '../disk.ts'
import { diskError, fileClosed } from '../disk-error.ts'
import type { SimulatedDisk } from './disk.ts'
import type { FileNode } from './disk-node.ts'

export class SimulatedFile implements DiskFile {
  readonly path: string
  private readonly disk: SimulatedDisk
  private readonly node: FileNode
  private readonly writable: boolean
  private readonly runs: number
  private closed = false

  constructor(
    disk: SimulatedDisk,
    node: FileNode,
    options: { readonly path: string; readonly writable: boolean },
  ) {
    this.disk = disk
    this.node = node
    this.path = options.path
    this.writable = options.writable
    this.runs = disk.runs
    node.openCount++
  }

  size(): number {
    this.refuseIfClosed()
    return this.node.bytes.length
  }

  read(into: Uint8Array, at: number, count: number, position: number): number {
    this.refuseIfClosed()
    invariant(at + count <= into.length, 'the bytes read fit where they go')
    this.disk.refuseIfFaulty('read', this.path)
    return this.node.bytes.read(into, at, count, position)
  }

  write(from: Uint8Array, start: number, end: number, position: number): void {
    this.refuseIfClosed()
    if (!this.writable) throw diskError('EBADF', this.path)
    invariant(start >= 0 && end <= from.length, 'the bytes written are within their array')
    if (start >= end) return
    const growth = Math.max(0, position + end - start - this.node.bytes.length)
    const fault = this.disk.drawFault('write', this.path)
    const code = fault ?? (growth > this.disk.freeBytes() ? 'ENOSPC' : undefined)
    const stop = code === undefined ? end : this.shortEnd(start, end, position)
    if (stop > start) {
      // In memory of its own: it may wait for a sync for long, and would keep all of a slab of the pool.
      const bytes = Buffer.allocUnsafeSlow(stop - start)
      bytes.set(from.subarray(start, stop))
      this.disk.apply({ kind: 'write', file: this.node.id, position, bytes })
    }
    if (code !== undefined) throw diskError(code, this.path)
  }

  truncate(length: number): void {
    this.refuseIfClosed()
    if (!this.writable) throw diskError('EBADF', this.path)
    this.disk.refuseIfFaulty('truncate', this.path)
    if (length - this.node.bytes.length > this.disk.freeBytes()) throw diskError('ENOSPC', this.path)
    this.disk.apply({ kind: 'truncate', file: this.node.id, length })
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.refuseIfClosed()
      const through = this.disk.image.sequence - 1
      this.node.openCount++
      this.disk.afterSync(() => {
        try {
          this.finishSync(through)
          resolve()
        } catch (error) {
          reject(error)
        } finally {
          this.node.openCount--
        }
      })
    })
  }

  syncNow(): void {
    this.refuseIfClosed()
    this.finishSync(this.disk.image.sequence - 1)
  }

  close(): void {
    if (this.closed || this.runs !== this.disk.runs) return
    this.closed = true
    this.node.openCount--
  }

  /** Where a write that fails stops: anywhere from nothing to one byte short, within the room there is. */
  private shortEnd(start: number, end: number, position: number): number {
    const room = Math.max(0, this.node.bytes.length - position) + this.disk.freeBytes()
    return start + this.disk.random.within([0, Math.min(end - start - 1, room)])
  }

  private finishSync(through: number): void {
    const file = this.node.id
    const code = this.disk.drawFault('sync', this.path)
    if (code === undefined) {
      this.disk.apply({ kind: 'sync', file, through })
      return
    }
    this.disk.apply({ kind: 'failSync', file, through, seed: this.disk.random.uint32() })
    throw diskError(code, this.path)
  }

  private refuseIfClosed(): void {
    if (this.runs !== this.disk.runs)
      throw fileClosed(this.path, 'the machine crashed since the file was opened')
    if (this.closed) throw fileClosed(this.path)
  }
}
