/**
 * Which files are done, and where the present one stands: the position of the source.
 *
 * The directory may be read-only, so nothing is renamed or written there: the position is all there is. It is an
 * immutable value; each change makes a new one.
 */
import type { Json } from '../../connector/index.ts'
import { MillraceError } from '../../core/errors.ts'

const VERSION = 1

/** A file as it was when it was read. */
export interface FileState {
  /** Relative to the directory. */
  readonly name: string
  readonly sizeBytes: number
  readonly modifiedMs: number
  /** CRC-32 of its bytes. */
  readonly checksum: number
}

/** The file that is being read. */
export interface OpenFileState extends FileState {
  /** `checksum` is that of so many bytes at its start. */
  readonly checkedBytes: number
  /** Unpacked bytes behind the last event. */
  readonly byte: number
  /** The line there. */
  readonly line: number
}

type DoneTuple = readonly [name: string, sizeBytes: number, modifiedMs: number, checksum: number]

export class TrackedFiles {
  readonly done: ReadonlyMap<string, FileState>
  readonly current: OpenFileState | undefined
  /** Made once for all positions within one file. */
  private readonly tuples: readonly DoneTuple[]

  constructor(
    done: ReadonlyMap<string, FileState> = new Map(),
    current?: OpenFileState,
    tuples = tuplesOf(done),
  ) {
    this.done = done
    this.current = current
    this.tuples = tuples
  }

  /** @throws MR_SOURCE_FAILED when the position is not one of this source */
  static parse(position: Json | undefined): TrackedFiles {
    if (position === undefined) return new TrackedFiles()
    const { version, done, current } = position as {
      readonly version?: number
      readonly done?: readonly DoneTuple[]
      readonly current?: OpenFileState | null
    }
    if (version !== VERSION || !Array.isArray(done)) {
      const found = version === undefined ? 'none' : JSON.stringify(version)
      throw new MillraceError('MR_SOURCE_FAILED', `a position of version ${found} cannot be read here`, {
        hint: `This Millrace reads version ${VERSION}; was the position written by a newer one or by another source?`,
      })
    }
    const files = (done as readonly DoneTuple[]).map(
      ([name, sizeBytes, modifiedMs, checksum]) => [name, { name, sizeBytes, modifiedMs, checksum }] as const,
    )
    return new TrackedFiles(new Map(files), current ?? undefined)
  }

  toJson(): Json {
    const current = this.current === undefined ? null : { ...this.current }
    return { version: VERSION, done: this.tuples, current }
  }

  withCurrent(current: OpenFileState): TrackedFiles {
    return new TrackedFiles(this.done, current, this.tuples)
  }

  /**
   * The present file is done. Beyond `limit` files, those that are not `there` any more are forgotten, the oldest
   * first.
   *
   * @throws MR_LIMIT when all of them are there
   */
  withDone(file: FileState, limit: number, there: (name: string) => boolean): TrackedFiles {
    const done = new Map(this.done)
    done.set(file.name, file)
    for (const name of this.done.keys()) {
      if (done.size <= limit) break
      if (!there(name)) done.delete(name)
    }
    if (done.size > limit) {
      throw new MillraceError('MR_LIMIT', `more than ${limit} files are in the directory`, {
        context: { trackedFilesMax: limit },
        hint: 'Move files that are done to another place, or raise trackedFilesMax.',
      })
    }
    return new TrackedFiles(done)
  }
}

function tuplesOf(done: ReadonlyMap<string, FileState>): readonly DoneTuple[] {
  return Array.from(
    done.values(),
    (file) => [file.name, file.sizeBytes, file.modifiedMs, file.checksum] as const,
  )
}
