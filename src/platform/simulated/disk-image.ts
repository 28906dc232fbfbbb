/**
 * The state of a simulated disk, changed by operations alone.
 *
 * 1. A write or truncation changes the file at once and waits in the file's list until `sync` covers it.
 * 2. A name that is created, renamed or removed changes its directory at once and waits until `syncDirectory`
 *    of that directory. As in a journal, it takes along every earlier change of the directories concerned.
 * 3. A power cut keeps what was synced and lets chance decide about each change that waited (disk-crash.ts).
 *
 * It follows POSIX to the letter: syncing a file does not keep its name.
 */
import { invariant } from '../../core/invariant.ts'
import { diskError } from '../disk-error.ts'
import { cutPower, failSync, stopProgram } from './disk-crash.ts'
import {
  applyData,
  applyNames,
  type DataChange,
  type DirectoryNode,
  type DiskNode,
  type DiskState,
  emptyDirectory,
  type FileNode,
  forgetUnreachable,
  type NameChange,
} from './disk-node.ts'
import { type DiskOperation, pathNames } from './disk-operation.ts'
import { FileBytes } from './file-bytes.ts'
import { simulatedRandom } from './random.ts'

export class DiskImage implements DiskState {
  readonly root: DirectoryNode = emptyDirectory()
  readonly files = new Map<number, FileNode>()
  waitingNames: NameChange[] = []
  /** Operations applied so far: the number of the next one. */
  sequence = 0
  private nextFile = 1
  private readonly forgets: boolean

  /** `forgets: false` for a replay, which does not know which files were open. */
  constructor(options: { readonly forgets: boolean }) {
    this.forgets = options.forgets
  }

  /** The number that the next file created must have. */
  get nextFileId(): number {
    return this.nextFile
  }

  find(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.root
    for (const name of pathNames(path)) {
      if (node?.kind !== 'directory') return undefined
      node = node.entries.get(name)
    }
    return node
  }

  directory(path: string): DirectoryNode {
    const node = this.find(path)
    if (node === undefined) throw diskError('ENOENT', path)
    if (node.kind === 'file') throw diskError('ENOTDIR', path)
    return node
  }

  /** The directory that holds a path's last name, and that name. */
  place(path: string): { readonly directory: DirectoryNode; readonly name: string } {
    const names = pathNames(path)
    const name = names.at(-1)
    if (name === undefined) throw diskError('EISDIR', path)
    return { directory: this.directory(`/${names.slice(0, -1).join('/')}`), name }
  }

  file(id: number): FileNode {
    const node = this.files.get(id)
    invariant(node !== undefined, `file ${id} is on the simulated disk`)
    return node
  }

  apply(operation: DiskOperation, nowMs: number): void {
    const sequence = this.sequence++
    switch (operation.kind) {
      case 'create':
        invariant(operation.file === this.nextFile, 'files are numbered in the order of their creation')
        this.link(operation.path, this.newFile(nowMs))
        break
      case 'makeDirectory':
        this.link(operation.path, emptyDirectory())
        break
      case 'write': {
        const { position, bytes } = operation
        this.changeData(this.file(operation.file), { sequence, position, bytes }, nowMs)
        break
      }
      case 'truncate':
        this.changeData(this.file(operation.file), { sequence, length: operation.length }, nowMs)
        break
      case 'rename':
        this.rename(operation.path, operation.to)
        break
      case 'remove':
        this.link(operation.path, undefined)
        break
      case 'sync':
        this.syncFile(this.file(operation.file), operation.through)
        break
      case 'failSync':
        failSync(this.file(operation.file), operation.through, simulatedRandom(operation.seed))
        break
      case 'syncDirectory':
        this.syncNames(this.directory(operation.path))
        break
      case 'flipBit':
        this.flipBit(this.file(operation.file), operation.bit)
        break
      case 'stop':
        stopProgram(this)
        break
      case 'cutPower':
        cutPower(this, simulatedRandom(operation.seed), operation.remains)
        break
    }
  }

  private newFile(nowMs: number): FileNode {
    const id = this.nextFile++
    const bytes = new FileBytes()
    const durable = new FileBytes()
    const node: FileNode = { kind: 'file', id, bytes, durable, waiting: [], modifiedMs: nowMs, openCount: 0 }
    this.files.set(id, node)
    return node
  }

  private rename(path: string, to: string): void {
    const from = this.place(path)
    const node = from.directory.entries.get(from.name)
    this.changeNames([
      { ...from, node: undefined },
      { ...this.place(to), node },
    ])
  }

  private link(path: string, node: DiskNode | undefined): void {
    this.changeNames([{ ...this.place(path), node }])
  }

  private changeNames(change: NameChange): void {
    applyNames(change, 'entries')
    this.waitingNames.push(change)
  }

  private changeData(node: FileNode, change: DataChange, nowMs: number): void {
    applyData(change, node.bytes)
    node.waiting.push(change)
    node.modifiedMs = nowMs
  }

  private flipBit(node: FileNode, bit: number): void {
    node.bytes.flipBit(bit)
    node.durable.flipBit(bit)
  }

  private syncFile(node: FileNode, through: number): void {
    for (const change of node.waiting) if (change.sequence <= through) applyData(change, node.durable)
    node.waiting = node.waiting.filter((change) => change.sequence > through)
  }

  private syncNames(directory: DirectoryNode): void {
    const concerned = new Set([directory])
    const covered = new Set<NameChange>()
    for (const change of this.waitingNames.toReversed()) {
      if (!change.some((link) => concerned.has(link.directory))) continue
      covered.add(change)
      for (const link of change) concerned.add(link.directory)
    }
    for (const change of this.waitingNames) if (covered.has(change)) applyNames(change, 'durable')
    this.waitingNames = this.waitingNames.filter((change) => !covered.has(change))
    if (this.forgets) forgetUnreachable(this)
  }
}
