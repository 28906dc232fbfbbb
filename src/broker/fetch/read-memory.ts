/**
 * Memory for what is read from a log and sent over a socket.
 *
 * New memory for every read is garbage outside of V8's heap, by the megabyte: the collector starts over and over
 * because of it, and the system clears each page anew. For a consumer that catches up both together cost more than
 * reading, checking and sending.
 *
 * 1. `take` lends a piece to one answer. Pieces have sizes of powers of two.
 * 2. `giveBack` is called when the system has taken the answer's bytes; the next read overwrites them.
 * 3. What is never given back, as when the connection breaks off, is left to the collector.
 */

/** Smaller reads are cheap to make anew. It is above what is joined with other bytes before it is sent. */
const LENT_BYTES_MIN = 64 * 1024
/** The most that a consumer wants of a partition, unless it is told otherwise (`max.partition.fetch.bytes`). */
const LENT_BYTES_MAX = 1024 * 1024
/** More is not kept while nobody reads. */
const FREE_BYTES_MAX = 16 * 1024 * 1024

export class ReadMemory {
  /** By size. */
  private readonly free = new Map<number, Buffer[]>()
  private freeBytes = 0
  private readonly lent = new WeakMap<ArrayBufferLike, Buffer>()

  /** A buffer of `sizeBytes`, of any content. */
  take(sizeBytes: number): Buffer {
    if (sizeBytes < LENT_BYTES_MIN || sizeBytes > LENT_BYTES_MAX) return Buffer.allocUnsafeSlow(sizeBytes)
    const pieceBytes = 2 ** Math.ceil(Math.log2(sizeBytes))
    let piece = this.free.get(pieceBytes)?.pop()
    if (piece === undefined) piece = Buffer.allocUnsafeSlow(pieceBytes)
    else this.freeBytes -= pieceBytes
    this.lent.set(piece.buffer, piece)
    return piece.subarray(0, sizeBytes)
  }

  /** Does one of them have to be given back? */
  isIn(views: readonly Buffer[]): boolean {
    return views.some((view) => this.lent.has(view.buffer))
  }

  /** Nobody may look at the views any more. */
  giveBack(views: readonly Buffer[]): void {
    for (const { buffer } of views) {
      const piece = this.lent.get(buffer)
      if (piece === undefined) continue
      this.lent.delete(buffer)
      this.keep(piece)
    }
  }

  private keep(piece: Buffer): void {
    if (this.freeBytes + piece.length > FREE_BYTES_MAX) return
    const alike = this.free.get(piece.length)
    if (alike === undefined) this.free.set(piece.length, [piece])
    else alike.push(piece)
    this.freeBytes += piece.length
  }
}
