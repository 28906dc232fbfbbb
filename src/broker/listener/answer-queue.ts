/**
 * The answers of one connection, in the order of its requests.
 *
 * `open()` takes a place when the request comes; `settle` fills it, in any order; `take()` gives what is ready
 * at the front, small pieces joined so that a burst of answers is one write.
 */
import { invariant } from '../../core/invariant.ts'

/** Pieces below this are joined before they are written. */
const JOINED_BYTES_MAX = 16 * 1024

export interface AnswerPlace {
  chunks: readonly Buffer[] | undefined
}

const nothing: readonly Buffer[] = []

export class AnswerQueue {
  private places: AnswerPlace[] = []
  private front = 0
  /** Bytes of answers that are settled and not taken. */
  readyBytes = 0

  /** Requests without an answer, and answers not taken. */
  get length(): number {
    return this.places.length - this.front
  }

  open(): AnswerPlace {
    const place: AnswerPlace = { chunks: undefined }
    this.places.push(place)
    return place
  }

  /** Fills a place; without chunks the request is never answered. */
  settle(place: AnswerPlace, chunks: readonly Buffer[] = nothing): void {
    invariant(place.chunks === undefined, 'a request is answered once')
    place.chunks = chunks
    for (const chunk of chunks) this.readyBytes += chunk.length
  }

  /** The pieces to write now. */
  take(): Buffer[] {
    const pieces: Buffer[] = []
    let small: Buffer[] = []
    const join = (): void => {
      if (small.length > 0) pieces.push(small.length === 1 ? small[0]! : Buffer.concat(small))
      small = []
    }
    while (this.front < this.places.length) {
      const { chunks } = this.places[this.front]!
      if (chunks === undefined) break
      this.front++
      for (const chunk of chunks) {
        this.readyBytes -= chunk.length
        if (chunk.length < JOINED_BYTES_MAX) small.push(chunk)
        else {
          join()
          pieces.push(chunk)
        }
      }
    }
    join()
    this.compact()
    return pieces
  }

  private compact(): void {
    if (this.front === this.places.length) {
      if (this.front > 0) this.places = []
      this.front = 0
    } else if (this.front > 64) {
      this.places = this.places.slice(this.front)
      this.front = 0
    }
  }
}
