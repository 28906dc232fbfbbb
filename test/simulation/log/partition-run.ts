/**
 * The work on one partition during one life of its log: producers of all three kinds, readers of both isolation
 * levels, deletions. Each step does one thing and holds the outcome against the model at once.
 */
import { isMillraceError, type MillraceError } from '../../../src/core/errors.ts'
import { batchOf, readAll } from '../../../src/log/log-fixture.ts'
import type { AppendResult } from '../../../src/log/log-types.ts'
import type { PartitionLog } from '../../../src/log/partition-log.ts'
import type { SimulatedRandom } from '../../../src/platform/simulated/random.ts'
import { isKafkaError } from '../../../src/protocol/error-codes.ts'
import { Anomaly, expect } from './anomaly.ts'
import type { Entry, Marker, PartitionModel, SentRecord } from './partition-model.ts'
import type { Expectation, SentBatch } from './producer-model.ts'
import type { Reader } from './reader.ts'
import { HOUR_MS, pick } from './settings.ts'

/** Batches sent by an idempotent producer, to be sent again. */
interface Send {
  readonly batch: SentBatch
  readonly records: readonly SentRecord[]
}

/** What the client side knows of a producer; it outlives the log's lives. */
export interface ProducerSide {
  readonly producerId: number
  readonly transactional: boolean
  epoch: number
  nextSequence: number
  /** The last sends, whether they arrived or not. */
  sends: Send[]
  /** A send whose outcome is not known must be repeated before anything else. */
  unresolved: Send | undefined
  /** How its transaction must end, once that was decided. */
  decision: 'commit' | 'abort' | undefined
}

/** What partitions of one simulation have in common. */
export interface Work {
  readonly random: SimulatedRandom
  readonly nowMs: () => number
  /** The machine crashed: nothing that is thrown says anything. */
  readonly isOver: () => boolean
  /** A fault was planned in this life: errors of the disk may come up. */
  readonly mayFail: () => boolean
  readonly trace: (line: string) => void
  nextValue: () => string
}

const refusals = {
  epoch: 'INVALID_PRODUCER_EPOCH',
  sequence: 'OUT_OF_ORDER_SEQUENCE_NUMBER',
  transaction: 'INVALID_TXN_STATE',
  coordinator: 'TRANSACTION_COORDINATOR_FENCED',
} as const

const NO_PRODUCER = -1

export class PartitionRun {
  readonly model: PartitionModel
  readonly log: PartitionLog
  private readonly producers: readonly ProducerSide[]
  private readonly readers: readonly Reader[]
  private readonly work: Work
  private readonly random: SimulatedRandom
  private shownUnsynced = false

  constructor(
    log: PartitionLog,
    model: PartitionModel,
    sides: { readonly producers: readonly ProducerSide[]; readonly readers: readonly Reader[] },
    work: Work,
  ) {
    this.log = log
    this.model = model
    this.producers = sides.producers
    this.readers = sides.readers
    this.work = work
    this.random = work.random
  }

  step(): void {
    const draw = this.random.within([0, 99])
    if (draw < 12) this.sendPlain()
    else if (draw < 66) this.stepProducer(pick(this.random, this.producers))
    else if (draw < 97) this.poll(pick(this.random, this.readers))
    else this.deleteRecords()
    if (!this.work.isOver()) this.observe()
  }

  /** Reads on until there is nothing more. */
  drain(reader: Reader): void {
    while (this.poll(reader));
  }

  poll(reader: Reader): boolean {
    const maxBytes = this.random.within([1, 3000])
    const deleteRetentionMs = this.log.config['delete.retention.ms']
    try {
      return reader.poll(this.log, { maxBytes, deleteRetentionMs })
    } catch (error) {
      if (error instanceof Anomaly) throw error
      this.tolerate(error, 'a read')
      return false
    }
  }

  /** What can be seen from outside at any moment holds. */
  observe(): void {
    const { log, model } = this
    if (log.fault === undefined && log.endOffset !== model.end) this.explainEnd()
    model.promise(log.recoveryPoint)
    // Where records were shown before they were synced, only what is synced is promised.
    this.shownUnsynced ||= log.config.flush === 'os'
    if (!this.shownUnsynced) model.promise(log.highWatermark)
    this.checkStart()
  }

  /** The log does not end where its records do: has one of them come twice? */
  private explainEnd(): never {
    const { log, model } = this
    for (const { offset, value } of readAll(log)) {
      const first = value === null ? undefined : model.offsetOf(value)
      if (offset < model.end || first === undefined) continue
      throw new Anomaly('duplicate', `${model.name}: ${value} at ${first} and ${offset}`)
    }
    const detail = `${model.name}: the log ends at ${log.endOffset}, appended is up to ${model.end}`
    throw new Anomaly('phantom', detail)
  }

  /**
   * The log begins where records were deleted, or later when retention let them go. After a crash its size at that
   * time is not known.
   */
  checkStart(options: { readonly crashed: boolean } = { crashed: false }): void {
    const { log, model } = this
    const { logStartOffset, config } = log
    expect(logStartOffset >= model.start, 'resurrected-records', () => {
      return `${model.name}: begins at ${logStartOffset}, deleted was up to ${model.start}`
    })
    const { 'retention.ms': retentionMs, 'retention.bytes': retentionBytes } = config
    const bySize =
      retentionBytes >= 0 && (options.crashed || model.compacted || log.sizeBytes >= retentionBytes)
    const ageOf = (offset: number): number => model.cleanedMs.max - model.entries[offset]!.timestampMs
    let someOld = false
    for (let offset = logStartOffset - 1; offset >= Math.max(model.start, model.pendingStart); offset--) {
      // The wall clock may have jumped back since. What lies before old records may have gone by size first.
      const old = retentionMs >= 0 && ageOf(offset) > retentionMs
      someOld ||= old
      const free =
        config['cleanup.policy'].includes('delete') && (bySize || old || (someOld && retentionBytes >= 0))
      expect(free || model.mayBeCompacted(model.entries[offset]!, 0), 'early-deletion', () => {
        return `${model.name}@${offset} is gone, ${ageOf(offset)} ms old; the log begins at ${logStartOffset}`
      })
    }
    model.start = logStartOffset
  }

  private deleteRecords(): void {
    const { log, model } = this
    this.checkStart()
    const offset = this.random.chance(0.1)
      ? -1
      : this.random.within([model.start, Math.max(model.start, log.highWatermark)])
    const target = offset === -1 ? log.highWatermark : Math.min(offset, model.start + 12)
    model.pendingStart = Math.max(model.pendingStart, target)
    try {
      const start = log.deleteRecordsBefore(offset === -1 ? -1 : target)
      expect(
        start === Math.max(model.start, target),
        'early-deletion',
        () => `${model.name}: ${start}, not ${target}`,
      )
      model.start = Math.max(model.start, target)
    } catch (error) {
      if (error instanceof Anomaly) throw error
      this.tolerate(error, 'deleting records')
    }
  }

  private sendPlain(): void {
    const records = this.makeRecords(this.random.within([1, 4]))
    const batch: SentBatch = {
      producerId: NO_PRODUCER,
      producerEpoch: -1,
      baseSequence: -1,
      count: records.length,
      transactional: false,
    }
    this.send({ batch, records }, { kind: 'accepted' })
  }

  private stepProducer(side: ProducerSide): void {
    const { unresolved } = side
    if (unresolved !== undefined) {
      side.unresolved = undefined
      this.sendOf(side, unresolved)
      return
    }
    const draw = this.random.within([0, 99])
    const open = this.model.producer(side.producerId).openFrom >= 0
    if (side.decision !== undefined || (side.transactional && open && draw < 25)) this.endTransaction(side)
    else if (draw < 35 && side.sends.length > 0) this.sendOf(side, pick(this.random, side.sends))
    else if (draw < 40) this.sendOdd(side)
    else if (draw < 43 && !side.transactional && !open) {
      side.epoch++
      side.nextSequence = 0
    } else this.sendNew(side)
  }

  private sendNew(side: ProducerSide): void {
    const records = this.makeRecords(this.random.within([1, 4]))
    const { producerId, epoch, nextSequence, transactional } = side
    const batch: SentBatch = {
      producerId,
      producerEpoch: epoch,
      baseSequence: nextSequence,
      count: records.length,
      transactional,
    }
    const send = { batch, records }
    if (this.sendOf(side, send)) side.sends = [...side.sends.slice(-6), send]
  }

  /** A batch that must be refused: a gap, an old epoch, or one outside of the open transaction. */
  private sendOdd(side: ProducerSide): void {
    const records = this.makeRecords(1)
    const { producerId, epoch, nextSequence, transactional } = side
    const plain: SentBatch = {
      producerId,
      producerEpoch: epoch,
      baseSequence: nextSequence,
      count: 1,
      transactional,
    }
    const batch = pick(this.random, [
      { ...plain, baseSequence: nextSequence + 2 },
      { ...plain, producerEpoch: Math.max(0, epoch - 1) },
      { ...plain, transactional: !transactional },
    ])
    const expectation = this.model.producer(producerId).expectation(batch)
    if (expectation.kind === 'refused') this.send({ batch, records }, expectation)
  }

  /** Sends a producer's batch; false when it did not get into the log. */
  private sendOf(side: ProducerSide, send: Send): boolean {
    const expectation = this.model.producer(side.producerId).expectation(send.batch)
    const outcome = this.send(send, expectation)
    if (outcome === 'unknown') side.unresolved = send
    if (outcome === 'taken' && expectation.kind === 'accepted' && send.batch.producerEpoch === side.epoch)
      side.nextSequence = send.batch.baseSequence + send.batch.count
    return outcome === 'taken'
  }

  private send(send: Send, expectation: Expectation): 'taken' | 'refused' | 'unknown' {
    const { log, model, work } = this
    const { batch, records } = send
    const nowMs = work.nowMs()
    const { producerId, producerEpoch, baseSequence, transactional } = batch
    const producer = producerId < 0 ? {} : { producerId, producerEpoch, baseSequence, transactional }
    const compression = pick(this.random, [
      'none',
      'none',
      'none',
      'none',
      'lz4',
      'snappy',
      'gzip',
      'zstd',
    ] as const)
    const bytes = batchOf(records, { compression, ...producer })
    const stamp = log.config['message.timestamp.type'] === 'LogAppendTime' ? nowMs : undefined
    const entries = records.map((record, number): Entry => {
      const timestampMs = stamp ?? record.timestampMs
      const entry = { ...record, timestampMs, offset: model.end + number, producerId, appendedMs: nowMs }
      return number === 0 && producerId >= 0 ? { ...entry, batch } : entry
    })
    if (expectation.kind === 'accepted' && log.fault === undefined) model.pending = entries
    let result: AppendResult
    try {
      result = log.append(bytes, { origin: 'client', nowMs })
    } catch (error) {
      return this.refused(error, expectation, `${model.name}: ${describe(batch)}`)
    }
    if (work.isOver()) return 'unknown'
    work.trace(`${model.name}: ${describe(batch)} at ${result.baseOffset}${result.duplicate ? ' again' : ''}`)
    this.checkTaken(result, expectation, entries, batch)
    if (!result.duplicate) model.append(entries)
    this.acknowledge(result)
    return 'taken'
  }

  private checkTaken(
    result: AppendResult,
    expectation: Expectation,
    entries: readonly Entry[],
    batch: SentBatch,
  ): void {
    const what = (): string => {
      return `${this.model.name}: ${describe(batch)} taken at ${result.baseOffset}, expected: ${JSON.stringify(expectation)}`
    }
    if (expectation.kind === 'accepted') {
      expect(!result.duplicate, 'lost-write', what)
      expect(result.baseOffset === entries[0]!.offset, 'inconsistent-offsets', what)
    } else if (expectation.kind === 'duplicate') {
      expect(result.duplicate, 'lost-producer-state', what)
      expect(result.baseOffset === expectation.baseOffset, 'inconsistent-offsets', what)
    } else if (result.duplicate && this.isSame(result.baseOffset, batch)) {
      // A batch that is older than those it must know again may be known again all the same.
    } else if (expectation.why === 'sequence' || expectation.why === 'transaction') {
      throw new Anomaly('lost-producer-state', what())
    } else throw new Anomaly('lost-fence', what())
  }

  private isSame(baseOffset: number, batch: SentBatch): boolean {
    const known = this.model.entries[baseOffset]?.batch
    return known?.producerEpoch === batch.producerEpoch && known.baseSequence === batch.baseSequence
  }

  /** An append was refused: by the rules, by the disk, or because the machine is gone. */
  private refused(error: unknown, expectation: Expectation, what: string): 'refused' | 'unknown' {
    const { model, work, log } = this
    if (work.isOver()) return 'unknown'
    if (isMillraceError(error, 'MR_LOG_APPEND_REFUSED')) {
      // Of a producer's older batches a log that was opened again may know no more than that they are not next.
      const older = expectation.kind === 'duplicate' && !expectation.newest
      const asExpected =
        (expectation.kind === 'refused' && isKafkaError(error, refusals[expectation.why])) ||
        (older && isKafkaError(error, 'OUT_OF_ORDER_SEQUENCE_NUMBER'))
      if (!asExpected)
        throw new Anomaly(
          'lost-producer-state',
          `${what} refused, expected: ${JSON.stringify(expectation)}`,
          error,
        )
      return 'refused'
    }
    this.tolerate(error, what)
    // The bytes may be in the file when the log cannot be trusted any more; else they are not.
    if (log.fault === undefined) model.pending = []
    return 'unknown'
  }

  private endTransaction(side: ProducerSide): void {
    const { log, model, work, random } = this
    const producer = model.producer(side.producerId)
    side.decision ??= random.chance(0.5) ? 'commit' : 'abort'
    const transactionVersion = random.chance(0.5) ? 1 : 2
    const producerEpoch = side.epoch + (transactionVersion === 2 ? 1 : 0)
    const coordinatorEpoch = Math.max(0, producer.coordinatorEpoch) + (random.chance(0.05) ? -1 : 0)
    const marker: Marker = { type: side.decision, producerEpoch, coordinatorEpoch }
    const expectation = producer.markerExpectation({ ...marker, transactionVersion })
    const nowMs = work.nowMs()
    const entry: Entry = {
      key: null,
      value: null,
      timestampMs: nowMs,
      appendedMs: nowMs,
      offset: model.end,
      producerId: side.producerId,
      marker,
    }
    const what = `${model.name}: ${side.decision} of producer ${side.producerId} epoch ${producerEpoch}`
    if (expectation.kind === 'accepted' && log.fault === undefined) model.pending = [entry]
    try {
      const options = { ...marker, producerId: side.producerId, nowMs, transactionVersion } as const
      const result = log.appendControl(options)
      if (work.isOver()) return
      expect(expectation.kind === 'accepted', 'lost-fence', () => what)
      expect(result.baseOffset === entry.offset, 'inconsistent-offsets', () => what)
      work.trace(`${what} at ${result.baseOffset}`)
      model.append([entry])
      this.acknowledge(result)
      this.ended(side)
    } catch (error) {
      if (error instanceof Anomaly) throw error
      this.refused(error, expectation, what)
    }
  }

  /** The producer goes on in the epoch that the log has it in. */
  private ended(side: ProducerSide): void {
    side.decision = undefined
    const { epoch, lastSequence } = this.model.producer(side.producerId)
    if (epoch !== side.epoch) side.sends = []
    side.epoch = epoch
    side.nextSequence = lastSequence + 1
  }

  private acknowledge({ lastOffset, waitForFlush }: AppendResult): void {
    const { log, model, work } = this
    if (!waitForFlush) {
      if (log.config.flush === 'batch') model.promise(lastOffset + 1)
      return
    }
    const { end } = model
    log.flushed(lastOffset).then(
      () => {
        if (work.isOver()) return
        expect(end > lastOffset, 'phantom', () => `${model.name}: an acknowledgement of ${lastOffset}`)
        model.promise(lastOffset + 1)
      },
      () => {},
    )
  }

  /** Errors of the disk, and a log that is read-only since, when a fault was planned; nothing else. */
  private tolerate(error: unknown, what: string): void {
    if (this.work.isOver()) return
    tolerateDiskError(error, { what: `${this.model.name}: ${what}`, mayFail: this.work.mayFail() })
  }

  private makeRecords(count: number): SentRecord[] {
    const { random, work } = this
    const nowMs = work.nowMs()
    return Array.from({ length: count }, () => {
      const timestampMs = random.chance(0.85) ? nowMs : nowMs + random.within([-HOUR_MS, HOUR_MS])
      const key = `k${random.within([0, 11])}`
      if (random.chance(0.1)) return { key, value: null, timestampMs }
      return { key, value: `${work.nextValue()} ${'x'.repeat(random.within([0, 250]))}`, timestampMs }
    })
  }
}

const diskCodes = ['MR_DISK_FULL', 'MR_DISK_FAILED', 'MR_LOG_READ_ONLY'] as const

/** Throws an anomaly unless the error is what a disk with faults may cause. */
export function tolerateDiskError(
  error: unknown,
  where: { readonly what: string; readonly mayFail: boolean },
): void {
  const named = diskCodes.some((code) => isMillraceError(error, code))
  const { what, mayFail } = where
  if (named && mayFail) return
  const { code = 'an error without a code', message = String(error) } = (error ??
    {}) as Partial<MillraceError>
  const kind = named || isMillraceError(error, 'MR_LOG_CORRUPT') ? 'wedged' : 'broken'
  throw new Anomaly(kind, `${what}: ${code}: ${message}`, error)
}

function describe({ producerId, producerEpoch, baseSequence, count, transactional }: SentBatch): string {
  if (producerId < 0) return `${count} records`
  return `${count} records of producer ${producerId} epoch ${producerEpoch} from sequence ${baseSequence}${transactional ? ' in a transaction' : ''}`
}
