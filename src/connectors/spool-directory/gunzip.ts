/**
 * Unpacks gzip piece by piece: what one piece holds comes out before the next is taken.
 *
 * Everything before a damage comes out first, and always the same, whatever the timing: the output of a piece is
 * collected as it is pushed, so nothing waits in a stream that an error would discard.
 */
import { createGunzip, type Gunzip } from 'node:zlib'
import { MillraceError, messageOf } from '../../core/errors.ts'

const OUTPUT_BYTES = 64 * 1024
/** Deflate packs at most 1032 : 1, which no real file comes near. */
const RATIO_MAX = 1000
/** Below this many bytes any ratio is harmless. */
const RATIO_FROM_BYTES = 2 ** 20

export class PieceGunzip {
  private readonly gunzip: Gunzip = createGunzip({ chunkSize: OUTPUT_BYTES })
  private output: Buffer[] = []
  private packedBytes = 0
  private unpackedBytes = 0
  private failure: MillraceError | undefined

  constructor() {
    this.gunzip.on('data', (bytes: Buffer) => {
      this.output.push(bytes)
      this.unpackedBytes += bytes.length
      const limit = Math.max(RATIO_FROM_BYTES, this.packedBytes * RATIO_MAX)
      if (this.unpackedBytes > limit) this.fail(`more than ${RATIO_MAX} bytes come out of each`)
    })
    this.gunzip.on('error', (cause) => this.fail(messageOf(cause)))
  }

  /** Why no more comes out, once something is wrong with the bytes. */
  get damage(): MillraceError | undefined {
    return this.failure
  }

  /** What `packed` unpacks to; after damage, what came out before it. */
  async unpack(packed: Buffer): Promise<Buffer> {
    if (this.failure !== undefined) return Buffer.alloc(0)
    this.packedBytes += packed.length
    await new Promise<void>((resolve) => {
      // After an error the callback may be left out.
      this.gunzip.once('close', resolve)
      this.gunzip.write(packed, () => {
        this.gunzip.off('close', resolve)
        resolve()
      })
    })
    return this.takeOutput()
  }

  /** What comes out at the end of the packed bytes. */
  async finish(): Promise<Buffer> {
    if (this.failure !== undefined) return Buffer.alloc(0)
    await new Promise<void>((resolve) => {
      this.gunzip.once('close', resolve)
      this.gunzip.end()
    })
    return this.takeOutput()
  }

  close(): void {
    this.gunzip.destroy()
  }

  private takeOutput(): Buffer {
    const { output } = this
    this.output = []
    return output.length === 1 ? output[0]! : Buffer.concat(output)
  }

  private fail(reason: string): void {
    this.failure ??= new MillraceError('MR_COMPRESSION_INVALID', `the gzip data is damaged: ${reason}`)
    this.gunzip.destroy()
  }
}
