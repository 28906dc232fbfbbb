/**
 * The spooling directory as a source (Flume 1.10.1 user guide, "Spooling Directory Source").
 *
 * 1. A poll lists the directory, compares files that are done with what they were, and queues new ones in order.
 * 2. A file is taken up when it has not changed for `pollDelay`: by its time of change, or seen at two polls.
 * 3. It is read to its end, batch by batch; one batch is read ahead, so that the last one also marks the file as done.
 * 4. Every batch carries the position behind it. Opened there, the source goes on with the next row.
 *
 * It never writes, renames or removes anything in the directory.
 */
import { basename } from 'node:path'
import type { OpenSource, Source, SourceBatch } from '../../connector/index.ts'
import { MillraceError } from '../../core/errors.ts'
import { sleep } from '../../platform/clock.ts'
import { joinPath } from '../../platform/disk.ts'
import { type ScanOptions, type SpooledFileInfo, scanDirectory, statFile } from './directory-scan.ts'
import { fileChanged } from './file-changed.ts'
import { checksumOfFile } from './file-pieces.ts'
import { type FileBatch, SpooledFile, type SpooledFileOptions } from './spooled-file.ts'
import { type FileState, TrackedFiles } from './tracked-files.ts'

export interface SpoolSourceOptions extends ScanOptions, Omit<SpooledFileOptions, 'disk' | 'headers'> {
  readonly pollDelay: number
  readonly trackedFilesMax: number
  /** The names of the headers with path and name of the file, if they are wanted. */
  readonly fileHeaderKey: string | undefined
  readonly basenameHeaderKey: string | undefined
}

interface SeenFile {
  readonly sizeBytes: number
  readonly modifiedMs: number
  /** Since when it has had them, on the monotonic clock. */
  readonly sinceMs: number
}

interface Instant {
  readonly wallMs: number
  readonly monotonicMs: number
}

export class SpoolSource implements Source {
  readonly pollDelayMs: number
  private readonly context: OpenSource
  private readonly options: SpoolSourceOptions
  private tracked: TrackedFiles
  private queue: SpooledFileInfo[] = []
  private file: SpooledFile | undefined
  private ahead: FileBatch | undefined
  /** Files of the last poll that may still be growing. */
  private seen = new Map<string, SeenFile>()
  /** Names of the last poll. */
  private there: ReadonlySet<string> = new Set()
  /** Times of change at which the content of a done file was found unchanged. */
  private readonly verifiedMs = new Map<string, number>()
  private resumed = false

  constructor(context: OpenSource, options: SpoolSourceOptions) {
    this.context = context
    this.options = options
    this.pollDelayMs = options.pollDelay
    this.tracked = TrackedFiles.parse(context.position)
    if (context.units !== undefined) this.queue = context.units.map((unit) => this.unitFile(unit))
  }

  async read(): Promise<SourceBatch | 'idle' | 'ended'> {
    if (this.file === undefined && !this.takeUp()) {
      if (this.context.units !== undefined) return 'ended'
      await this.poll()
      if (!this.takeUp()) return 'idle'
    }
    const file = this.file!
    const batch = this.ahead ?? (await file.next())
    this.ahead = batch && (await file.next())
    if (batch !== undefined && this.ahead !== undefined) {
      this.tracked = this.tracked.withCurrent(batch.state)
      return { events: batch.events, unit: file.name, position: this.tracked.toJson() }
    }
    const done = file.finish()
    file.close()
    this.file = undefined
    this.tracked = this.tracked.withDone(done, this.options.trackedFilesMax, (name) => this.there.has(name))
    const unitChecksum = done.checksum.toString(16).padStart(8, '0')
    return { events: batch?.events ?? [], unit: file.name, position: this.tracked.toJson(), unitChecksum }
  }

  async close(): Promise<void> {
    this.file?.close()
    this.file = undefined
  }

  /** Opens the file that is to be read next; false if there is none. */
  private takeUp(): boolean {
    const { current } = this.tracked
    if (!this.resumed && current !== undefined) {
      this.queue = this.queue.filter((file) => file.name !== current.name)
      this.file = new SpooledFile(this.unitFile(current.name), this.fileOptions(current.name), current)
    } else {
      const next = this.queue.shift()
      if (next !== undefined) this.file = new SpooledFile(next, this.fileOptions(next.name))
    }
    this.resumed = true
    return this.file !== undefined
  }

  private fileOptions(name: string): SpooledFileOptions {
    const { directory, fileHeaderKey, basenameHeaderKey } = this.options
    const headers = new Map<string, string>()
    if (fileHeaderKey !== undefined) headers.set(fileHeaderKey, joinPath(directory, name))
    if (basenameHeaderKey !== undefined) headers.set(basenameHeaderKey, basename(name))
    const { disk } = this.context.platform
    return { ...this.options, disk, headers: Object.freeze(Object.fromEntries(headers)) }
  }

  /** A file that a position speaks of. @throws MR_SOURCE_FILE_CHANGED when it is gone */
  private unitFile(name: string): SpooledFileInfo {
    const { directory } = this.options
    const file = statFile(this.context.platform.disk, directory, name)
    if (file === undefined)
      throw fileChanged(joinPath(directory, name), 'is gone, and was not read to its end')
    return file
  }

  /** Fills the queue; waits once for files that may still be growing, unless they have just grown. */
  private async poll(): Promise<void> {
    const before = this.seen
    this.look()
    if (this.queue.length > 0) return
    let youngestMs = Number.NEGATIVE_INFINITY
    for (const [name, { sinceMs }] of this.seen) {
      const was = before.get(name)
      if (was === undefined || was.sinceMs === sinceMs) youngestMs = Math.max(youngestMs, sinceMs)
    }
    const { clock } = this.context.platform
    if (youngestMs === Number.NEGATIVE_INFINITY) return
    const waitMs = Math.max(0, youngestMs + this.pollDelayMs - clock.monotonicMs())
    // Timers count whole milliseconds, and may be a fraction early.
    await sleep(clock, Math.ceil(waitMs) + 1, this.context.signal)
    this.look()
  }

  /** Queues what is settled, and remembers what is not. */
  private look(): void {
    const { clock, disk } = this.context.platform
    // One time for all, or one that is looked at later would be settled before an older one.
    const now: Instant = { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }
    const files = scanDirectory(disk, this.options)
    this.there = new Set(files.map((file) => file.name))
    const seen = new Map<string, SeenFile>()
    for (const file of files) {
      const done = this.tracked.done.get(file.name)
      if (done !== undefined) this.checkDone(file, done)
      else if (this.isSettled(file, now, seen)) this.queue.push(file)
    }
    this.seen = seen
  }

  private isSettled(file: SpooledFileInfo, now: Instant, seen: Map<string, SeenFile>): boolean {
    if (file.modifiedMs + this.pollDelayMs <= now.wallMs) return true
    const before = this.seen.get(file.name)
    const same = before?.sizeBytes === file.sizeBytes && before.modifiedMs === file.modifiedMs
    const sinceMs = same ? before.sinceMs : now.monotonicMs
    if (now.monotonicMs - sinceMs >= this.pollDelayMs) return true
    seen.set(file.name, { sizeBytes: file.sizeBytes, modifiedMs: file.modifiedMs, sinceMs })
    return false
  }

  private checkDone(file: SpooledFileInfo, done: FileState): void {
    const path = joinPath(this.options.directory, file.name)
    if (file.sizeBytes !== done.sizeBytes) {
      const what = `had ${done.sizeBytes} bytes when it was read and has ${file.sizeBytes} now`
      throw fileChanged(path, what)
    }
    const knownMs = this.verifiedMs.get(file.name) ?? done.modifiedMs
    if (file.modifiedMs === knownMs) return
    if (checksumOfFile(this.context.platform.disk, path).checksum !== done.checksum) {
      throw fileChanged(path, 'has other bytes than when it was read')
    }
    this.verifiedMs.set(file.name, file.modifiedMs)
  }
}

/** @throws MR_FILE_NOT_FOUND */
export function checkDirectory(context: OpenSource, directory: string): void {
  if (context.platform.disk.exists(directory)) return
  throw new MillraceError('MR_FILE_NOT_FOUND', `there is no directory "${directory}" to read from`, {
    where: directory,
    hint: 'Make it, or name another one with the option "directory".',
  })
}
