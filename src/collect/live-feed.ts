/** The events of a source in the order of the source. */
import type { SourceBatch } from '../connector/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { AgentCounters } from './agent-counters.ts'
import type { EncodedRow } from './encoded-row.ts'
import type { Feed, FeedOutcome } from './feed.ts'
import type { AgentPosition } from './position-log.ts'
import type { RowIntake } from './row-intake.ts'
import type { SourceReader } from './source-reader.ts'
import type { TransactionWriter } from './transaction-writer.ts'
import { settlesWithin } from './waiting.ts'

export interface LiveFeedOptions {
  readonly connector: string
  readonly reader: SourceReader
  readonly intake: RowIntake
  readonly writer: TransactionWriter
  readonly clock: Clock
  readonly counters: AgentCounters
}

export class LiveFeed implements Feed {
  moved = false
  complete = true
  private readonly options: LiveFeedOptions
  private reading: Promise<SourceBatch | 'idle' | 'ended'> | undefined

  constructor(options: LiveFeedOptions) {
    this.options = options
  }

  get retries(): number {
    return this.options.reader.retries
  }

  async fill(waitMaxMs: number): Promise<FeedOutcome> {
    const { reader, clock, intake } = this.options
    this.reading ??= reader.read()
    if (!(await settlesWithin(clock, waitMaxMs, this.reading))) return { kind: 'more' }
    const { reading } = this
    this.reading = undefined
    const batch = await reading
    if (batch === 'ended') return { kind: 'ended' }
    if (batch === 'idle') return { kind: 'idle', waitMs: reader.pollDelayMs }
    // A row that fails for good in the middle leaves a part of a batch, for which there is no position.
    this.complete = false
    intake.batch(batch, (row) => this.add(row))
    this.complete = true
    this.moved = true
    return { kind: 'more' }
  }

  position(): Omit<AgentPosition, 'commit'> {
    const { connector, reader } = this.options
    return { connector, source: reader.position ?? null, replay: null }
  }

  committed(): void {
    this.moved = false
  }

  replay(): null {
    return null
  }

  async close(): Promise<void> {
    // The signal has ended a read that waits.
    await this.reading?.catch(() => {})
    await this.options.reader.close()
  }

  private add(row: EncodedRow): void {
    const { writer, clock, counters } = this.options
    const { bytes } = row
    for (const record of row.records) {
      const timestampMs = Number.isNaN(record.timestampMs) ? clock.nowMs() : record.timestampMs
      const key = record.keyStart < 0 ? null : bytes.subarray(record.keyStart, record.keyEnd)
      const value = bytes.subarray(record.valueStart, record.valueEnd)
      const content = { key, value, headers: record.headers }
      for (const channel of record.routes.required) writer.add(channel, timestampMs, content, true)
      for (const channel of record.routes.optional) writer.add(channel, timestampMs, content, false)
      counters.eventTimeMs = timestampMs
    }
  }
}
