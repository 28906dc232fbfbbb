/**
 * One direction of a simulated connection.
 *
 * 1. Written bytes are queued; as long as the window has room they go on their way, in pieces that chance
 *    cuts (a stream has no message borders, so no reader may rely on one).
 * 2. A piece arrives after the link's delay, never before an earlier one. It stays in the window while the
 *    link is closed or the reader pauses: so a slow reader stops the writer, as with TCP.
 * 3. One piece is handed over per event. Its bytes are overwritten afterwards, because a reader may not keep
 *    the view; and bytes that were changed between `write` and sending break an invariant.
 */
import { crc32c } from '../../core/crc32c.ts'
import { invariant } from '../../core/invariant.ts'
import type { Clock } from '../clock.ts'
import type { SimulatedLinks } from './net-links.ts'
import type { SimulatedRandom } from './random.ts'

export const WINDOW_BYTES = 256 * 1024
export const HIGH_WATER_BYTES = 64 * 1024
const OVERWRITTEN = 0xdd
/** Times are sums of fractions: less than this apart, they are the same. */
const ROUNDING_MS = 1e-6

export interface PipeWorld {
  readonly clock: Clock
  readonly random: SimulatedRandom
  readonly links: SimulatedLinks
  readonly trace: ((line: string) => void) | undefined
}

export interface PipeReceiver {
  readonly paused: boolean
  receiveData(bytes: Buffer): void
  receiveEnd(): void
  receiveReset(): void
}

export interface PipeSender {
  /** A writer that was told to wait may go on. */
  drained(): void
  /** The end, and all bytes before it, are on their way. */
  endSent(): void
}

type Piece =
  | { readonly kind: 'data'; readonly dueMs: number; readonly bytes: Buffer }
  | { readonly kind: 'end' | 'reset'; readonly dueMs: number }

interface Queued {
  readonly bytes: Uint8Array
  readonly checksum: number
}

export class Pipe {
  readonly from: string
  readonly to: string
  queuedBytes = 0
  receiver: PipeReceiver | undefined
  sender: PipeSender | undefined
  private readonly world: PipeWorld
  private readonly queue: Queued[] = []
  private readonly onTheWay: Piece[] = []
  private onTheWayBytes = 0
  private lastDueMs: number
  private ending = false
  private endIsSent = false
  private wantsDrain = false
  /** What was written before each of them is on its way when the sum of sent bytes reaches `sentBytes`. */
  private readonly takers: { readonly sentBytes: number; readonly taken: () => void }[] = []
  private sentBytes = 0
  private refused = false
  private abandoned = false

  constructor(
    world: PipeWorld,
    way: { readonly from: string; readonly to: string; readonly notBeforeMs: number },
  ) {
    this.world = world
    this.from = way.from
    this.to = way.to
    this.lastDueMs = way.notBeforeMs
  }

  /** Bytes that were sent and not read. */
  get unreadBytes(): number {
    return this.onTheWayBytes
  }

  get hasSentEnd(): boolean {
    return this.endIsSent
  }

  write(bytes: Uint8Array): boolean {
    if (this.ending || this.abandoned) return false
    const room = this.queuedBytes + bytes.length < HIGH_WATER_BYTES
    if (bytes.length > 0) this.queue.push({ bytes, checksum: crc32c(bytes) })
    this.queuedBytes += bytes.length
    if (!room) this.wantsDrain = true
    this.send()
    return room
  }

  /** Calls `taken` once all that was written is on its way; never if it is dropped before. */
  whenTaken(taken: () => void): void {
    if (this.ending || this.abandoned) return
    this.takers.push({ sentBytes: this.sentBytes + this.queuedBytes, taken })
    this.tellTakers()
  }

  /** After what is queued, the other side gets the end. */
  end(): void {
    if (this.ending || this.abandoned) return
    this.ending = true
    this.send()
  }

  /** Drops what is queued; what is on the way arrives, then an end or a reset. */
  stop(how: 'end' | 'reset'): void {
    if (this.abandoned) return
    this.forgetQueue()
    this.ending = true
    if (this.endIsSent) return
    this.endIsSent = true
    this.dispatch({ kind: how, dueMs: this.drawDueMs() })
  }

  /** Tells the other side, once, that what it sent found nobody. */
  refuse(): void {
    if (this.refused || this.abandoned) return
    this.refused = true
    this.dispatch({ kind: 'reset', dueMs: this.drawDueMs() })
  }

  /** Nothing more is sent or arrives. */
  abandon(): void {
    this.abandoned = true
    this.forgetQueue()
    this.onTheWay.length = 0
    this.onTheWayBytes = 0
  }

  /** Hands over the next piece, if it is there, the way is open and the reader takes it. */
  deliver(): void {
    const piece = this.onTheWay[0]
    const { clock, links } = this.world
    if (piece === undefined || this.abandoned || this.receiver === undefined) return
    if (piece.dueMs > clock.monotonicMs() + ROUNDING_MS) return
    if (!links.isOpen(this.from, this.to)) {
      links.whenOpen(this.from, this.to, () => this.deliver())
      return
    }
    if (this.receiver.paused && piece.kind !== 'reset') return
    this.onTheWay.shift()
    if (this.onTheWay.length > 0) clock.after(0, () => this.deliver())
    if (piece.kind === 'data') this.handOver(piece.bytes)
    else {
      this.world.trace?.(`${this.from} > ${this.to} ${piece.kind}`)
      if (piece.kind === 'end') this.receiver.receiveEnd()
      else this.receiver.receiveReset()
    }
  }

  private handOver(bytes: Buffer): void {
    this.onTheWayBytes -= bytes.length
    this.world.trace?.(`${this.from} > ${this.to} ${bytes.length} bytes, crc ${crc32c(bytes)}`)
    this.receiver!.receiveData(bytes)
    bytes.fill(OVERWRITTEN)
    this.send()
  }

  private send(): void {
    while (this.queue.length > 0 && this.onTheWayBytes < WINDOW_BYTES) {
      const { bytes, checksum } = this.queue.shift()!
      invariant(crc32c(bytes) === checksum, 'bytes given to write are not changed afterwards')
      const count = Math.min(this.cut(bytes.length), WINDOW_BYTES - this.onTheWayBytes)
      this.onTheWayBytes += count
      this.queuedBytes -= count
      this.sentBytes += count
      this.dispatch({ kind: 'data', dueMs: this.drawDueMs(), bytes: Buffer.from(bytes.subarray(0, count)) })
      const rest = bytes.subarray(count)
      if (rest.length > 0) this.queue.unshift({ bytes: rest, checksum: crc32c(rest) })
    }
    this.tellTakers()
    if (this.queue.length > 0) return
    if (this.ending) this.sendEnd()
    else if (this.wantsDrain) {
      this.wantsDrain = false
      this.world.clock.after(0, () => this.sender?.drained())
    }
  }

  private tellTakers(): void {
    while (this.takers.length > 0 && this.takers[0]!.sentBytes <= this.sentBytes) {
      this.world.clock.after(0, this.takers.shift()!.taken)
    }
  }

  private sendEnd(): void {
    if (this.endIsSent) return
    this.endIsSent = true
    this.dispatch({ kind: 'end', dueMs: this.drawDueMs() })
    this.world.clock.after(0, () => this.sender?.endSent())
  }

  /** Three pieces in four are whole. */
  private cut(count: number): number {
    const { random } = this.world
    return count > 1 && random.chance(0.25) ? random.within([1, count]) : count
  }

  private drawDueMs(): number {
    const { clock, links } = this.world
    this.lastDueMs = Math.max(this.lastDueMs, clock.monotonicMs() + links.drawDelayMs(this.from, this.to))
    return this.lastDueMs
  }

  private dispatch(piece: Piece): void {
    this.onTheWay.push(piece)
    const { clock } = this.world
    clock.after(piece.dueMs - clock.monotonicMs(), () => this.deliver())
  }

  /** Drops what is queued, without a word to the other side. */
  forgetQueue(): void {
    this.queue.length = 0
    this.queuedBytes = 0
    this.takers.length = 0
    this.wantsDrain = false
  }
}
