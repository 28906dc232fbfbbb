/**
 * One file while it is read.
 *
 * 1. Its size and time of change are taken down when it is opened. When reading goes on after a restart, the bytes
 *    that had been read then are checked against their checksum first.
 * 2. At the end the file must still have that size and time; with another time its checksum decides.
 */
import type { FailedEvent, SourceEvent } from '../../connector/index.ts'
import { type Disk, joinPath } from '../../platform/disk.ts'
import type { CharsetDecoder } from './charset.ts'
import type { Deserializer, DeserializerFactory } from './deserializer.ts'
import { type SpooledFileInfo, statFile } from './directory-scan.ts'
import { fileChanged } from './file-changed.ts'
import { checksumOfFile, FilePieces } from './file-pieces.ts'
import type { FileState, OpenFileState } from './tracked-files.ts'

export interface SpooledFileOptions {
  readonly disk: Disk
  readonly directory: string
  readonly deserializer: DeserializerFactory
  readonly decoder: CharsetDecoder
  readonly headers: Readonly<Record<string, string>>
  readonly batchSize: number
}

export interface FileBatch {
  readonly events: readonly (SourceEvent | FailedEvent)[]
  readonly state: OpenFileState
}

export class SpooledFile {
  readonly name: string
  private readonly options: SpooledFileOptions
  private readonly info: SpooledFileInfo
  private readonly pieces: FilePieces
  private readonly deserializer: Deserializer

  /** @throws MR_SOURCE_FILE_CHANGED, MR_FILE_NOT_FOUND, MR_DISK_FAILED */
  constructor(info: SpooledFileInfo, options: SpooledFileOptions, resume?: OpenFileState) {
    this.name = info.name
    this.info = info
    this.options = options
    const { disk, decoder, headers, batchSize } = options
    if (resume !== undefined) this.checkUnchanged(resume)
    const { path } = this
    this.pieces = new FilePieces(disk, path)
    const from = resume === undefined ? {} : { from: { byte: resume.byte, line: resume.line } }
    this.deserializer = options.deserializer({
      ...{ disk, path, decoder, headers, batchSize },
      ...from,
      pieces: this.pieces,
      name: info.name,
    })
  }

  /** The next batch, or undefined at the end. */
  async next(): Promise<FileBatch | undefined> {
    const batch = await this.deserializer.next()
    if (batch === undefined) return undefined
    const { rawBytes, checksum } = this.pieces
    const state = { ...this.info, checksum, checkedBytes: rawBytes, ...batch.place }
    return { events: batch.events, state }
  }

  /** The file as it was read, when it has come to its end. @throws MR_SOURCE_FILE_CHANGED */
  finish(): FileState {
    // Behind damage there are bytes that nothing was made of.
    this.pieces.readToEnd()
    const { checksum, rawBytes } = this.pieces
    const { disk, directory } = this.options
    const now = statFile(disk, directory, this.name)
    const { sizeBytes, modifiedMs } = this.info
    if (now === undefined) throw fileChanged(this.path, 'was removed while it was read')
    if (now.sizeBytes !== sizeBytes || rawBytes !== sizeBytes) {
      throw fileChanged(this.path, `had ${sizeBytes} bytes and has ${now.sizeBytes} now, while it was read`)
    }
    if (now.modifiedMs !== modifiedMs && checksumOfFile(disk, this.path).checksum !== checksum) {
      throw fileChanged(this.path, 'was changed while it was read')
    }
    return { name: this.name, sizeBytes, modifiedMs: now.modifiedMs, checksum }
  }

  close(): void {
    this.pieces.close()
  }

  private get path(): string {
    return joinPath(this.options.directory, this.name)
  }

  private checkUnchanged(resume: OpenFileState): void {
    const { sizeBytes } = this.info
    if (sizeBytes !== resume.sizeBytes) {
      throw fileChanged(this.path, `had ${resume.sizeBytes} bytes when it was begun and has ${sizeBytes} now`)
    }
    const start = checksumOfFile(this.options.disk, this.path, resume.checkedBytes)
    if (start.bytes !== resume.checkedBytes || start.checksum !== resume.checksum) {
      throw fileChanged(this.path, 'has other bytes than when it was begun')
    }
  }
}
