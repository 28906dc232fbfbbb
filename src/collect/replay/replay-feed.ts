/**
 * The events of a source in the order of their own time, at a chosen speed.
 *
 * 1. Gather: everything that the source has now is read, goes through the interceptors, and is kept as bytes: a set.
 * 2. Play: the records of the set are added in order, each when its time has come.
 * 3. What came to the source meanwhile is the next set.
 *
 * The position within a set is that of the source before it, the names and checksums of its units, and how many
 * records are committed. After a restart the same units are read again, and playing goes on behind those. The digest
 * of the set tells when other interceptors or channels give other records now: then it stops.
 */
import type { Json, SourceBatch } from '../../connector/index.ts'
import { MillraceError } from '../../core/errors.ts'
import type { Clock } from '../../platform/clock.ts'
import type { AgentCounters, ReplaySnapshot } from '../agent-counters.ts'
import type { Feed, FeedOutcome } from '../feed.ts'
import type { AgentPosition, ReplayPosition } from '../position-log.ts'
import type { RowIntake } from '../row-intake.ts'
import type { SourceReader } from '../source-reader.ts'
import type { TransactionWriter } from '../transaction-writer.ts'
import { settlesWithin } from '../waiting.ts'
import { ReplaySet } from './replay-set.ts'

/** Records that are added between two looks at clock and signals. */
const STEP_RECORDS = 1000
/** Records whose times lie closer together are played together. */
const TICK_MS = 10

export interface ReplayFeedOptions {
  readonly connector: string
  readonly openReader: (position: Json | undefined, units?: readonly string[]) => SourceReader
  readonly intake: RowIntake
  readonly writer: TransactionWriter
  readonly clock: Clock
  readonly counters: AgentCounters
  readonly speed: number
  readonly bytesMax: number
  readonly position: AgentPosition | undefined
}

interface Playing {
  readonly set: ReplaySet
  readonly order: Uint32Array
  readonly digest: string
  /** Of the source, behind the set. */
  readonly after: Json
  next: number
  /** When the record at `eventMs` was due; undefined until the first one is played. */
  anchor: { readonly clockMs: number; readonly eventMs: number } | undefined
}

export class ReplayFeed implements Feed {
  readonly complete = true
  moved = false
  private readonly options: ReplayFeedOptions
  private reader: SourceReader
  private reading: Promise<SourceBatch | 'idle' | 'ended'> | undefined
  private gathering: ReplaySet
  private playing: Playing | undefined
  /** Of the source, before the present set. */
  private before: Json
  /** The set that was interrupted, until it is read again. */
  private resume: ReplayPosition | undefined

  constructor(options: ReplayFeedOptions) {
    this.options = options
    this.before = options.position?.source ?? null
    this.resume = options.position?.replay ?? undefined
    this.gathering = new ReplaySet(options.bytesMax)
    this.reader = this.openReader(this.resume?.units.map(([unit]) => unit))
  }

  get retries(): number {
    return this.reader.retries
  }

  async fill(waitMaxMs: number): Promise<FeedOutcome> {
    return this.playing === undefined ? this.gather(waitMaxMs) : this.play(this.playing)
  }

  position(): Omit<AgentPosition, 'commit'> {
    const { connector } = this.options
    const { playing, before } = this
    if (playing === undefined) return { connector, source: before, replay: null }
    const { set, digest, next } = playing
    return { connector, source: before, replay: { units: set.units, digest, played: next } }
  }

  committed(): void {
    this.moved = false
  }

  replay(): ReplaySnapshot {
    const { speed } = this.options
    const set = this.playing?.set ?? this.gathering
    return {
      speed,
      phase: this.playing === undefined ? 'gathering' : 'playing',
      units: set.units.length,
      records: set.arena.count,
      played: this.playing?.next ?? 0,
      bytes: set.arena.bytes,
    }
  }

  async close(): Promise<void> {
    await this.reading?.catch(() => {})
    await this.reader.close()
  }

  private openReader(units?: readonly string[]): SourceReader {
    return this.options.openReader(this.before ?? undefined, units)
  }

  private async gather(waitMaxMs: number): Promise<FeedOutcome> {
    const { clock, intake } = this.options
    this.reading ??= this.reader.read()
    if (!(await settlesWithin(clock, waitMaxMs, this.reading))) return { kind: 'more' }
    const { reading, gathering } = this
    this.reading = undefined
    const batch = await reading
    if (typeof batch !== 'string') {
      intake.batch(batch, (row) => gathering.add(row))
      if (batch.unitChecksum !== undefined) gathering.endUnit(batch.unit, batch.unitChecksum)
      return { kind: 'more' }
    }
    if (gathering.units.length > 0 || this.resume !== undefined) {
      await this.startPlaying()
      return { kind: 'more' }
    }
    if (batch === 'ended') return { kind: 'ended' }
    return { kind: 'idle', waitMs: this.reader.pollDelayMs }
  }

  private async startPlaying(): Promise<void> {
    const set = this.gathering
    const { digest, order } = set.finish(this.options.clock.nowMs())
    const after = this.reader.position ?? null
    let next = 0
    if (this.resume !== undefined) {
      this.checkSame(this.resume, set, digest)
      next = this.resume.played
      this.resume = undefined
      await this.reader.close()
      this.reader = this.options.openReader(after ?? undefined)
    }
    this.gathering = new ReplaySet(this.options.bytesMax)
    this.playing = { set, order, digest, after, next, anchor: undefined }
  }

  private play(playing: Playing): FeedOutcome {
    const { order, set } = playing
    const end = Math.min(order.length, playing.next + STEP_RECORDS)
    while (playing.next < end) {
      const index = order[playing.next]!
      const waitMs = this.waitFor(playing, set.arena.times[index]!)
      if (waitMs > 0) return { kind: 'wait', waitMs: Math.max(waitMs, TICK_MS) }
      this.add(set, index)
      playing.next++
    }
    if (playing.next === order.length) {
      this.before = playing.after
      this.playing = undefined
      this.moved = true
    }
    return { kind: 'more' }
  }

  private add(set: ReplaySet, index: number): void {
    const { writer, counters } = this.options
    const { arena } = set
    const timestampMs = arena.times[index]!
    writer.add(arena.channel(index), timestampMs, arena.record(index), arena.isRequired(index))
    counters.eventTimeMs = timestampMs
    this.moved = true
  }

  private waitFor(playing: Playing, timeMs: number): number {
    const { speed, clock } = this.options
    if (speed === 0) return 0
    const nowMs = clock.monotonicMs()
    playing.anchor ??= { clockMs: nowMs, eventMs: timeMs }
    const { clockMs, eventMs } = playing.anchor
    return clockMs + (timeMs - eventMs) / speed - nowMs
  }

  private checkSame(resume: ReplayPosition, set: ReplaySet, digest: string): void {
    for (const [index, [unit, checksum]] of resume.units.entries()) {
      const [found, foundChecksum] = set.units[index] ?? ['', '']
      if (found === unit && foundChecksum === checksum) continue
      throw new MillraceError(
        'MR_SOURCE_FILE_CHANGED',
        `"${unit}" has other bytes than when its replay began`,
        {
          where: unit,
          hint: 'Put the file back as it was.',
        },
      )
    }
    if (digest === resume.digest) return
    throw new MillraceError(
      'MR_SOURCE_FAILED',
      'the files that are being replayed give other records than before the restart',
      {
        context: { before: resume.digest, now: digest, played: resume.played },
        hint: 'Interceptors or channels have changed: bring the old ones back until the replay has ended.',
      },
    )
  }
}
