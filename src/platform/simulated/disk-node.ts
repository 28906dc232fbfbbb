/**
 * What a simulated disk is made of: files and directories, each twice, as programs see it and as it would be
 * read after a power cut, with the changes that lie between the two.
 */
import type { FileBytes } from './file-bytes.ts'

/** A write or a truncation that no sync has covered yet. */
export type DataChange =
  | { readonly sequence: number; readonly position: number; readonly bytes: Buffer }
  | { readonly sequence: number; readonly length: number }

export interface FileNode {
  readonly kind: 'file'
  readonly id: number
  bytes: FileBytes
  durable: FileBytes
  waiting: DataChange[]
  modifiedMs: number
  /** How many open files stand on it; an unlinked file lives on until they are closed. */
  openCount: number
}

export interface DirectoryNode {
  readonly kind: 'directory'
  readonly entries: Map<string, DiskNode>
  readonly durable: Map<string, DiskNode>
}

export type DiskNode = FileNode | DirectoryNode

interface NameLink {
  readonly directory: DirectoryNode
  readonly name: string
  /** Undefined when the name goes. */
  readonly node: DiskNode | undefined
}

/** Links that change together: one, or the two of a rename. */
export type NameChange = readonly NameLink[]

export interface DiskState {
  readonly root: DirectoryNode
  readonly files: Map<number, FileNode>
  waitingNames: NameChange[]
}

export function emptyDirectory(): DirectoryNode {
  return { kind: 'directory', entries: new Map(), durable: new Map() }
}

export function applyNames(change: NameChange, side: 'entries' | 'durable'): void {
  for (const { directory, name, node } of change) {
    if (node === undefined) directory[side].delete(name)
    else directory[side].set(name, node)
  }
}

export function applyData(change: DataChange, bytes: FileBytes): void {
  if ('length' in change) bytes.resize(change.length)
  else bytes.write(change.bytes, change.position)
}

/** Forgets files that neither a name, now or after a power cut, nor an open file leads to. */
export function forgetUnreachable(state: DiskState): void {
  const reached = new Set<DiskNode>()
  const visit = (node: DiskNode): void => {
    if (reached.has(node)) return
    reached.add(node)
    if (node.kind === 'file') return
    for (const child of node.entries.values()) visit(child)
    for (const child of node.durable.values()) visit(child)
  }
  visit(state.root)
  for (const change of state.waitingNames) {
    for (const { node } of change) if (node !== undefined) visit(node)
  }
  for (const [id, node] of state.files) {
    if (node.openCount === 0 && !reached.has(node)) state.files.delete(id)
  }
}
