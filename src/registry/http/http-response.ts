/**
 * Takes an HTTP/1.1 response apart as its bytes come in (RFC 9112): status line, headers, and a body that has a
 * length, comes in chunks, or ends with the connection.
 *
 * The bytes may be hostile: head and body have limits, and nothing is allocated by a length that was announced.
 */
import { MillraceError } from '../../core/errors.ts'

const HEAD_BYTES_MAX = 64 * 1024
const HEAD_END = '\r\n\r\n'

export interface HttpResponse {
  readonly status: number
  /** Names in lower case; of several with one name the last. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

type BodyForm = { readonly kind: 'length'; readonly bytes: number } | { readonly kind: 'chunks' | 'rest' }

export class ResponseReader {
  private readonly bodyBytesMax: number
  private pending: Buffer = Buffer.alloc(0)
  private head: { readonly status: number; readonly headers: Map<string, string> } | undefined
  private form: BodyForm = { kind: 'rest' }
  private readonly pieces: Buffer[] = []
  private bodyBytes = 0
  /** Bytes of the present chunk that are still to come; -1 between two. */
  private chunkLeft = -1

  constructor(bodyBytesMax: number) {
    this.bodyBytesMax = bodyBytesMax
  }

  /** Takes what came; gives the response once it is whole. @throws MR_BYTES_INVALID, MR_LIMIT */
  take(bytes: Buffer): HttpResponse | undefined {
    this.pending = this.pending.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.pending, bytes])
    while (this.head === undefined) {
      if (!this.takeHead()) return undefined
    }
    if (this.form.kind === 'chunks') return this.takeChunks() ? this.whole() : undefined
    this.keep(this.pending)
    this.pending = Buffer.alloc(0)
    return this.form.kind === 'length' && this.bodyBytes >= this.form.bytes ? this.whole() : undefined
  }

  /** The connection ended. @throws MR_BYTES_TRUNCATED when the response is not whole */
  end(): HttpResponse {
    if (this.head !== undefined && this.form.kind === 'rest') return this.whole()
    throw new MillraceError('MR_BYTES_TRUNCATED', 'the connection ended within the response')
  }

  private whole(): HttpResponse {
    const { status, headers } = this.head!
    const body = Buffer.concat(this.pieces)
    return { status, headers, body: this.form.kind === 'length' ? body.subarray(0, this.form.bytes) : body }
  }

  /** True when a head was taken off; an interim one (1xx) leaves `head` as it is. */
  private takeHead(): boolean {
    const end = this.pending.indexOf(HEAD_END)
    if (end < 0 ? this.pending.length > HEAD_BYTES_MAX : end > HEAD_BYTES_MAX) {
      throw new MillraceError('MR_LIMIT', `the head of the response has more than ${HEAD_BYTES_MAX} bytes`)
    }
    if (end < 0) return false
    const [statusLine = '', ...lines] = this.pending.latin1Slice(0, end).split('\r\n')
    this.pending = this.pending.subarray(end + HEAD_END.length)
    const status = Number(/^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(statusLine)?.[1] ?? Number.NaN)
    if (Number.isNaN(status)) throw invalid(`it begins with "${statusLine.slice(0, 60)}"`)
    if (status < 200) return true
    const headers = new Map<string, string>()
    for (const line of lines) {
      const colon = line.indexOf(':')
      if (colon <= 0) throw invalid('a header without a name')
      headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
    }
    this.head = { status, headers }
    this.form = bodyForm(status, headers)
    return true
  }

  /** True when the last chunk came. Trailers are left out: the connection is not used again. */
  private takeChunks(): boolean {
    for (;;) {
      if (this.chunkLeft < 0) {
        const end = this.pending.indexOf('\r\n')
        if (end < 0) {
          if (this.pending.length > 1024) throw invalid('a chunk without a length')
          return false
        }
        const text = this.pending.latin1Slice(0, end).split(';')[0]!.trim()
        if (!/^[0-9a-f]{1,8}$/i.test(text)) throw invalid('a chunk without a length')
        this.pending = this.pending.subarray(end + 2)
        this.chunkLeft = Number.parseInt(text, 16)
        if (this.chunkLeft === 0) return true
      }
      // The chunk, then its line end.
      if (this.pending.length < this.chunkLeft + 2) {
        if (this.pending.length > this.bodyBytesMax) throw tooLarge(this.bodyBytesMax)
        return false
      }
      this.keep(this.pending.subarray(0, this.chunkLeft))
      if (this.pending.latin1Slice(this.chunkLeft, this.chunkLeft + 2) !== '\r\n')
        throw invalid('a chunk that is longer than its length')
      this.pending = this.pending.subarray(this.chunkLeft + 2)
      this.chunkLeft = -1
    }
  }

  private keep(piece: Buffer): void {
    this.bodyBytes += piece.length
    if (this.bodyBytes > this.bodyBytesMax) throw tooLarge(this.bodyBytesMax)
    this.pieces.push(piece)
  }
}

function bodyForm(status: number, headers: ReadonlyMap<string, string>): BodyForm {
  if (status === 204 || status === 304) return { kind: 'length', bytes: 0 }
  const coding = headers.get('transfer-encoding')
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') throw invalid(`the transfer coding "${coding}"`)
    return { kind: 'chunks' }
  }
  const length = headers.get('content-length')
  if (length === undefined) return { kind: 'rest' }
  if (!/^\d{1,15}$/.test(length)) throw invalid(`the length "${length}"`)
  return { kind: 'length', bytes: Number(length) }
}

function invalid(what: string): MillraceError {
  return new MillraceError('MR_BYTES_INVALID', `the response is not HTTP/1.1: ${what}`)
}

function tooLarge(bytesMax: number): MillraceError {
  return new MillraceError('MR_LIMIT', `the response has more than ${bytesMax} bytes`)
}
