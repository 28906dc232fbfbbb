/** How the bytes of a file become events. */
import type { FailedEvent, SourceEvent } from '../../connector/index.ts'
import type { Disk } from '../../platform/disk.ts'
import type { CharsetDecoder } from './charset.ts'
import type { FilePieces } from './file-pieces.ts'
import type { FilePlace } from './row-reader.ts'

export interface EventBatch {
  readonly events: readonly (SourceEvent | FailedEvent)[]
  /** Where to go on behind the batch. */
  readonly place: FilePlace
}

export interface Deserializer {
  /** The next batch, or undefined at the end of the file. */
  next(): Promise<EventBatch | undefined>
}

/** What a deserializer is given of the file. */
export interface FileInput {
  readonly disk: Disk
  readonly path: string
  readonly pieces: FilePieces
  /** The name of the file in origins. */
  readonly name: string
  readonly headers: Readonly<Record<string, string>>
  readonly batchSize: number
  readonly decoder: CharsetDecoder
  /** Where to go on; without it, at the start. */
  readonly from?: FilePlace
}

/** Makes the deserializer for one file. */
export type DeserializerFactory = (input: FileInput) => Deserializer
