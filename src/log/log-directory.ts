/**
 * All partitions of a data directory.
 *
 * ```
 * .lock                               who uses it
 * meta.properties                     whose it is
 * .kafka_cleanshutdown                it was closed, and nothing was written since
 * recovery-point-offset-checkpoint    what is on the disk for sure
 * log-start-offset-checkpoint         up to where records were deleted
 * cleaner-offset-checkpoint           up to where logs are compacted
 * <topic>-<partition>/                a log
 * <topic>-<partition>.<id>-delete/    a deleted one, until its files are removed
 * ```
 * The marker of a clean shutdown is removed, for good, before anything is written.
 */

import { messageOf } from '../core/errors.ts'
import { invariant } from '../core/invariant.ts'
import type { Logger } from '../core/logger.ts'
import { checkTopicName } from '../core/topic-name.ts'
import { type Disk, type DiskLock, directoryOf, joinPath, replaceFile } from '../platform/disk.ts'
import type { Platform } from '../platform/platform.ts'
import { randomUuid } from '../platform/random.ts'
import { type CheckpointEntry, readCheckpoint, writeCheckpoint } from './checkpoint-file.ts'
import { parsePartitionFolder, partitionFolder } from './file-names.ts'
import type { LogConfig } from './log-config.ts'
import { logError } from './log-error.ts'
import type { PartitionLogOptions } from './log-types.ts'
import {
  META_PROPERTIES_FILE,
  type MetaProperties,
  readMetaProperties,
  writeMetaProperties,
} from './meta-properties.ts'
import { PartitionLog } from './partition-log.ts'
import { readPartitionMetadata, writePartitionMetadata } from './partition-metadata.ts'
import { StorageTrouble } from './storage-trouble.ts'

const LOCK_FILE = '.lock'
const CLEAN_SHUTDOWN_FILE = '.kafka_cleanshutdown'
const RECOVERY_POINTS_FILE = 'recovery-point-offset-checkpoint'
const LOG_STARTS_FILE = 'log-start-offset-checkpoint'
const CLEANER_OFFSETS_FILE = 'cleaner-offset-checkpoint'
const DELETED_FOLDER = /^.+-\d+\.[0-9a-f]{32}-delete$/

export interface LogDirectoryOptions {
  readonly platform: Pick<Platform, 'clock' | 'disk' | 'random'>
  readonly directory: string
  readonly logger: Logger
  readonly nodeId: number
  /** For a new directory; made up if not given. */
  readonly clusterId?: string
  /** The settings of a topic that is found in the directory. */
  readonly configOf: (topic: string) => LogConfig
  /** The epoch that new batches get; 0 if not given. */
  readonly leaderEpoch?: number
}

export interface CreatePartitionOptions {
  readonly topic: string
  readonly partition: number
  readonly topicId: Buffer
  readonly config: LogConfig
}

/** A folder that could not be opened; its files are as they were. */
export interface FailedPartition {
  readonly directory: string
  readonly topic: string
  readonly partition: number
  readonly error: unknown
}

interface Held {
  readonly log: PartitionLog
  readonly topicId: Buffer | undefined
}

export class LogDirectory {
  readonly clusterId: string
  readonly nodeId: number
  readonly directoryId: string
  /** Partitions that could not be opened. */
  readonly failures: FailedPartition[] = []
  private readonly options: LogDirectoryOptions
  private readonly lock: DiskLock
  private readonly trouble: StorageTrouble
  private readonly held = new Map<string, Held>()
  private deletedFolders: { readonly path: string; readonly atMs: number; readonly delayMs: number }[] = []
  private readonly recoveryPoints: ReadonlyMap<string, number>
  private readonly logStarts: ReadonlyMap<string, number>
  private readonly cleanerOffsets: ReadonlyMap<string, number>
  private readonly cleanShutdown: boolean
  private closed = false

  /**
   * Opens a data directory with all logs in it, or makes it. Logs that cannot be opened are in `failures`.
   *
   * @throws MR_DATA_DIRECTORY_LOCKED, MR_LOG_DIRECTORY_INVALID, MR_DISK_FAILED
   */
  static async open(options: LogDirectoryOptions): Promise<LogDirectory> {
    makeDurableDirectory(options.platform.disk, options.directory)
    const lock = options.platform.disk.lock(joinPath(options.directory, LOCK_FILE))
    try {
      const directory = new LogDirectory(options, lock)
      await directory.openAll()
      return directory
    } catch (error) {
      lock.release()
      throw error
    }
  }

  private constructor(options: LogDirectoryOptions, lock: DiskLock) {
    this.options = options
    this.lock = lock
    this.trouble = new StorageTrouble(options.platform.clock, options.logger)
    const meta = this.identify()
    this.clusterId = meta.clusterId
    this.nodeId = meta.nodeId
    this.directoryId = meta.directoryId
    this.recoveryPoints = this.checkpointOf(RECOVERY_POINTS_FILE)
    this.logStarts = this.checkpointOf(LOG_STARTS_FILE)
    this.cleanerOffsets = this.checkpointOf(CLEANER_OFFSETS_FILE)
    this.reportMissing()
    this.cleanShutdown = this.takeCleanShutdown()
  }

  get(topic: string, partition: number): PartitionLog | undefined {
    return this.held.get(partitionFolder(topic, partition))?.log
  }

  /** All logs that are open. */
  *partitions(): IterableIterator<PartitionLog> {
    for (const { log } of this.held.values()) yield log
  }

  /** The id of a topic that has a partition here. */
  topicIdOf(topic: string): Buffer | undefined {
    for (const { log, topicId } of this.held.values()) if (log.topic === topic && topicId) return topicId
    return undefined
  }

  /** Makes the log of a new partition. */
  create(options: CreatePartitionOptions): PartitionLog {
    invariant(!this.closed, 'a data directory that is closed takes no partitions')
    const { topic, partition, topicId, config } = options
    checkTopicName(topic)
    const folder = partitionFolder(topic, partition)
    const path = this.pathOf(folder)
    const { disk } = this.options.platform
    if (this.held.has(folder) || disk.exists(path)) {
      throw logError(
        'MR_TOPIC_EXISTS',
        'TOPIC_ALREADY_EXISTS',
        `there is a log of "${topic}/${partition}" already`,
      )
    }
    disk.makeDirectory(path)
    writePartitionMetadata(disk, path, topicId)
    disk.syncDirectory(this.options.directory)
    const log = this.openLog(topic, partition, config, {})
    this.held.set(folder, { log, topicId })
    return log
  }

  /**
   * Deletes a log: its folder is renamed at once; `clean` removes it after file.delete.delay.ms. Does nothing when
   * there is no such log.
   */
  async delete(topic: string, partition: number): Promise<void> {
    const folder = partitionFolder(topic, partition)
    const held = this.held.get(folder)
    if (held === undefined) return
    this.held.delete(folder)
    await held.log.close()
    const { disk, clock, random } = this.options.platform
    const deleted = this.pathOf(`${folder}.${randomUuid(random).toString('hex')}-delete`)
    disk.rename(this.pathOf(folder), deleted)
    disk.syncDirectory(this.options.directory)
    const delayMs = held.log.config['file.delete.delay.ms']
    this.deletedFolders.push({ path: deleted, atMs: clock.nowMs(), delayMs })
    // A new log of that name must not inherit its offsets.
    this.checkpoint()
  }

  /** Writes how far logs are synced, deleted and compacted; call it every few seconds. */
  checkpoint(): void {
    this.writeOffsets(RECOVERY_POINTS_FILE, (log) => log.recoveryPoint)
    this.writeLogStarts()
    this.writeOffsets(CLEANER_OFFSETS_FILE, (log) => log.cleanedOffset)
  }

  /** Deletes and compacts in all logs, one after the other, as far as it is due. */
  async clean(nowMs: number): Promise<void> {
    const { logger } = this.options
    const { disk, clock } = this.options.platform
    const due = this.deletedFolders.filter(({ atMs, delayMs }) => nowMs - atMs >= delayMs)
    this.deletedFolders = this.deletedFolders.filter((folder) => !due.includes(folder))
    for (const { path } of due) disk.removeDirectory(path)
    for (const { log } of [...this.held.values()]) {
      if (this.closed) return
      if (this.get(log.topic, log.partition) !== log) continue
      const { deletedSegments, compaction } = await log.clean(nowMs)
      if (deletedSegments > 0 || compaction !== undefined) {
        logger.debug(
          { topic: log.topic, partition: log.partition, deletedSegments, ...compaction },
          'cleaned a log',
        )
      }
      await clock.nextTurn()
    }
  }

  /** Starts syncs that `flush.ms` asks for; call it several times a second while any topic sets it. */
  flushDue(nowMs: number): void {
    for (const { log } of this.held.values()) log.flushIfDue(nowMs)
  }

  /** Closes all logs and marks the directory as whole. */
  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    const results = await Promise.allSettled([...this.held.values()].map(({ log }) => log.close()))
    const { disk } = this.options.platform
    const whole = results.every(({ status }) => status === 'fulfilled') && this.failures.length === 0
    const sound = [...this.held.values()].every(({ log }) => log.fault === undefined)
    this.checkpoint()
    if (whole && sound) {
      replaceFile(
        disk,
        this.pathOf(CLEAN_SHUTDOWN_FILE),
        Buffer.from('{"version":0,"brokerEpoch":-1}', 'latin1'),
      )
    }
    this.lock.release()
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  private identify(): MetaProperties {
    const { directory, nodeId, clusterId, platform } = this.options
    const { disk, random } = platform
    const found = readMetaProperties(disk, directory)
    if (found === undefined) {
      const newId = (): string => randomUuid(random).toString('base64url')
      const made = { clusterId: clusterId ?? newId(), nodeId, directoryId: newId() }
      const used = disk.list(directory).some(({ name }) => parsePartitionFolder(name) !== undefined)
      if (used) {
        const file = this.pathOf(META_PROPERTIES_FILE)
        this.options.logger.warn(
          { file, ...made },
          'the data directory has lost its identity and gets a new one',
        )
      }
      writeMetaProperties(disk, directory, made)
      return made
    }
    if (found.nodeId === nodeId && (clusterId === undefined || clusterId === found.clusterId)) return found
    throw logError(
      'MR_LOG_DIRECTORY_INVALID',
      'KAFKA_STORAGE_ERROR',
      `the data directory belongs to node ${found.nodeId} of cluster "${found.clusterId}"`,
      { where: directory, hint: 'Name the directory of this node, or a new one.' },
    )
  }

  private checkpointOf(name: string): ReadonlyMap<string, number> {
    const path = this.pathOf(name)
    const offsets = readCheckpoint(this.options.platform.disk, path)
    if (typeof offsets !== 'string') return offsets
    // Without recovery points all batches are checked, without cleaner offsets all are compacted again, and
    // without log starts deleted records can be read again: nothing is lost.
    this.options.logger.warn({ file: path, why: offsets }, 'passes over a checkpoint that cannot be used')
    return new Map()
  }

  /** The checkpoints are written one after the other: when the last is there, so were the others. */
  private reportMissing(): void {
    const { disk } = this.options.platform
    if (!disk.exists(this.pathOf(CLEANER_OFFSETS_FILE))) return
    for (const name of [RECOVERY_POINTS_FILE, LOG_STARTS_FILE]) {
      if (disk.exists(this.pathOf(name))) continue
      this.options.logger.warn({ file: this.pathOf(name) }, 'a checkpoint is missing; goes on without it')
    }
  }

  /** Whether the directory was closed whole; from now on it counts as not. */
  private takeCleanShutdown(): boolean {
    const { disk } = this.options.platform
    const path = this.pathOf(CLEAN_SHUTDOWN_FILE)
    const clean = disk.exists(path)
    if (clean) disk.remove(path)
    // What was read may have its name in memory only, when the last process ended before it synced that.
    disk.syncDirectory(this.options.directory)
    return clean
  }

  private async openAll(): Promise<void> {
    const { platform, directory, configOf, logger } = this.options
    for (const entry of platform.disk.list(directory)) {
      if (!entry.directory) continue
      const parsed = parsePartitionFolder(entry.name)
      if (DELETED_FOLDER.test(entry.name)) platform.disk.removeDirectory(this.pathOf(entry.name))
      if (parsed === undefined) continue
      const { topic, partition } = parsed
      const path = this.pathOf(entry.name)
      try {
        const topicId = readPartitionMetadata(platform.disk, path)
        if (topicId === undefined)
          logger.warn({ directory: path }, 'a log has no partition.metadata: its topic id is not known')
        const log = this.openLog(topic, partition, configOf(topic), {
          cleanShutdown: this.cleanShutdown && this.recoveryPoints.has(entry.name),
          ...offsetOf('recoveryPoint', this.recoveryPoints, entry.name),
          ...offsetOf('logStartOffset', this.logStarts, entry.name),
          ...offsetOf('cleanedOffset', this.cleanerOffsets, entry.name),
        })
        this.held.set(entry.name, { log, topicId })
      } catch (error) {
        logger.error({ directory: path }, `cannot open a log: ${messageOf(error)}`)
        this.failures.push({ directory: path, topic, partition, error })
      }
      await platform.clock.nextTurn()
    }
  }

  private openLog(
    topic: string,
    partition: number,
    config: LogConfig,
    known: Pick<PartitionLogOptions, 'cleanShutdown' | 'recoveryPoint' | 'logStartOffset' | 'cleanedOffset'>,
  ): PartitionLog {
    const { platform, logger, leaderEpoch = 0 } = this.options
    const folder = partitionFolder(topic, partition)
    return PartitionLog.open({
      ...known,
      platform,
      directory: this.pathOf(folder),
      topic,
      partition,
      config,
      logger,
      leaderEpoch,
      trouble: this.trouble,
      onLogStartMoved: (offset) => this.writeLogStarts({ folder, offset }),
    })
  }

  /** Writes the first offsets of all logs, with `moved` as it will be. */
  private writeLogStarts(moved?: { readonly folder: string; readonly offset: number }): void {
    this.writeOffsets(LOG_STARTS_FILE, (log, folder) =>
      folder === moved?.folder ? moved.offset : log.logStartOffset,
    )
  }

  private writeOffsets(name: string, offset: (log: PartitionLog, folder: string) => number): void {
    const before = { [RECOVERY_POINTS_FILE]: this.recoveryPoints, [LOG_STARTS_FILE]: this.logStarts }[name]
    const entries: CheckpointEntry[] = []
    for (const [folder, { log }] of this.held) {
      entries.push({ topic: log.topic, partition: log.partition, offset: offset(log, folder) })
    }
    // What was known of logs that could not be opened stays known.
    for (const { topic, partition } of this.failures) {
      const known = (before ?? this.cleanerOffsets).get(partitionFolder(topic, partition))
      if (known !== undefined) entries.push({ topic, partition, offset: known })
    }
    writeCheckpoint(this.options.platform.disk, this.pathOf(name), entries)
  }

  private pathOf(name: string): string {
    return joinPath(this.options.directory, name)
  }
}

function offsetOf<N extends string>(
  name: N,
  offsets: ReadonlyMap<string, number>,
  folder: string,
): { readonly [K in N]?: number } {
  const offset = offsets.get(folder)
  return (offset === undefined ? {} : { [name]: offset }) as { readonly [K in N]?: number }
}

/**
 * Makes the directory, with all above it, so that it survives a power cut. That it is there does not say that it
 * would; that it was identified does.
 */
function makeDurableDirectory(disk: Disk, directory: string): void {
  if (disk.exists(joinPath(directory, META_PROPERTIES_FILE))) return
  disk.makeDirectory(directory)
  for (
    let path = directory, above = directoryOf(path);
    above !== path;
    path = above, above = directoryOf(path)
  ) {
    disk.syncDirectory(above)
    if (above === '.') return
  }
}
