/** What an agent has done since it was started, for the live picture. Counters only grow. */
import type { RunnerState } from './runner-state.ts'

export interface ChannelCount {
  readonly topic: string
  /** Committed. */
  readonly records: number
  readonly bytes: number
}

export interface AgentSnapshot {
  readonly name: string
  readonly state: RunnerState
  /** Why it failed. */
  readonly error: { readonly code: string; readonly message: string } | null
  readonly connector: string
  /** When the snapshot was made, on the monotonic clock: the difference of two gives rates. */
  readonly atMs: number
  /** Rows that came from the source, and of these: what was dropped by interceptors or selector, put aside, skipped. */
  readonly rowsIn: number
  readonly droppedRows: number
  readonly deadLetters: number
  readonly skippedRows: number
  /** What is being read or was read last. */
  readonly unit: string | null
  readonly channels: readonly ChannelCount[]
  readonly deadLetterTopic: ChannelCount
  readonly commits: number
  readonly retries: number
  readonly optionalDropped: number
  readonly pendingRecords: number
  readonly pendingBytes: number
  /** The time of the last event that was handed on, and how far it is behind the clock. */
  readonly eventTimeMs: number | null
  readonly lagMs: number | null
  readonly replay: ReplaySnapshot | null
}

export interface ReplaySnapshot {
  readonly speed: number
  readonly phase: 'gathering' | 'playing'
  readonly units: number
  /** In the present set. */
  readonly records: number
  readonly played: number
  readonly bytes: number
}

/** The counters that feeds and runner share. */
export class AgentCounters {
  rowsIn = 0
  droppedRows = 0
  deadLetters = 0
  skippedRows = 0
  commits = 0
  unit: string | null = null
  eventTimeMs: number | null = null
  readonly records: number[]
  readonly bytes: number[]

  constructor(channelCount: number) {
    this.records = new Array<number>(channelCount).fill(0)
    this.bytes = new Array<number>(channelCount).fill(0)
  }

  addCommit(batches: { readonly recordsOf: readonly number[]; readonly bytesOf: readonly number[] }): void {
    this.commits++
    for (let channel = 0; channel < this.records.length; channel++) {
      this.records[channel]! += batches.recordsOf[channel]!
      this.bytes[channel]! += batches.bytesOf[channel]!
    }
  }
}
