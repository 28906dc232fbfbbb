/** Bytes of an input, cut into lines that become records. */
import { MillraceError } from '../core/errors.ts'

const LINE_BYTES_MAX = 64 * 1024 * 1024
const LF = 10
const CR = 13
const none = Buffer.alloc(0)

/**
 * Cuts bytes into lines at `\n` or `\r\n`; whatever else the bytes are, they stay as they are. A last line without an
 * end counts too.
 */
export class LineSplitter {
  private readonly pieces: Buffer[] = []
  private pendingBytes = 0

  /** The lines that end in `chunk`. They may be views of it. @throws MR_LIMIT for a line that does not end */
  push(chunk: Buffer): Buffer[] {
    const lines: Buffer[] = []
    let start = 0
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      lines.push(withoutReturn(this.complete(chunk.subarray(start, end))))
      start = end + 1
    }
    if (start < chunk.length) this.keep(chunk.subarray(start))
    return lines
  }

  /** What is left at the end of the input, if anything. */
  end(): Buffer | undefined {
    return this.pendingBytes === 0 ? undefined : withoutReturn(this.complete(none))
  }

  private keep(piece: Buffer): void {
    this.pendingBytes += piece.length
    if (this.pendingBytes > LINE_BYTES_MAX) {
      throw new MillraceError('MR_LIMIT', `a line of the input is longer than ${LINE_BYTES_MAX} bytes`, {
        hint: 'Each line is one record; is the input binary?',
      })
    }
    this.pieces.push(piece)
  }

  private complete(rest: Buffer): Buffer {
    if (this.pendingBytes === 0) return rest
    const line = Buffer.concat([...this.pieces, rest])
    this.pieces.length = 0
    this.pendingBytes = 0
    return line
  }
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CR ? line.subarray(0, -1) : line
}
