/**
 * The open server-sent event streams of the live picture (WHATWG HTML, 9.2 Server-sent events).
 *
 * 1. A stream gets a whole snapshot at once, then one every `intervalMs`: `event: flow`, with an increasing id.
 *    Since each is whole, a reader that comes back needs nothing of what it missed: `Last-Event-ID` is not used.
 * 2. A reader that has not taken the last snapshot gets no other one queued: memory per stream is one snapshot.
 *    One that takes nothing for `stalledMs` is cut off, so that it does not keep a place for ever.
 * 3. When nothing was sent for `heartbeatMs`, a comment keeps proxies from closing the connection.
 * 4. What the observer throws goes out as `event: problem`; the stream goes on.
 * Must never: keep a timer after its stream has ended.
 */
import { messageOf } from '../../core/errors.ts'
import type { Logger } from '../../core/logger.ts'
import type { Clock, Timer } from '../../platform/clock.ts'
import type { FlowText } from './flow-text.ts'
import { problemOf } from './problem.ts'

/** What an EventSource waits before it comes back, unless the page does so itself. */
const RETRY_MS = 1_000

export interface FlowStreamLimits {
  readonly streamsMax: number
  readonly heartbeatMs: number
  readonly stalledMs: number
}

export interface FlowStreamsOptions {
  readonly text: FlowText
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: FlowStreamLimits
}

export class FlowStreams {
  readonly options: FlowStreamsOptions
  private readonly open = new Set<FlowStream>()
  private lastId = 0
  private closed = false

  constructor(options: FlowStreamsOptions) {
    this.options = options
  }

  get count(): number {
    return this.open.size
  }

  /** A new stream, or undefined when there are as many as there may be. */
  start(intervalMs: number): ReadableStream<Uint8Array> | undefined {
    if (this.closed || this.open.size >= this.options.limits.streamsMax) return undefined
    const stream = new FlowStream(this, intervalMs)
    this.open.add(stream)
    return new ReadableStream<Uint8Array>(
      { start: (controller) => stream.start(controller), cancel: () => stream.cancel() },
      { highWaterMark: 1 },
    )
  }

  nextId(): number {
    this.lastId += 1
    return this.lastId
  }

  remove(stream: FlowStream): void {
    this.open.delete(stream)
  }

  /** Ends all streams in order; none can be opened any more. */
  close(): void {
    this.closed = true
    for (const stream of this.open) stream.end()
  }
}

class FlowStream {
  private readonly owner: FlowStreams
  private readonly intervalMs: number
  private readonly encoder = new TextEncoder()
  private controller: ReadableStreamDefaultController<Uint8Array> | undefined
  private timer: Timer | undefined
  private snapshotDueMs = 0
  private writtenMs = 0
  private stalledSinceMs: number | undefined

  constructor(owner: FlowStreams, intervalMs: number) {
    this.owner = owner
    this.intervalMs = intervalMs
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.controller = controller
    this.snapshotDueMs = this.owner.options.clock.monotonicMs()
    this.turn(`retry: ${RETRY_MS}\n`)
  }

  /** The reader went away. */
  cancel(): void {
    this.timer?.cancel()
    this.controller = undefined
    this.owner.remove(this)
  }

  end(): void {
    this.controller?.close()
    this.cancel()
  }

  private turn(before = ''): void {
    if (this.controller === undefined) return
    const { clock, limits, logger } = this.owner.options
    const nowMs = clock.monotonicMs()
    if ((this.controller.desiredSize ?? 0) <= 0) {
      this.stalledSinceMs ??= nowMs
      if (nowMs - this.stalledSinceMs >= limits.stalledMs) {
        logger.warn({ stalledMs: limits.stalledMs }, 'an event stream was cut off: its reader takes nothing')
        this.end()
        return
      }
    } else {
      this.stalledSinceMs = undefined
      if (nowMs >= this.snapshotDueMs) this.write(before + this.event(), nowMs)
      else if (nowMs - this.writtenMs >= limits.heartbeatMs) this.write(': still here\n\n', nowMs)
    }
    while (this.snapshotDueMs <= nowMs) this.snapshotDueMs += this.intervalMs
    this.timer = clock.after(Math.min(this.snapshotDueMs - nowMs, limits.heartbeatMs), () => this.turn())
  }

  private event(): string {
    const { text, logger } = this.owner.options
    try {
      return `event: flow\nid: ${this.owner.nextId()}\ndata: ${text.latest()}\n\n`
    } catch (error) {
      logger.error({ error: messageOf(error) }, 'the live picture cannot be made')
      return `event: problem\ndata: ${JSON.stringify(problemOf(error))}\n\n`
    }
  }

  private write(text: string, nowMs: number): void {
    this.controller?.enqueue(this.encoder.encode(text))
    this.writtenMs = nowMs
  }
}
