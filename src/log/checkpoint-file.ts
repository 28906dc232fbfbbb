/**
 * Checkpoints of a data directory: an offset per partition, in Kafka's text format version 0 (the version, the
 * number of entries, then `topic partition offset` per line).
 *
 * The last entry is a checksum over those before it, in the form of a partition of a topic that does not exist
 * (Kafka ignores such entries): a digit that changed on the disk must not move the start of a log.
 */
import { crc32c } from '../core/crc32c.ts'
import { type Disk, readFile, replaceFile } from '../platform/disk.ts'

const VERSION = '0'
const CHECKSUM_TOPIC = '__millrace_checksum'

export interface CheckpointEntry {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export function writeCheckpoint(disk: Disk, path: string, entries: readonly CheckpointEntry[]): void {
  const rows = entries.map(({ topic, partition, offset }) => `${topic} ${partition} ${offset}\n`).join('')
  const checksum = `${CHECKSUM_TOPIC} 0 ${crc32c(Buffer.from(rows, 'latin1'))}\n`
  replaceFile(disk, path, Buffer.from(`${VERSION}\n${entries.length + 1}\n${rows}${checksum}`, 'latin1'))
}

/** The entries by partition folder name (`topic-partition`), or the reason why the file is not usable. */
export function readCheckpoint(disk: Disk, path: string): ReadonlyMap<string, number> | string {
  if (!disk.exists(path)) return new Map()
  const lines = readFile(disk, path).toString('latin1').split('\n')
  if (lines[0] !== VERSION) return `its version "${lines[0]}" is not ${VERSION}`
  if (lines.pop() !== '') return 'it ends within a line'
  const checksum = lines.pop() ?? ''
  const rows = lines.slice(2)
  if (lines[1] !== String(rows.length + 1)) return `it has ${rows.length + 1} entries and says "${lines[1]}"`
  const text = rows.map((row) => `${row}\n`).join('')
  if (checksum !== `${CHECKSUM_TOPIC} 0 ${crc32c(Buffer.from(text, 'latin1'))}`)
    return 'it does not match its checksum'
  const offsets = new Map<string, number>()
  for (const row of rows) {
    const [topic, partition, offset] = row.split(' ')
    if (!Number.isSafeInteger(Number(offset))) return `"${row}" is not an entry`
    offsets.set(`${topic}-${partition}`, Number(offset))
  }
  return offsets
}
