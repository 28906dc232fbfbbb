/**
 * What the outside knows of one partition: every record by its offset, what was promised, what was shown, and what
 * follows from it for producers, transactions and readers. It is told what happened and never looks into the log.
 *
 * A crash takes the end of the log away, down to where `crashed` allows it; everything is then computed anew from
 * the records that are left.
 */
import { expect } from './anomaly.ts'
import { ProducerModel, type SentBatch } from './producer-model.ts'

export interface Transaction {
  readonly producerId: number
  readonly firstOffset: number
  state: 'open' | 'committed' | 'aborted'
  markerOffset: number
}

export interface Marker {
  readonly type: 'commit' | 'abort'
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
}

/** A record as it was sent. */
export interface SentRecord {
  readonly key: string | null
  readonly value: string | null
  readonly timestampMs: number
}

export interface Entry extends SentRecord {
  readonly offset: number
  readonly producerId: number
  readonly appendedMs: number
  /** On the first record of a producer's batch. */
  readonly batch?: SentBatch
  readonly marker?: Marker
  transaction?: Transaction
}

export type CrashKind = 'process' | 'power'

export class PartitionModel {
  readonly name: string
  /** By offset, from 0 on; what retention and compaction took is still here. */
  entries: Entry[] = []
  producers = new Map<number, ProducerModel>()
  transactions: Transaction[] = []
  /** Entries of an append whose outcome is not known: they may follow the last entry. */
  pending: readonly Entry[] = []
  /** Everything before this offset survives a power cut: it was acknowledged under such a promise, or shown. */
  promisedEnd = 0
  /** Records before this offset are deleted for good. */
  start = 0
  /** A deletion whose outcome is not known: the start may be there. */
  pendingStart = 0
  /** True once the topic was compacted. */
  compacted = false
  /** The clock at the first and last cleaning. */
  cleanedMs: { min: number; max: number } = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }
  private readonly offsetOfValue = new Map<string, number>()
  private newestByKey: Map<string, number> | undefined

  constructor(name: string) {
    this.name = name
  }

  get end(): number {
    return this.entries.length
  }

  producer(producerId: number): ProducerModel {
    let producer = this.producers.get(producerId)
    if (producer === undefined) {
      producer = new ProducerModel()
      this.producers.set(producerId, producer)
    }
    return producer
  }

  /** Takes entries that are in the log now. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) this.appendOne(entry)
    this.pending = []
    this.newestByKey = undefined
  }

  private appendOne(entry: Entry): void {
    expect(entry.offset === this.end, 'inconsistent-offsets', () => {
      return `${this.name}: a record got offset ${entry.offset}, the log ended at ${this.end}`
    })
    if (entry.value !== null && entry.marker === undefined) {
      const other = this.offsetOfValue.get(entry.value)
      expect(
        other === undefined,
        'duplicate',
        () => `${this.name}: ${entry.value} at ${other}, ${entry.offset}`,
      )
      this.offsetOfValue.set(entry.value, entry.offset)
    }
    this.entries.push(entry)
    const { batch, marker, producerId } = entry
    if (producerId < 0) return
    const producer = this.producer(producerId)
    if (marker !== undefined) this.endTransaction(producerId, producer, marker, entry.offset)
    else if (batch !== undefined) {
      producer.append(batch, entry.offset)
      if (batch.transactional && producer.openFrom === entry.offset) {
        this.transactions.push({ producerId, firstOffset: entry.offset, state: 'open', markerOffset: -1 })
      }
    }
    const open = this.openTransaction(producerId)
    if (open !== undefined && marker === undefined) entry.transaction = open
  }

  private endTransaction(producerId: number, producer: ProducerModel, marker: Marker, offset: number): void {
    const open = this.openTransaction(producerId)
    if (open !== undefined) {
      open.state = marker.type === 'commit' ? 'committed' : 'aborted'
      open.markerOffset = offset
    }
    producer.end(marker.producerEpoch, marker.coordinatorEpoch)
  }

  /** Where the newest record with this value stands. */
  offsetOf(value: string): number | undefined {
    return this.offsetOfValue.get(value)
  }

  openTransaction(producerId: number): Transaction | undefined {
    return this.transactions.findLast(
      (transaction) => transaction.producerId === producerId && transaction.state === 'open',
    )
  }

  /** The first offset whose fate a reader below `highWatermark` cannot know. */
  stableOffset(highWatermark: number): number {
    let stable = highWatermark
    for (const { firstOffset, markerOffset, state } of this.transactions) {
      if (state === 'open' || markerOffset >= highWatermark) stable = Math.min(stable, firstOffset)
    }
    return stable
  }

  /** Everything before `offset` was promised to survive a power cut. */
  promise(offset: number): void {
    this.promisedEnd = Math.max(this.promisedEnd, offset)
  }

  /**
   * The log is there again and ends at `endOffset`: forgets what it lost, if it may have lost it. Of deleted records
   * from `foundEnd` on nothing was left: producers are not known from them.
   */
  crashed(kind: CrashKind | 'none', endOffset: number, foundEnd: number): void {
    const kept = kind === 'power' ? this.promisedEnd : this.end
    expect(endOffset >= kept, 'lost-write', () => {
      return `${this.name}: the log ends at ${endOffset}, ${kept} was promised (crash: ${kind})`
    })
    const before = [...this.entries, ...this.pending]
    expect(endOffset <= before.length, 'phantom', () => {
      return `${this.name}: the log ends at ${endOffset}, written were ${before.length}`
    })
    this.entries = []
    this.producers = new Map()
    this.transactions = []
    this.offsetOfValue.clear()
    for (const entry of before.slice(0, endOffset)) {
      delete entry.transaction
      const { batch, marker, ...deleted } = entry
      this.append([entry.offset < foundEnd ? entry : { ...deleted, key: null, value: null }])
    }
    this.pending = []
  }

  /** True when compaction may have taken the record of this entry. */
  mayBeCompacted(entry: Entry, deleteRetentionMs: number): boolean {
    if (!this.compacted) return false
    if (entry.marker !== undefined || entry.key === null || entry.transaction?.state === 'aborted')
      return true
    if ((this.newest().get(entry.key) ?? -1) > entry.offset) return true
    return entry.value === null && this.cleanedMs.max - this.cleanedMs.min >= deleteRetentionMs
  }

  /** The last offset of each key that no transaction's end can take back. */
  private newest(): Map<string, number> {
    if (this.newestByKey === undefined) {
      this.newestByKey = new Map()
      for (const { key, offset, transaction, marker } of this.entries) {
        const decided = transaction === undefined || transaction.state === 'committed'
        if (key !== null && marker === undefined && decided) this.newestByKey.set(key, offset)
      }
    }
    return this.newestByKey
  }
}
