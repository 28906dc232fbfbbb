/**
 * One end of a simulated connection: two pipes, one to write and one to read.
 *
 * It closes when both directions have ended, at once by `destroy` or a reset, and without any event when its
 * host crashes. As in Node, the end of what the other side sends makes this side end too.
 */
import { invariant } from '../../core/invariant.ts'
import type { Socket, SocketEvents } from '../net.ts'
import type { Pipe, PipeReceiver, PipeSender, PipeWorld } from './net-pipe.ts'

/** What Node says when the other side is gone without an orderly end. */
export class ConnectionReset extends Error {
  readonly code = 'ECONNRESET'
  constructor() {
    super('read ECONNRESET')
  }
}

export class SimulatedSocket implements Socket, PipeReceiver, PipeSender {
  readonly remote: string
  paused = true
  closed = false
  private readonly world: PipeWorld
  private readonly inbound: Pipe
  private readonly outbound: Pipe
  private readonly onClosed: () => void
  private events: SocketEvents | undefined
  private ended = false
  private otherEnded = false
  /** The program that held this end is gone. */
  private abandoned = false

  constructor(
    world: PipeWorld,
    ends: {
      readonly remote: string
      readonly inbound: Pipe
      readonly outbound: Pipe
      readonly onClosed: () => void
    },
  ) {
    this.world = world
    this.remote = ends.remote
    this.inbound = ends.inbound
    this.outbound = ends.outbound
    this.onClosed = ends.onClosed
    ends.inbound.receiver = this
    ends.outbound.sender = this
  }

  /** The host this end is on, and the other. */
  get hosts(): readonly [own: string, other: string] {
    return [this.outbound.from, this.outbound.to]
  }

  start(events: SocketEvents): void {
    invariant(this.events === undefined, 'a socket is started once')
    this.events = events
    this.resume()
  }

  /** Called a turn after the socket was handed over. */
  expectStarted(): void {
    const started = this.abandoned || this.closed || this.events !== undefined
    invariant(started, 'a socket is started in the turn in which it was handed over')
  }

  write(bytes: Uint8Array): boolean {
    return this.closed || this.ended ? false : this.outbound.write(bytes)
  }

  writeAll(pieces: readonly Uint8Array[], taken?: () => void): boolean {
    let room = true
    for (const piece of pieces) room = this.write(piece)
    if (taken !== undefined) this.outbound.whenTaken(taken)
    return room
  }

  queuedBytes(): number {
    return this.outbound.queuedBytes
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.world.clock.after(0, () => this.inbound.deliver())
  }

  end(): void {
    if (this.closed || this.ended) return
    this.ended = true
    this.outbound.end()
  }

  destroy(): void {
    if (this.closed) return
    this.hangUp()
    this.close(undefined)
  }

  /** What the machine does for a program that died: the other side learns of it, this side nothing. */
  abandon(how: 'hang up' | 'silently'): void {
    if (this.closed) return
    this.abandoned = true
    if (how === 'hang up') this.hangUp()
    else {
      this.resume()
      this.outbound.forgetQueue()
    }
  }

  /** The connection is broken off, for this end, at once. */
  reset(): void {
    if (this.closed) return
    this.inbound.abandon()
    this.outbound.abandon()
    this.close(new ConnectionReset())
  }

  receiveData(bytes: Buffer): void {
    // As TCP answers bytes for a program that closed, or for a connection from before the machine started.
    if (this.closed || this.abandoned) this.outbound.refuse()
    else this.events?.data(bytes)
  }

  receiveEnd(): void {
    this.otherEnded = true
    if (this.closed || this.abandoned) return
    if (this.ended) this.closeIfEnded()
    else this.end()
  }

  receiveReset(): void {
    this.reset()
  }

  drained(): void {
    if (!this.closed && !this.abandoned) this.events?.drain()
  }

  endSent(): void {
    this.closeIfEnded()
  }

  private hangUp(): void {
    this.outbound.stop(this.inbound.unreadBytes > 0 ? 'reset' : 'end')
    this.resume()
  }

  private closeIfEnded(): void {
    if (this.otherEnded && this.outbound.hasSentEnd) this.close(undefined)
  }

  private close(error: Error | undefined): void {
    if (this.closed) return
    this.closed = true
    this.onClosed()
    this.world.clock.after(0, () => {
      if (!this.abandoned) this.events?.close(error)
    })
  }
}
