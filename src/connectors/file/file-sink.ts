/**
 * Rolled JSON Lines files with exactly-once delivery: positions are kept in the manifest, with the files' lengths.
 *
 * The source of the escapes is Flume's HDFS sink; the manifest is what Flume lacks, whose files may hold a record
 * twice after a restart.
 */
import { PartialWriteError, type Sink, type StoredRecord } from '../../connector/index.ts'
import type { FailedWrite } from '../../connector/partial-write-error.ts'
import { isMillraceError, type MillraceError } from '../../core/errors.ts'
import { partitionName } from '../../core/record.ts'
import { type Disk, type DiskLock, joinPath } from '../../platform/disk.ts'
import { makeDurableDirectory } from './below-directory.ts'
import { type LineFormat, writeLine } from './line-format.ts'
import { LOCK_NAME, openManifest } from './manifest.ts'
import { PathTemplate } from './path-template.ts'
import { RolledFiles } from './rolled-files.ts'

export interface FileSinkOptions {
  readonly disk: Disk
  readonly directory: string
  readonly path: string
  readonly format: LineFormat
  readonly openFilesMax: number
  readonly bufferBytes: number
}

export class FileSink implements Sink {
  private readonly options: FileSinkOptions
  private readonly template: PathTemplate
  private readonly lock: DiskLock
  private readonly files: RolledFiles
  /** The next offsets of partitions that were written since the last flush. */
  private written = new Map<string, number>()
  /** What was begun last with the files. */
  private running: Promise<void> = Promise.resolve()

  /** @throws MR_SINK_FAILED, MR_DATA_DIRECTORY_LOCKED, MR_DISK_FAILED, MR_DISK_FULL */
  constructor(options: FileSinkOptions) {
    const { disk, directory } = options
    this.options = options
    this.template = new PathTemplate(options.path)
    makeDurableDirectory(disk, directory)
    this.lock = disk.lock(joinPath(directory, LOCK_NAME))
    try {
      this.files = new RolledFiles(options, openManifest(disk, directory))
    } catch (error) {
      this.lock.release()
      throw error
    }
  }

  async write(records: readonly StoredRecord[]): Promise<void> {
    const failures: FailedWrite[] = []
    for (const [index, record] of records.entries()) {
      const error = this.add(record)
      if (error !== undefined) failures.push({ index, error })
      this.written.set(partitionName(record.topic, record.partition), record.offset + 1)
    }
    if (this.files.bufferedBytes > this.options.bufferBytes) await this.alone(() => this.files.writeOut())
    if (failures.length > 0) throw new PartialWriteError(failures)
  }

  async flush(): Promise<void> {
    if (this.written.size === 0) return
    const { written } = this
    this.written = new Map()
    await this.alone(() => this.files.commit(written))
  }

  positions(): ReadonlyMap<string, number> {
    return this.files.positions
  }

  async close(): Promise<void> {
    // A handle that is being synced may not be closed: its number could be another file's by then.
    await this.running.catch(() => {})
    this.files.close()
    this.lock.release()
  }

  private alone(run: () => Promise<void>): Promise<void> {
    this.running = run()
    return this.running
  }

  private add(record: StoredRecord): MillraceError | undefined {
    try {
      const lines = this.files.linesOf(this.template.pathOf(record))
      const before = lines.length
      writeLine(this.options.format, record, lines)
      this.files.counted(lines.length - before)
      return undefined
    } catch (error) {
      if (isMillraceError(error, 'MR_RECORD_INVALID')) return error
      throw error
    }
  }
}
