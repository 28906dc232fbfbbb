/**
 * What a power cut leaves of a simulated disk: all that was synced, and of the rest what chance decides, in
 * any combination that a drive with a write cache, under a file system without data journal, may leave:
 *
 * - a write is there, missing, or torn: some of its 512-byte sectors are there;
 * - a missing write that would have made the file longer may have made it longer all the same, with zeros;
 * - a truncation happened or did not;
 * - a name was created, removed or renamed or was not, each for itself, so also a later one without an
 *   earlier one.
 *
 * How much is kept is drawn once per power cut, from nothing to everything, so that extremes are seen too.
 */
import {
  applyData,
  applyNames,
  type DataChange,
  type DirectoryNode,
  type DiskNode,
  type DiskState,
  type FileNode,
  forgetUnreachable,
  type NameChange,
} from './disk-node.ts'
import type { PowerRemains } from './disk-operation.ts'
import type { FileBytes } from './file-bytes.ts'
import type { SimulatedRandom } from './random.ts'

const SECTOR_BYTES = 512
const keepProbabilities = [0, 0.1, 0.25, 0.5, 0.5, 0.75, 0.9, 1] as const

type Write = Extract<DataChange, { bytes: Buffer }>

/** The program ended: open files are gone, everything written stays in the machine's memory. */
export function stopProgram(state: DiskState): void {
  for (const node of state.files.values()) node.openCount = 0
  forgetUnreachable(state)
}

export function cutPower(state: DiskState, random: SimulatedRandom, remains: PowerRemains = 'any'): void {
  // First, so that files which nobody can reach any more draw nothing: a replay may still hold them.
  stopProgram(state)
  const keep = drawKeep(random)
  for (const change of keptNames(state.waitingNames, remains, random, keep)) applyNames(change, 'durable')
  state.waitingNames = []
  const keepBytes = remains === 'any names' ? random.within([0, 1]) : keep
  for (const node of state.files.values()) {
    for (const change of node.waiting) keepSome(change, node.durable, random, keepBytes)
    node.waiting = []
    node.bytes = node.durable.clone()
  }
  takeDurableNames(state.root, new Set())
  forgetUnreachable(state)
}

function keptNames(
  waiting: readonly NameChange[],
  remains: PowerRemains,
  random: SimulatedRandom,
  keep: number,
): readonly NameChange[] {
  if (remains === 'ordered names') return waiting.slice(0, random.within([0, waiting.length]))
  return waiting.filter(() => random.chance(keep))
}

/**
 * A failed sync: Linux marks the pages clean all the same, so that a later sync that succeeds says nothing
 * about them. Chance decides now which of them reached the disk; the rest is only in memory.
 */
export function failSync(node: FileNode, through: number, random: SimulatedRandom): void {
  const keep = drawKeep(random)
  for (const change of node.waiting) {
    if (change.sequence <= through) keepSome(change, node.durable, random, keep)
  }
  node.waiting = node.waiting.filter((change) => change.sequence > through)
}

function drawKeep(random: SimulatedRandom): number {
  return keepProbabilities[random.within([0, keepProbabilities.length - 1])]!
}

function keepSome(change: DataChange, bytes: FileBytes, random: SimulatedRandom, keep: number): void {
  if (random.chance(keep)) applyData(change, bytes)
  else if ('bytes' in change) {
    const end = change.position + change.bytes.length
    if (random.chance(keep)) tear(change, bytes, random)
    else if (end > bytes.length && random.chance(keep / 2)) bytes.resize(end)
  }
}

/** Keeps a random half of the write's sectors; sectors lie at multiples of 512 in the file. */
function tear(write: Write, bytes: FileBytes, random: SimulatedRandom): void {
  for (let at = 0; at < write.bytes.length; ) {
    const toSectorEnd = SECTOR_BYTES - ((write.position + at) % SECTOR_BYTES)
    const next = Math.min(write.bytes.length, at + toSectorEnd)
    if (random.chance(0.5)) bytes.write(write.bytes.subarray(at, next), write.position + at)
    at = next
  }
}

function takeDurableNames(directory: DirectoryNode, seen: Set<DiskNode>): void {
  if (seen.has(directory)) return
  seen.add(directory)
  directory.entries.clear()
  for (const [name, node] of directory.durable) {
    directory.entries.set(name, node)
    if (node.kind === 'directory') takeDurableNames(node, seen)
  }
}
