/**
 * The record that functions of the user see: the head of a lane, or one that has waited for an answer; none while
 * operators act on time.
 */
import { type Headers, noHeaders, type StoredRecord } from '../../core/record.ts'
import type { RecordMetadata } from '../../operators/operator.ts'
import type { Lane } from './lane.ts'

export class CurrentRecord implements RecordMetadata {
  private lane: Lane | undefined
  private waited: StoredRecord | undefined
  /** In place of the record's own. */
  private given: Headers | undefined

  /** The head of the lane is processed now. */
  showHead(lane: Lane): void {
    this.lane = lane
    this.waited = undefined
  }

  /** A record that has waited goes on; undefined for what time made, as for nothing at all. */
  show(waited: StoredRecord | undefined): void {
    this.lane = undefined
    this.waited = waited
  }

  /** A copy that may be kept. */
  source(): StoredRecord | undefined {
    return this.lane === undefined ? this.waited : this.lane.storedHead()
  }

  /** What is called by `act` sees these headers. */
  withHeaders(headers: Headers, act: () => void): void {
    const before = this.given
    this.given = headers
    try {
      act()
    } finally {
      this.given = before
    }
  }

  get topic(): string {
    return this.lane?.topic ?? this.waited?.topic ?? ''
  }

  get partition(): number {
    return this.lane?.partition ?? this.waited?.partition ?? -1
  }

  get offset(): number {
    return this.lane?.headOffset ?? this.waited?.offset ?? -1
  }

  get headers(): Headers {
    return this.given ?? this.lane?.headHeaders ?? this.waited?.headers ?? noHeaders
  }
}
