/**
 * A reader as clients are: it goes on where it stopped, passes over what lies before its offset in the first batch,
 * leaves out control records, and with read_committed what the answer calls aborted. Everything that it is given is
 * held against the model.
 */
import { batchesOf, type ReadRecord } from '../../../src/log/log-fixture.ts'
import type { IsolationLevel, ReadResult } from '../../../src/log/log-types.ts'
import type { PartitionLog } from '../../../src/log/partition-log.ts'
import { expect } from './anomaly.ts'
import type { Entry, PartitionModel } from './partition-model.ts'

export class Reader {
  position = 0
  /** Values of non-control records that it was given, for the check that all were seen. */
  readonly seen = new Set<number>()
  private readonly isolation: IsolationLevel
  private readonly model: PartitionModel

  constructor(model: PartitionModel, isolation: IsolationLevel) {
    this.model = model
    this.isolation = isolation
  }

  /** Reads once; returns whether there was anything. */
  poll(
    log: PartitionLog,
    options: { readonly maxBytes: number; readonly deleteRetentionMs: number },
  ): boolean {
    this.position = Math.max(this.position, log.logStartOffset)
    const { isolation, position } = this
    const result = log.read({ fromOffset: position, maxBytes: options.maxBytes, isolation })
    this.checkBounds(result, log)
    const given = this.recordsOf(result)
    let next = position
    for (const { record, aborted, lastOffset, last } of given) {
      if (record !== undefined && record.offset >= position) {
        expect(record.offset >= next, 'nonmonotonic-poll', () => {
          return `${this.where(record.offset)} comes when ${next} is due`
        })
        this.checkSkipped(next, record.offset, options.deleteRetentionMs)
        this.checkRecord(record, aborted, result)
        next = record.offset + 1
      }
      if (!last) continue
      this.checkSkipped(next, lastOffset + 1, options.deleteRetentionMs)
      next = Math.max(next, lastOffset + 1)
    }
    if (given.length === 0) {
      const limit = isolation === 'read_committed' ? result.lastStableOffset : result.highWatermark
      this.checkSkipped(next, limit, options.deleteRetentionMs)
    }
    this.position = next
    return given.length > 0
  }

  private where(offset: number): string {
    return `${this.model.name}@${offset} (${this.isolation})`
  }

  private checkBounds(result: ReadResult, log: PartitionLog): void {
    const { highWatermark, lastStableOffset, logStartOffset } = result
    const { name, end } = this.model
    expect(highWatermark <= end && highWatermark <= log.endOffset, 'wrong-bounds', () => {
      return `${name}: high watermark ${highWatermark} behind the end ${end}`
    })
    const stable = Math.max(logStartOffset, this.model.stableOffset(highWatermark))
    expect(lastStableOffset === stable, 'wrong-bounds', () => {
      return `${name}: last stable offset ${lastStableOffset}, ${stable} by its transactions`
    })
  }

  /** The records of an answer with the last offset of their batch; batches without records as such. */
  private recordsOf(result: ReadResult): {
    readonly record: ReadRecord | undefined
    readonly aborted: boolean
    readonly lastOffset: number
    readonly last: boolean
  }[] {
    const waiting = [...result.abortedTransactions].sort((a, b) => a.firstOffset - b.firstOffset)
    const aborted = new Set<number>()
    const given: ReturnType<Reader['recordsOf']> = []
    let before = -1
    for (const { batch, records } of batchesOf(result.bytes)) {
      const { baseOffset, lastOffset, producerId, isControl } = batch
      expect(lastOffset >= this.position && baseOffset > before, 'nonmonotonic-poll', () => {
        return `${this.where(this.position)}: a batch of ${baseOffset} to ${lastOffset} behind ${before}`
      })
      before = lastOffset
      while (waiting.length > 0 && waiting[0]!.firstOffset <= lastOffset)
        aborted.add(waiting.shift()!.producerId)
      if (isControl) aborted.delete(producerId)
      const leftOut = batch.isTransactional && !isControl && aborted.has(producerId)
      if (records.length === 0) given.push({ record: undefined, aborted: leftOut, lastOffset, last: true })
      records.forEach((record, number) => {
        given.push({ record, aborted: leftOut, lastOffset, last: number === records.length - 1 })
      })
    }
    return given
  }

  private checkRecord(record: ReadRecord, aborted: boolean, result: ReadResult): void {
    const entry = this.model.entries[record.offset]
    const where = (): string => `${this.where(record.offset)}: ${record.key}=${record.value}`
    expect(entry !== undefined, 'phantom', where)
    checkSame(record, entry, where)
    expect(
      record.offset < result.highWatermark,
      'wrong-bounds',
      () => `${where()} at or behind the high watermark`,
    )
    if (this.isolation === 'read_committed') this.checkCommitted(entry, aborted, result, where)
    if (!aborted && entry.marker === undefined) this.seen.add(record.offset)
  }

  private checkCommitted(entry: Entry, aborted: boolean, result: ReadResult, where: () => string): void {
    const state = entry.transaction?.state
    if (aborted) {
      expect(
        state === 'aborted',
        'torn-transaction',
        () => `${where()} is left out, its transaction is ${state}`,
      )
      return
    }
    expect(state !== 'aborted', 'aborted-read', where)
    expect(state !== 'open' && entry.offset < result.lastStableOffset, 'uncommitted-read', where)
  }

  /** Nothing that is there lies between two offsets that come one after the other. */
  private checkSkipped(from: number, to: number, deleteRetentionMs: number): void {
    for (let offset = from; offset < to; offset++) {
      const entry = this.model.entries[offset]
      const free = entry === undefined || this.model.mayBeCompacted(entry, deleteRetentionMs)
      expect(free, 'poll-skip', () => `${this.where(offset)}: ${entry?.key}=${entry?.value}`)
    }
  }
}

/** An offset has the record that was put there. */
export function checkSame(record: ReadRecord, entry: Entry, where: () => string): void {
  const { marker } = entry
  expect(record.control === (marker !== undefined), 'inconsistent-offsets', where)
  if (marker !== undefined) return
  const same =
    record.value === entry.value && record.key === entry.key && record.producerId === entry.producerId
  expect(same, 'inconsistent-offsets', () => `${where()}, it was ${entry.key}=${entry.value}`)
  expect(record.timestampMs === entry.timestampMs, 'inconsistent-offsets', () => {
    return `${where()} has time ${record.timestampMs}, it was ${entry.timestampMs}`
  })
}
