/**
 * The event stream from the server, and what the page says of it.
 *
 * ```
 *              open             message                error, silence
 * connecting ────────▶ (open) ─────────▶ live ───────────────────────▶ reconnecting
 *                                          ▲  ◀── message after reopening ──┘
 *                          pause ▼         │ resume
 *                                paused ───┘
 * ```
 * A stream that ends or goes silent is opened anew after RECONNECT_MS, for ever: the server may just restart. A page
 * that nobody has looked at for HIDDEN_MS gives its stream back, as a browser opens only six to one server.
 */
import { signal } from '@preact/signals'
import type { FlowSnapshot } from '../../../src/server/flow.ts'

export type LiveStatus = 'connecting' | 'live' | 'reconnecting' | 'paused'

const RECONNECT_MS = 1_000
const SILENCE_MS = 10_000
const HIDDEN_MS = 60_000

export class LiveConnection {
  readonly status = signal<LiveStatus>('connecting')
  /** What the server said instead of a snapshot; undefined while all is well. */
  readonly problem = signal<string | undefined>(undefined)
  private readonly url: string
  private readonly receive: (snapshot: FlowSnapshot) => void
  private source: EventSource | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private hiddenTimer: ReturnType<typeof setTimeout> | undefined

  constructor(url: string, receive: (snapshot: FlowSnapshot) => void) {
    this.url = url
    this.receive = receive
  }

  start(): void {
    document.addEventListener('visibilitychange', () => this.visibilityChanged())
    this.open()
  }

  toggle(): void {
    if (this.status.peek() === 'paused') {
      this.status.value = 'connecting'
      this.open()
    } else {
      this.close()
      this.status.value = 'paused'
    }
  }

  private open(): void {
    this.close()
    const source = new EventSource(this.url)
    this.source = source
    this.awaitMessage()
    source.addEventListener('flow', (event: MessageEvent<string>) => {
      this.awaitMessage()
      this.problem.value = undefined
      this.receive(JSON.parse(event.data) as FlowSnapshot)
      this.status.value = 'live'
    })
    source.addEventListener('problem', (event: MessageEvent<string>) => {
      this.awaitMessage()
      const { error } = JSON.parse(event.data) as { readonly error: { readonly message: string } }
      this.problem.value = error.message
    })
    source.addEventListener('error', () => this.lost())
  }

  private awaitMessage(): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.lost(), SILENCE_MS)
  }

  private lost(): void {
    this.close()
    if (this.status.peek() === 'live') this.status.value = 'reconnecting'
    this.timer = setTimeout(() => this.open(), RECONNECT_MS)
  }

  private close(): void {
    clearTimeout(this.timer)
    this.source?.close()
    this.source = undefined
  }

  private visibilityChanged(): void {
    clearTimeout(this.hiddenTimer)
    if (this.status.peek() === 'paused') return
    if (document.hidden) this.hiddenTimer = setTimeout(() => this.close(), HIDDEN_MS)
    else if (this.source === undefined) this.open()
  }
}
