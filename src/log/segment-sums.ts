/**
 * What the files of closed segments hold: the size of the log, and of each index the number of entries and their
 * checksum.
 *
 * Kafka's files have none of that, so a log cut at a batch, or an index that lost entries, would pass: records
 * would be missed, deleted too early, or read though their transaction was aborted. Text: per segment its base
 * offset and size, then count and CRC-32C of the indexes of offsets, times and aborted transactions; then the
 * checksum of these lines. Indexes are not synced, so those of a segment that is not noted here are made anew.
 */
import { crc32c } from '../core/crc32c.ts'
import type { Logger } from '../core/logger.ts'
import { type Disk, joinPath, readFile, replaceFile } from '../platform/disk.ts'
import type { IndexFile } from './index-file.ts'
import type { Segment } from './segment.ts'

const FILE = 'segment-checkpoint'
const LINE = /^(\d+) (\d+) (\d+ \d+) (\d+ \d+) (\d+ \d+)$/

export type IndexKind = 'offsets' | 'times' | 'transactions'
type Sums = Readonly<Record<IndexKind, string>> & { readonly logBytes: number }

export class SegmentSums {
  private readonly disk: Disk
  private readonly path: string
  private sums: Map<number, Sums>

  constructor(disk: Disk, directory: string, logger: Logger) {
    this.disk = disk
    this.path = joinPath(directory, FILE)
    const sums = this.load()
    if (sums === undefined)
      logger.warn(
        { file: this.path },
        'passes over what is noted of segments: it does not match its checksum',
      )
    this.sums = sums ?? new Map()
  }

  /** Why an index is not what it was when its segment was closed, or undefined. */
  fault(baseOffset: number, kind: IndexKind, file: IndexFile): string | undefined {
    const expected = this.sums.get(baseOffset)?.[kind]
    if (expected === undefined) return `nothing is noted of its ${kind}`
    if (expected === sumOf(file)) return undefined
    return `its ${kind} are not the ones that were noted`
  }

  /** The size that the log had when its segment was closed, or undefined. */
  logBytes(baseOffset: number): number | undefined {
    return this.sums.get(baseOffset)?.logBytes
  }

  /** The first offsets of all segments that are noted. */
  get baseOffsets(): readonly number[] {
    return [...this.sums.keys()]
  }

  /** True when it is noted that the segment has no aborted transactions. */
  hasNoTransactions(baseOffset: number): boolean {
    return this.sums.get(baseOffset)?.transactions.startsWith('0 ') ?? false
  }

  /** Notes the indexes of a segment that is complete and in memory. */
  note(segment: Segment): void {
    this.sums.set(segment.baseOffset, {
      logBytes: segment.sizeBytes,
      offsets: sumOf(segment.offsetIndex.file),
      times: sumOf(segment.timeIndex.file),
      transactions: sumOf(segment.transactionIndex.file),
    })
    this.write()
  }

  /** Forgets what was noted for segments that are made anew or go on being written. */
  forget(baseOffsets: readonly number[]): void {
    const known = baseOffsets.filter((baseOffset) => this.sums.delete(baseOffset))
    if (known.length > 0) this.write()
  }

  /** Forgets segments that are gone. */
  keepOnly(baseOffsets: ReadonlySet<number>): void {
    const gone = [...this.sums.keys()].filter((baseOffset) => !baseOffsets.has(baseOffset))
    for (const baseOffset of gone) this.sums.delete(baseOffset)
    if (gone.length > 0) this.write()
  }

  private write(): void {
    const lines = [...this.sums]
      .map(
        ([baseOffset, { logBytes, offsets, times, transactions }]) =>
          `${baseOffset} ${logBytes} ${offsets} ${times} ${transactions}\n`,
      )
      .join('')
    replaceFile(
      this.disk,
      this.path,
      Buffer.from(`${lines}${crc32c(Buffer.from(lines, 'latin1'))}\n`, 'latin1'),
    )
  }

  /** What the file says, or undefined when it cannot be used. */
  private load(): Map<number, Sums> | undefined {
    const sums = new Map<number, Sums>()
    if (!this.disk.exists(this.path)) return sums
    const lines = readFile(this.disk, this.path).toString('latin1').split('\n')
    const checksum = lines.at(-2)
    const rows = lines.slice(0, -2)
    const text = rows.map((row) => `${row}\n`).join('')
    if (lines.at(-1) !== '' || checksum !== String(crc32c(Buffer.from(text, 'latin1')))) return undefined
    for (const row of rows) {
      const match = LINE.exec(row)
      if (match === null) return undefined
      const [, baseOffset, logBytes, offsets, times, transactions] = match
      sums.set(Number(baseOffset), {
        logBytes: Number(logBytes),
        offsets: offsets!,
        times: times!,
        transactions: transactions!,
      })
    }
    return sums
  }
}

function sumOf(file: IndexFile): string {
  return `${file.count} ${crc32c(file.bytes, 0, file.sizeBytes)}`
}
