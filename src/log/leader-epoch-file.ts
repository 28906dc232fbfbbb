/**
 * The leader epochs of a log: for each epoch the offset with which it began (KIP-101).
 *
 * Text of version 0: the version, the number of entries, then `epoch offset` per line, both growing.
 */
import { type Disk, readFile, replaceFile } from '../platform/disk.ts'
import type { EpochEnd } from './log-types.ts'

const VERSION = '0'

interface EpochStart {
  readonly epoch: number
  readonly startOffset: number
}

export class LeaderEpochFile {
  private readonly disk: Disk
  readonly path: string
  private starts: EpochStart[] = []

  constructor(disk: Disk, path: string) {
    this.disk = disk
    this.path = path
  }

  /** Reads the file. Returns why it is not usable, or undefined; a missing one has no entries. */
  load(): string | undefined {
    this.starts = []
    if (!this.disk.exists(this.path)) return undefined
    const parsed = parse(readFile(this.disk, this.path).toString('latin1'))
    if (typeof parsed === 'string') return parsed
    this.starts = parsed
    return undefined
  }

  get entries(): readonly EpochStart[] {
    return this.starts
  }

  get latestEpoch(): number {
    return this.starts.at(-1)?.epoch ?? -1
  }

  /** Notes that batches from `startOffset` on have `epoch`. Writes the file when that is new. */
  assign(epoch: number, startOffset: number): void {
    if (!this.note(epoch, startOffset)) return
    this.write()
  }

  /** The same without writing the file, for making the entries anew. Returns whether anything changed. */
  note(epoch: number, startOffset: number): boolean {
    if (epoch < 0 || epoch === this.latestEpoch) return false
    // A later epoch begins where it begins: what an older one had from there on is gone.
    this.starts = this.starts.filter((start) => start.epoch < epoch && start.startOffset < startOffset)
    this.starts.push({ epoch, startOffset })
    return true
  }

  /** Forgets epochs that began at `endOffset` or later. */
  truncateFromEnd(endOffset: number): void {
    const kept = this.starts.filter((start) => start.startOffset < endOffset)
    if (kept.length === this.starts.length) return
    this.starts = kept
    this.write()
  }

  /** Forgets what lies before `startOffset`; the epoch that holds it begins there from now on. */
  truncateFromStart(startOffset: number): void {
    const holding = this.starts.findLast((start) => start.startOffset <= startOffset)
    if (holding === undefined || (holding === this.starts[0] && holding.startOffset === startOffset)) return
    const later = this.starts.filter((start) => start.startOffset > startOffset)
    this.starts = [{ epoch: holding.epoch, startOffset }, ...later]
    this.write()
  }

  clear(): void {
    this.starts = []
  }

  /** The epoch of the batch with `offset`, or -1. */
  epochOf(offset: number): number {
    return this.starts.findLast((start) => start.startOffset <= offset)?.epoch ?? -1
  }

  /** Where the largest epoch up to `epoch` ends, as OffsetForLeaderEpoch answers it. */
  endOf(epoch: number, endOffset: number): EpochEnd {
    const none: EpochEnd = { leaderEpoch: -1, endOffset: -1 }
    if (epoch < 0) return none
    if (epoch === this.latestEpoch) return { leaderEpoch: epoch, endOffset }
    const higher = this.starts.find((start) => start.epoch > epoch)
    if (higher === undefined) return none
    const floor = this.starts.findLast((start) => start.epoch <= epoch)
    return { leaderEpoch: floor?.epoch ?? epoch, endOffset: higher.startOffset }
  }

  write(): void {
    const lines = this.starts.map(({ epoch, startOffset }) => `${epoch} ${startOffset}\n`)
    replaceFile(this.disk, this.path, Buffer.from(`${VERSION}\n${lines.length}\n${lines.join('')}`, 'latin1'))
  }
}

function parse(text: string): EpochStart[] | string {
  const lines = text.split('\n')
  if (lines[0] !== VERSION) return `its version "${lines[0]}" is not ${VERSION}`
  if (lines.pop() !== '') return 'it ends within a line'
  const rows = lines.slice(2)
  if (lines[1] !== String(rows.length)) return `it has ${rows.length} entries and says "${lines[1]}"`
  const starts: EpochStart[] = []
  for (const row of rows) {
    const match = /^(\d{1,10}) (\d{1,16})$/.exec(row)
    if (match === null) return `"${row}" is not an entry`
    const start = { epoch: Number(match[1]), startOffset: Number(match[2]) }
    const before = starts.at(-1)
    if (before !== undefined && (before.epoch >= start.epoch || before.startOffset >= start.startOffset)) {
      return 'its entries are out of order'
    }
    starts.push(start)
  }
  return starts
}
