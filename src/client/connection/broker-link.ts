/**
 * One way to one broker that is opened when it is needed and opened again after it broke, with pauses that grow.
 *
 * `current` is the connection that is open now, for callers that must not wait. All who ask while it is being opened
 * get the same one.
 */
import { type Clock, sleep } from '../../platform/clock.ts'
import type { Random } from '../../platform/random.ts'
import { closedError } from '../errors.ts'
import { Backoff } from '../retry.ts'
import type { NegotiatedConnection } from './negotiated.ts'

const RECONNECT_FIRST_MS = 50
const RECONNECT_MAX_MS = 1000

export interface BrokerLinkOptions {
  readonly clock: Clock
  readonly random: Random
  /** Opens a connection; `signal` says that nobody wants it any more. */
  readonly open: (signal: AbortSignal) => Promise<NegotiatedConnection>
}

export class BrokerLink {
  readonly name: string
  private readonly options: BrokerLinkOptions
  private readonly backoff: Backoff
  private readonly ending = new AbortController()
  private connection: NegotiatedConnection | undefined
  private opening: Promise<NegotiatedConnection> | undefined
  private notBeforeMs = 0

  constructor(name: string, options: BrokerLinkOptions) {
    this.name = name
    this.options = options
    this.backoff = new Backoff(options.random, RECONNECT_FIRST_MS, RECONNECT_MAX_MS)
  }

  get current(): NegotiatedConnection | undefined {
    return this.connection?.closed === false ? this.connection : undefined
  }

  /** True while the broker is left alone because the last attempt to reach it failed. */
  get pausing(): boolean {
    return this.current === undefined && this.options.clock.monotonicMs() < this.notBeforeMs
  }

  /** The open connection, or a new one. @throws MR_BROKER_UNREACHABLE, MR_CLOSED, MR_KAFKA */
  connect(): Promise<NegotiatedConnection> {
    const { current } = this
    if (current !== undefined) return Promise.resolve(current)
    this.opening ??= this.open().finally(() => {
      this.opening = undefined
    })
    return this.opening
  }

  /** Ends at once, also what is just being opened: nobody waits for a broker that does not answer. */
  async close(): Promise<void> {
    this.ending.abort()
    await this.connection?.close()
    await this.opening?.catch(() => {})
  }

  private async open(): Promise<NegotiatedConnection> {
    const { clock } = this.options
    const { signal } = this.ending
    const pauseMs = this.notBeforeMs - clock.monotonicMs()
    if (signal.aborted) throw closedError(`the way to ${this.name}`)
    if (pauseMs > 0) await sleep(clock, pauseMs, signal)
    try {
      const connection = await this.unlessEnded(this.options.open(signal))
      this.backoff.reset()
      this.notBeforeMs = 0
      this.connection = connection
      return connection
    } catch (error) {
      this.notBeforeMs = clock.monotonicMs() + this.backoff.nextMs()
      throw error
    }
  }
  /** What `opening` gives, or MR_CLOSED as soon as the link ends; a connection that comes later is closed. */
  private unlessEnded(opening: Promise<NegotiatedConnection>): Promise<NegotiatedConnection> {
    const { signal } = this.ending
    return new Promise((resolve, reject) => {
      const end = (): void => reject(closedError(`the way to ${this.name}`))
      signal.addEventListener('abort', end, { once: true })
      opening
        .then((connection) => {
          if (signal.aborted) void connection.close()
          else resolve(connection)
        }, reject)
        .finally(() => signal.removeEventListener('abort', end))
    })
  }
}
