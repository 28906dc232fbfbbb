/**
 * Rows of a file, block by block, with the byte and the line at which each starts.
 *
 * Bytes are counted unpacked, from the start of the file. A row that is too long comes as a block of its own, with
 * its first bytes; the rest of it is skipped.
 */
import type { MillraceError } from '../../core/errors.ts'
import type { FilePieces } from './file-pieces.ts'
import { type RowShape, scanRows } from './row-scanner.ts'

const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])
const LINE_FEED = 0x0a

export interface RowBlock {
  readonly bytes: Buffer
  /** Of `bytes` in the file. */
  readonly startByte: number
  readonly starts: readonly number[]
  readonly ends: readonly number[]
  readonly lines: readonly number[]
  /** Where the next row may start, and its line. */
  readonly nexts: readonly number[]
  readonly nextLines: readonly number[]
  /** The only row of the block is longer than a row may be, and was cut. */
  readonly tooLong: boolean
}

/** A place in a file: an unpacked byte at which a row may start, and its line. */
export interface FilePlace {
  readonly byte: number
  readonly line: number
}

export class RowReader {
  private readonly pieces: FilePieces
  private readonly shape: RowShape
  /** What was read and is not part of a whole row yet. */
  private rest: Buffer = Buffer.alloc(0)
  private restByte = 0
  private line = 1
  private atEnd = false

  constructor(pieces: FilePieces, shape: RowShape) {
    this.pieces = pieces
    this.shape = shape
  }

  /** After the end: the damage that made it come early, where that is, and the bytes left over before it. */
  get damage(): (FilePlace & { readonly error: MillraceError; readonly bytes: Buffer }) | undefined {
    const error = this.pieces.damage
    if (error === undefined) return undefined
    return { error, line: this.line, byte: this.restByte + this.rest.length, bytes: this.rest }
  }

  /** The next block with at least one row, or undefined at the end. */
  async next(): Promise<RowBlock | undefined> {
    for (;;) {
      // What a damaged file breaks off with is not a row.
      const atEnd = this.atEnd && this.pieces.damage === undefined
      const bytes = this.rest
      const startByte = this.restByte
      const found = scanRows(bytes, this.shape, { line: this.line, atEnd })
      this.take(found.consumed)
      this.line = found.nextLine
      if (found.starts.length > 0) return { ...found, bytes, startByte, tooLong: false }
      if (found.tooLong) return this.readLongRow()
      if (this.atEnd) return undefined
      await this.readOn()
    }
  }

  /** Moves on to a place where a row may start. */
  async skipTo(place: FilePlace): Promise<void> {
    while (this.restByte + this.rest.length < place.byte && !this.atEnd) {
      this.take(this.rest.length)
      await this.readOn()
    }
    this.take(Math.min(place.byte - this.restByte, this.rest.length))
    this.line = place.line
  }

  private async readLongRow(): Promise<RowBlock> {
    const bytes = Buffer.from(this.rest.subarray(0, this.shape.rowBytesMax))
    const startByte = this.restByte
    const line = this.line
    let lineFeed = this.rest.indexOf(LINE_FEED)
    while (lineFeed < 0 && !this.atEnd) {
      this.take(this.rest.length)
      await this.readOn()
      lineFeed = this.rest.indexOf(LINE_FEED)
    }
    this.take(lineFeed < 0 ? this.rest.length : lineFeed + 1)
    this.line++
    return {
      bytes,
      startByte,
      starts: [0],
      ends: [bytes.length],
      lines: [line],
      nexts: [this.restByte - startByte],
      nextLines: [this.line],
      tooLong: true,
    }
  }

  private take(count: number): void {
    this.rest = this.rest.subarray(count)
    this.restByte += count
  }

  private async readOn(): Promise<void> {
    const piece = await this.pieces.next()
    if (piece === undefined) {
      this.atEnd = true
      return
    }
    this.rest = this.rest.length === 0 ? piece : Buffer.concat([this.rest, piece])
    const atStart = this.restByte === 0
    if (atStart && this.rest.subarray(0, byteOrderMark.length).equals(byteOrderMark)) {
      this.take(byteOrderMark.length)
    }
  }
}
