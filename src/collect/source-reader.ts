/**
 * Reads a source, and opens it again where it stood when it fails in a way that may pass.
 *
 * A batch that was read is never read again, whether it is committed or not: whoever reads keeps it until then.
 */
import { Backoff } from '../client/retry.ts'
import type { ConfiguredSource, Json, OpenSource, Source, SourceBatch } from '../connector/index.ts'
import { isMillraceError, messageOf } from '../core/errors.ts'
import { sleep } from '../platform/clock.ts'

const POLL_DELAY_MS = 500
const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 5000

export interface SourceReaderOptions {
  readonly source: ConfiguredSource
  readonly context: Omit<OpenSource, 'position' | 'units'>
  readonly retryTimeoutMs: number
  /** Where to start; undefined at the very start. */
  readonly position: Json | undefined
  /** Only these units, and then end. */
  readonly units?: readonly string[]
}

export class SourceReader {
  retries = 0
  private readonly options: SourceReaderOptions
  private readonly backoff: Backoff
  private source: Source | undefined
  private positionNow: Json | undefined
  private failingSinceMs: number | undefined

  constructor(options: SourceReaderOptions) {
    this.options = options
    this.positionNow = options.position
    this.backoff = new Backoff(options.context.platform.random, RETRY_FIRST_MS, RETRY_MAX_MS)
  }

  /** Behind the last batch that was read. */
  get position(): Json | undefined {
    return this.positionNow
  }

  /** How long to wait after `idle`. */
  get pollDelayMs(): number {
    return this.source?.pollDelayMs ?? POLL_DELAY_MS
  }

  async open(): Promise<void> {
    await this.retrying(() => this.opened())
  }

  /** The next batch. @throws what the source throws if it cannot be tried again, and MR_ABORTED */
  async read(): Promise<SourceBatch | 'idle' | 'ended'> {
    const batch = await this.retrying(async () => (await this.opened()).read())
    if (typeof batch !== 'string') this.positionNow = batch.position
    return batch
  }

  async close(): Promise<void> {
    const { source } = this
    this.source = undefined
    await source?.close()
  }

  private async opened(): Promise<Source> {
    if (this.source === undefined) {
      const { source, context, units } = this.options
      this.source = await source.open({
        ...context,
        ...(this.positionNow === undefined ? {} : { position: this.positionNow }),
        ...(units === undefined ? {} : { units }),
      })
    }
    return this.source
  }

  private async retrying<T>(attempt: () => Promise<T>): Promise<T> {
    const { context, retryTimeoutMs } = this.options
    const { clock } = context.platform
    for (;;) {
      try {
        const value = await attempt()
        this.failingSinceMs = undefined
        this.backoff.reset()
        return value
      } catch (error) {
        if (context.signal.aborted || !isMillraceError(error) || !error.retriable) throw error
        this.failingSinceMs ??= clock.monotonicMs()
        const waitMs = this.backoff.nextMs()
        if (clock.monotonicMs() + waitMs - this.failingSinceMs > retryTimeoutMs) throw error
        this.retries++
        context.logger.warn({ agent: context.name, error: messageOf(error) }, 'the source is opened again')
        await this.close().catch(() => {})
        await sleep(clock, waitMs, context.signal)
      }
    }
  }
}
