/**
 * One file of a data directory missing, cut short, with one bit changed, or of another version: what a start says of
 * it, and what is left.
 */
import { isMillraceError, messageOf } from '../../src/core/errors.ts'
import type { LogDirectory } from '../../src/log/log-directory.ts'
import { keepingLogger, type ReadRecord, recordsOf } from '../../src/log/log-fixture.ts'
import type { PartitionLog } from '../../src/log/partition-log.ts'
import { readFile } from '../../src/platform/disk.ts'
import type { SimulatedDisk } from '../../src/platform/simulated/disk.ts'
import { simulatedRandom } from '../../src/platform/simulated/random.ts'
import { DATA, openDirectory, type RecordedLife, topics } from './recorded-life.ts'

export interface Damage {
  readonly what: string
  readonly apply: (disk: SimulatedDisk) => void
}

/** What a start made of a directory. */
export interface Outcome {
  /** Everything that it said, errors included. */
  readonly said: string
  /** Why the directory did not open. */
  readonly refused: string | undefined
  /** Partitions that did not open or take no records, with why. */
  readonly faults: ReadonlyMap<string, string>
  /** By partition: what can be read, batch by batch around damage. */
  readonly records: ReadonlyMap<string, ReadonlyMap<number, string>>
  /** By partition: what is known of producers, transactions and times. */
  readonly view: ReadonlyMap<string, string>
}

/** All files of a data directory but its lock, which says nothing. */
export function filesOf(disk: SimulatedDisk): readonly string[] {
  return disk
    .list(DATA)
    .flatMap(({ name, directory }) =>
      directory
        ? disk.list(`${DATA}/${name}`).map((file) => `${DATA}/${name}/${file.name}`)
        : [`${DATA}/${name}`],
    )
    .filter((path) => !path.endsWith('/.lock'))
}

export function* damagesOf(disk: SimulatedDisk, path: string, flips: number): Generator<Damage> {
  const bytes = readFile(disk, path)
  yield { what: 'missing', apply: (copy) => copy.remove(path) }
  for (const length of new Set(
    Array.from({ length: 16 }, (_, part) => Math.floor((bytes.length * part) / 16)),
  )) {
    if (length < bytes.length)
      yield {
        what: `cut to ${length} bytes`,
        apply: (copy) => overwrite(copy, path, bytes.subarray(0, length)),
      }
  }
  const random = simulatedRandom(path)
  for (let flip = 0; flip < flips && bytes.length > 0; flip++) {
    const bit = random.within([0, bytes.length * 8 - 1])
    yield { what: `bit ${bit} changed`, apply: (copy) => copy.flipBit(path, bit) }
  }
  const other = otherVersion(path, bytes)
  if (other !== undefined) yield { what: 'of another version', apply: (copy) => overwrite(copy, path, other) }
}

function overwrite(disk: SimulatedDisk, path: string, bytes: Uint8Array): void {
  const file = disk.open(path, 'write')
  file.truncate(0)
  file.write(bytes, 0, bytes.length, 0)
  file.syncNow()
  file.close()
}

/** The file as a later version might write it; undefined for a format that has no version in it. */
function otherVersion(path: string, bytes: Buffer): Buffer | undefined {
  const text = bytes.toString('latin1')
  if (path.endsWith('meta.properties'))
    return Buffer.from(text.replace(/^#.*\n/, '').replace('version=1', 'version=2'))
  if (path.endsWith('partition.metadata')) return Buffer.from(text.replace('version: 0', 'version: 1'))
  if (path.endsWith('-checkpoint') && text.startsWith('0\n')) return Buffer.from(text.replace('0\n', '1\n'))
  const changed = Buffer.from(bytes)
  if (path.endsWith('.snapshot') && bytes.length >= 2) changed.writeInt16BE(2, 0)
  else if (path.endsWith('.txnindex') && bytes.length >= 2) changed.writeInt16BE(1, 0)
  else if (path.endsWith('.log') && bytes.length > 17) changed[16] = 3
  else return undefined
  return changed
}

/** Opens a copy of the disk and looks at everything. */
export async function outcomeOf(life: RecordedLife, disk: SimulatedDisk): Promise<Outcome> {
  const { simulation } = life
  const logger = keepingLogger()
  const platform = { disk, random: simulatedRandom('start'), clock: simulation.clock }
  const faults = new Map<string, string>()
  const records = new Map<string, ReadonlyMap<number, string>>()
  const view = new Map<string, string>()
  let directory: LogDirectory | undefined
  let refused: string | undefined
  try {
    directory = await simulation.runUntil(openDirectory(platform, logger))
  } catch (error) {
    if (!isMillraceError(error)) throw error
    refused = `${error.message} ${error.where ?? ''}`
  }
  for (const { name } of topics) {
    const failed = directory?.failures.find(({ topic }) => topic === name)
    if (failed !== undefined)
      faults.set(
        name,
        `${messageOf(failed.error)} ${isMillraceError(failed.error) ? failed.error.where : ''}`,
      )
    const log = directory?.get(name, 0)
    if (log === undefined) continue
    records.set(name, readAround(log))
    view.set(name, viewOf(log))
    if (log.fault !== undefined) faults.set(name, `${log.fault.message} ${log.fault.where ?? ''}`)
  }
  const lines = logger.lines.map(
    ({ level, message, fields }) => `${level}: ${message} ${JSON.stringify(fields)}`,
  )
  const said = [...lines, refused ?? '', ...faults.values()].join('\n')
  if (directory !== undefined) await simulation.runUntil(directory.close().catch(() => {}))
  return { said, refused, faults, records, view }
}

const textOf = ({ key, value, timestampMs, control }: ReadRecord): string =>
  `${key}=${value} ${timestampMs} ${control}`

/** Reads every offset that can be read. */
function readAround(log: PartitionLog): Map<number, string> {
  const seen = new Map<number, string>()
  for (let fromOffset = log.logStartOffset; fromOffset < log.endOffset; fromOffset++) {
    if (seen.has(fromOffset)) continue
    try {
      for (const record of recordsOf(log.read({ fromOffset, maxBytes: 600 }).bytes)) {
        if (record.offset >= fromOffset) seen.set(record.offset, textOf(record))
      }
    } catch (error) {
      if (!isMillraceError(error, 'MR_LOG_CORRUPT')) throw error
    }
  }
  return seen
}

function viewOf(log: PartitionLog): string {
  const producers = log.producers().map((producer) => ({ ...producer, lastTimestampMs: 0 }))
  const aborted: unknown[] = []
  for (let fromOffset = log.logStartOffset; fromOffset < log.endOffset; fromOffset += 5) {
    try {
      aborted.push(log.read({ fromOffset, maxBytes: 500, isolation: 'read_committed' }).abortedTransactions)
    } catch (error) {
      aborted.push(messageOf(error))
    }
  }
  const bounds = [log.logStartOffset, log.endOffset, log.highWatermark, log.lastStableOffset]
  return JSON.stringify([
    bounds,
    producers,
    log.offsetForMaxTimestamp(),
    log.epochOf(log.endOffset - 1),
    aborted,
  ])
}
