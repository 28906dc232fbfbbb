/**
 * Lines that were sent and wait for their acknowledgement, in the order of the input.
 *
 * Outcomes are told in that order, one after the other, however brokers answer; so each answer belongs to its line.
 */

import type { RecordMetadata } from '../client/producer/producer.ts'
import { isMillraceError, type MillraceError } from '../core/errors.ts'
import { invariant } from '../core/invariant.ts'

export interface SentLinesEvents {
  stored(line: number, place: RecordMetadata): void
  failed(line: number, error: MillraceError): void
  /** All outcomes that are known have been told. */
  idle(): Promise<void>
}

interface SentLine {
  readonly line: number
  readonly outcome: Promise<RecordMetadata | MillraceError>
}

/** More lines than this do not wait at a time: the input is read no faster than brokers acknowledge. */
const WAITING_MAX = 20_000

export class SentLines {
  private readonly events: SentLinesEvents
  private waiting: SentLine[] = []
  private telling: Promise<void> | undefined

  constructor(events: SentLinesEvents) {
    this.events = events
  }

  add(line: number, sent: Promise<RecordMetadata>): void {
    const outcome = sent.catch((error: unknown) => {
      if (isMillraceError(error)) return error
      throw error
    })
    this.waiting.push({ line, outcome })
    this.telling ??= this.tell()
    // Whoever awaits `room` or `settled` gets it; nobody may have by the time it fails.
    this.telling.catch(() => {})
  }

  /** Resolves when more lines may be sent. */
  async room(): Promise<void> {
    if (this.waiting.length >= WAITING_MAX) await this.settled()
  }

  /** Resolves when the outcome of every line was told. */
  async settled(): Promise<void> {
    await this.telling
    invariant(this.waiting.length === 0, 'no line is left without an outcome')
  }

  private async tell(): Promise<void> {
    while (this.waiting.length > 0) {
      const lines = this.waiting
      this.waiting = []
      for (const { line, outcome } of lines) {
        const result = await outcome
        if (isMillraceError(result)) this.events.failed(line, result)
        else this.events.stored(line, result)
      }
      await this.events.idle()
    }
    this.telling = undefined
  }
}
