/**
 * A program on a simulated host that can be stopped and continued, as by SIGSTOP, and whose connections can hold back
 * what they send.
 *
 * - While it is stopped nothing of it runs: timers, turns, syncs and arrivals wait, and time goes on meanwhile. When it
 *   continues they come in their order, each in a turn of its own.
 * - A connection that holds back looks open. If the program gives it up, what it had written arrives later all the
 *   same, as bytes do that were on their way: behind those of the connection that took its place.
 */
import type { Clock } from '../../../src/platform/clock.ts'
import type { Disk, DiskFile } from '../../../src/platform/disk.ts'
import type { Net, Socket, SocketEvents } from '../../../src/platform/net.ts'
import type { Platform } from '../../../src/platform/platform.ts'

export class Program {
  readonly host: string
  readonly platform: Platform
  private readonly inner: Platform
  private readonly sockets = new Set<HeldSocket>()
  private readonly waiting: (() => void)[] = []
  private stopped = false
  private pumping = false

  constructor(host: string, inner: Platform) {
    this.host = host
    this.inner = inner
    this.platform = {
      clock: this.makeClock(),
      random: inner.random,
      disk: this.makeDisk(inner.disk),
      net: this.makeNet(inner.net),
    }
  }

  stop(): void {
    this.stopped = true
    for (const socket of this.sockets) socket.update()
  }

  continue(): void {
    this.stopped = false
    for (const socket of this.sockets) socket.update()
    this.pump()
  }

  get isStopped(): boolean {
    return this.stopped
  }

  /** Each connection that is open now holds back what is written from now on, for `ms`. */
  holdBack(ms: number): void {
    for (const socket of this.sockets) socket.holdBack()
    this.inner.clock.after(ms, () => this.letGo())
  }

  /** Connections that hold back nothing yet go on as before. */
  letIdleGo(): void {
    for (const socket of [...this.sockets]) if (socket.isIdle) socket.letGo()
  }

  /** What was held back arrives. */
  letGo(): void {
    for (const socket of [...this.sockets]) socket.letGo()
  }

  /** Runs now, or when the program runs again. */
  gate(run: () => void): void {
    if (!this.stopped && this.waiting.length === 0) run()
    else {
      this.waiting.push(run)
      this.pump()
    }
  }

  forget(socket: HeldSocket): void {
    this.sockets.delete(socket)
  }

  private pump(): void {
    if (this.pumping || this.stopped || this.waiting.length === 0) return
    this.pumping = true
    this.inner.clock.after(0, () => {
      this.pumping = false
      if (this.stopped) return
      this.waiting.shift()?.()
      this.pump()
    })
  }

  private turn(): Promise<void> {
    return new Promise((resolve) => this.gate(resolve))
  }

  private makeClock(): Clock {
    const { clock } = this.inner
    return {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, run) => {
        let cancelled = false
        const timer = clock.after(delayMs, () => {
          this.gate(() => {
            if (!cancelled) run()
          })
        })
        return {
          cancel: () => {
            cancelled = true
            timer.cancel()
          },
        }
      },
      nextTurn: () => clock.nextTurn().then(() => this.turn()),
    }
  }

  private makeDisk(disk: Disk): Disk {
    const gated = (file: DiskFile): DiskFile => ({
      path: file.path,
      size: () => file.size(),
      read: (into, at, count, position) => file.read(into, at, count, position),
      write: (from, start, end, position) => file.write(from, start, end, position),
      truncate: (length) => file.truncate(length),
      sync: async () => {
        try {
          await file.sync()
        } finally {
          await this.turn()
        }
      },
      syncNow: () => file.syncNow(),
      close: () => file.close(),
    })
    return { ...disk, open: (path, mode) => gated(disk.open(path, mode)) }
  }

  private makeNet(net: Net): Net {
    return {
      listen: (options, accept) =>
        net.listen(options, (raw) => {
          const socket = this.hold(raw)
          this.gate(() => accept(socket))
        }),
      connect: async (options) => {
        const socket = this.hold(await net.connect(options))
        await this.turn()
        return socket
      },
      httpGet: (url, options) => net.httpGet(url, options),
    }
  }

  private hold(raw: Socket): HeldSocket {
    const socket = new HeldSocket(this, raw)
    this.sockets.add(socket)
    return socket
  }
}

/** Stands between the program and its socket, which is started at once: a socket does not wait for who is stopped. */
export class HeldSocket implements Socket {
  readonly remote: string
  private readonly program: Program
  private readonly raw: Socket
  private events: SocketEvents | undefined
  private pausedByProgram = false
  /** What was written while nothing is sent. */
  private held: Uint8Array[] | undefined
  private heldBytes = 0
  /** How the program ended its side meanwhile. */
  private left: 'ended' | 'destroyed' | undefined
  /** The program has been told of the end. */
  private over = false

  constructor(program: Program, raw: Socket) {
    this.program = program
    this.raw = raw
    this.remote = raw.remote
    raw.start({
      data: (bytes) => this.receive(bytes),
      drain: () => program.gate(() => this.events?.drain()),
      close: (error) => {
        program.forget(this)
        this.finish(error)
      },
    })
    this.update()
  }

  start(events: SocketEvents): void {
    this.events = events
    this.update()
  }

  write(bytes: Uint8Array): boolean {
    if (this.held === undefined) return this.raw.write(bytes)
    if (this.left === undefined) {
      this.held.push(bytes)
      this.heldBytes += bytes.length
    }
    return true
  }

  writeAll(pieces: readonly Uint8Array[], taken?: () => void): boolean {
    if (this.held === undefined) return this.raw.writeAll(pieces, taken)
    let room = true
    for (const piece of pieces) room = this.write(piece)
    return room
  }

  queuedBytes(): number {
    return this.raw.queuedBytes() + this.heldBytes
  }

  pause(): void {
    this.pausedByProgram = true
    this.update()
  }

  resume(): void {
    this.pausedByProgram = false
    this.update()
  }

  end(): void {
    if (this.held === undefined) this.raw.end()
    else this.left ??= 'ended'
  }

  destroy(): void {
    if (this.held === undefined) {
      this.raw.destroy()
      return
    }
    if (this.left === 'destroyed') return
    this.left = 'destroyed'
    this.update()
    this.program.platform.clock.after(0, () => this.finish(undefined))
  }

  get isIdle(): boolean {
    return this.heldBytes === 0
  }

  holdBack(): void {
    this.held ??= []
  }

  letGo(): void {
    const { held, left } = this
    if (held === undefined) return
    this.held = undefined
    this.heldBytes = 0
    for (const bytes of held) this.raw.write(bytes)
    if (left !== undefined) this.raw.end()
  }

  update(): void {
    const waits = this.pausedByProgram || this.events === undefined || this.program.isStopped
    if (waits && this.left !== 'destroyed') this.raw.pause()
    else this.raw.resume()
  }

  private receive(bytes: Buffer): void {
    if (this.left === 'destroyed') return
    const copy = Buffer.from(bytes)
    this.program.gate(() => {
      if (this.left !== 'destroyed' && !this.over) this.events?.data(copy)
    })
  }

  private finish(error: Error | undefined): void {
    if (this.over) return
    this.over = true
    this.program.gate(() => this.events?.close(error))
  }
}
