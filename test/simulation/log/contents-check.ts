/** Holds a log that was opened, after a crash or not, against the model: its end, its records, its producers. */
import { type ReadRecord, readAll } from '../../../src/log/log-fixture.ts'
import type { PartitionLog } from '../../../src/log/partition-log.ts'
import type { SimulatedRandom } from '../../../src/platform/simulated/random.ts'
import { expect } from './anomaly.ts'
import type { CrashKind, PartitionModel } from './partition-model.ts'
import type { ProducerSide } from './partition-run.ts'
import { checkSame } from './reader.ts'
import { pick } from './settings.ts'

/** Tells the model where the log ends now, which it may. */
export function recovered(
  log: PartitionLog,
  model: PartitionModel,
  was: { readonly crash: CrashKind | 'none'; readonly foundEnd: number },
): void {
  const { crash, foundEnd } = was
  // Only a log that begins anew, behind what was left of it, has an end that it did not read.
  const beganAnew = log.endOffset === log.logStartOffset && foundEnd < log.logStartOffset
  model.crashed(crash, log.endOffset, beganAnew ? foundEnd : Number.POSITIVE_INFINITY)
}

/** Every record that can be read is the right one; every one that must be there can be read, and found by time. */
export function checkContents(log: PartitionLog, model: PartitionModel, random: SimulatedRandom): void {
  const { name } = model
  const records = readAll(log, { maxBytes: 4000 })
  const found = new Set<number>()
  for (const record of records) {
    const entry = model.entries[record.offset]
    const where = (): string => `${name}@${record.offset}: ${record.key}=${record.value}`
    expect(entry !== undefined, 'phantom', where)
    expect(!found.has(record.offset), 'duplicate', where)
    checkSame(record, entry, where)
    found.add(record.offset)
  }
  const deleteRetentionMs = log.config['delete.retention.ms']
  for (let offset = log.logStartOffset; offset < log.highWatermark; offset++) {
    const entry = model.entries[offset]!
    const there = found.has(offset) || model.mayBeCompacted(entry, deleteRetentionMs)
    expect(there, 'lost-write', () => `${name}@${offset}: ${entry.key}=${entry.value} cannot be read`)
  }
  checkTimes(log, records, { name, random })
  readCommitted(log)
  checkProducers(log, model)
}

function checkTimes(
  log: PartitionLog,
  records: readonly ReadRecord[],
  { name, random }: { readonly name: string; readonly random: SimulatedRandom },
): void {
  const times = [...new Set(records.map(({ timestampMs }) => timestampMs))]
  for (let probe = 0; probe < 3 && times.length > 0; probe++) {
    const timestampMs = pick(random, times) + random.within([-1, 1])
    const expected = records.find((record) => record.timestampMs >= timestampMs)?.offset
    const offset = log.offsetForTimestamp(timestampMs)?.offset
    expect(offset === expected, 'wrong-time-lookup', () => {
      return `${name}: ${timestampMs} is at ${offset}, not ${expected}`
    })
  }
  const newestMs = Math.max(-1, ...times)
  const expected = records.find(({ timestampMs }) => timestampMs === newestMs)?.offset
  const newest = log.offsetForMaxTimestamp()?.offset
  expect(newest === expected, 'wrong-time-lookup', () => {
    return `${name}: the newest is at ${newest}, not ${expected}`
  })
}

/** Has every index of aborted transactions opened. */
function readCommitted(log: PartitionLog): void {
  for (let fromOffset = log.logStartOffset; fromOffset < log.lastStableOffset; fromOffset++) {
    log.read({ fromOffset, maxBytes: 200, isolation: 'read_committed' })
  }
}

/** The log knows of each producer what follows from its batches. */
function checkProducers(log: PartitionLog, model: PartitionModel): void {
  const known = new Map(log.producers().map((producer) => [producer.producerId, producer]))
  for (const [producerId, { epoch, lastSequence, openFrom }] of model.producers) {
    if (epoch < 0) continue
    const found = known.get(producerId)
    const state =
      found === undefined
        ? 'nothing'
        : `epoch ${found.producerEpoch}, sequence ${found.lastSequence}, transaction ${found.currentTransactionFirstOffset}`
    const expected = `epoch ${epoch}, sequence ${lastSequence}, transaction ${openFrom}`
    expect(
      state === expected,
      'lost-producer-state',
      () => `${model.name}: of producer ${producerId} ${state}, not ${expected}`,
    )
  }
}

/** After a crash a producer goes on from what the log has, as a client does that asks for its state. */
export function goOn(side: ProducerSide, model: PartitionModel): void {
  const { epoch, lastSequence } = model.producer(side.producerId)
  if (epoch >= 0 && (epoch !== side.epoch || lastSequence + 1 !== side.nextSequence)) {
    side.epoch = epoch
    side.nextSequence = lastSequence + 1
  }
  if (epoch < 0) side.nextSequence = 0
  if (model.producer(side.producerId).openFrom < 0) side.decision = undefined
  const { unresolved } = side
  // What the log lost with the end that it may lose is given up.
  if (
    unresolved !== undefined &&
    model.producer(side.producerId).expectation(unresolved.batch).kind === 'refused'
  ) {
    side.unresolved = undefined
  }
}
