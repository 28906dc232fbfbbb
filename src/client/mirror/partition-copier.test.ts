import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  HEADER_BYTES,
  LOG_APPEND_TIME_BIT,
  setAttributes,
  setBaseOffset,
  setLastOffsetDelta,
  writeCrc,
} from '../../protocol/record-batch/layout.ts'
import { RecordBatchBuilder } from '../../protocol/record-batch/record-batch-builder.ts'
import { RecordBatchReader } from '../../protocol/record-batch/record-batch-reader.ts'
import type { FetchedBatches } from '../consumer/fetched-batches.ts'
import { PartitionCopier } from './partition-copier.ts'

const at = { topic: 'orders', partition: 0 }
const LARGE = 20_000
const TIME = 1_700_000_000_000

/** A batch as it stands in a log: `count` records of `valueBytes`, from an offset on. */
function stored(baseOffset: number, count: number, valueBytes = 10): Buffer {
  const builder = new RecordBatchBuilder()
  for (let n = 0; n < count; n++) {
    builder.append(TIME, Buffer.from(`k${baseOffset + n}`), Buffer.alloc(valueBytes, n))
  }
  return builder.seal({ baseOffset, producerId: 7, producerEpoch: 1, baseSequence: 0, transactional: true })
}

/** Gives the records of a batch other offsets, as compaction leaves them, ascending from 0. */
function withGaps(batch: Buffer, deltas: readonly number[]): Buffer {
  const reader = new RecordBatchReader()
  reader.reset(batch)
  for (const delta of deltas) {
    assert.ok(reader.next() && delta < 64)
    let cursor = reader.recordStart
    while (batch[cursor]! >= 0x80) cursor++
    // Behind the length: attributes, the delta of the time in one byte, that of the offset.
    batch[cursor + 3] = delta * 2
  }
  setLastOffsetDelta(batch, 0, deltas.at(-1)!)
  writeCrc(batch, 0, batch.length)
  return batch
}

class Target {
  readonly batches: Buffer[] = []
  /** Offsets between two batches, as marks of transactions take them. */
  private nextOffset = 100
  private readonly told: boolean

  constructor({ told = true } = {}) {
    this.told = told
  }

  readonly copier = new PartitionCopier(
    {
      sendBatch: async (_topic, _partition, batch) => {
        this.batches.push(
          batch.seal({ producerId: 9, producerEpoch: 0, baseSequence: 0, transactional: true }),
        )
        const baseOffset = this.nextOffset
        this.nextOffset += batch.recordCount + 1
        return this.told ? baseOffset : -1
      },
    },
    at,
  )

  copy(batches: readonly Buffer[], { from = 0, to = Number.POSITIVE_INFINITY } = {}): void {
    const bytes = Buffer.concat(batches)
    this.copier.copy({ ...at, bytes, fetchOffset: from } as unknown as FetchedBatches, to)
    this.copier.flush()
  }

  get keys(): readonly string[] {
    const reader = new RecordBatchReader()
    return this.batches.flatMap((batch) => {
      const keys: string[] = []
      reader.reset(batch)
      assert.deepEqual([reader.producerId, reader.isTransactional], [9, true])
      while (reader.next()) {
        assert.equal(reader.timestampMs, TIME)
        keys.push(reader.body.toString('utf8', reader.keyStart, reader.keyEnd))
      }
      return keys
    })
  }
}

test('a large batch is handed over with the bytes that it has', async () => {
  const target = new Target()
  const batch = stored(40, 3, LARGE)
  target.copy([batch])
  assert.deepEqual(target.batches[0]!.subarray(HEADER_BYTES), batch.subarray(HEADER_BYTES))
  assert.deepEqual(target.keys, ['k40', 'k41', 'k42'])
  const { recordCount, runs } = await target.copier.take()
  assert.deepEqual([recordCount, runs], [3, [{ source: 40, target: 100, count: 3 }]])
})

test('a large batch with gaps is built anew, and its records are found by runs', async () => {
  const target = new Target()
  target.copy([withGaps(stored(40, 4, LARGE), [0, 2, 3, 9])])
  const { runs } = await target.copier.take()
  assert.equal(target.keys.length, 4)
  assert.deepEqual(runs, [
    { source: 40, target: 100, count: 1 },
    { source: 42, target: 101, count: 2 },
    { source: 49, target: 103, count: 1 },
  ])
})

test('small batches become one, between large ones in their order', async () => {
  const target = new Target()
  target.copy([stored(0, 2), stored(2, 1), stored(5, 2, LARGE), stored(8, 1)])
  assert.deepEqual(target.keys, ['k0', 'k1', 'k2', 'k5', 'k6', 'k8'])
  assert.equal(target.batches.length, 3)
  const { runs } = await target.copier.take()
  assert.deepEqual(runs, [
    { source: 0, target: 100, count: 3 },
    { source: 5, target: 104, count: 2 },
    { source: 8, target: 107, count: 1 },
  ])
})

test('of batches that reach over position and end, only what lies between is sent', () => {
  const target = new Target()
  target.copy([stored(0, 4, LARGE), stored(4, 4), stored(8, 4, LARGE)], { from: 2, to: 9 })
  assert.deepEqual(target.keys, ['k2', 'k3', 'k4', 'k5', 'k6', 'k7', 'k8'])
})

test("records with the broker's time keep it as their own", () => {
  const target = new Target()
  const batch = stored(0, 2, LARGE)
  setAttributes(batch, 0, LOG_APPEND_TIME_BIT)
  setBaseOffset(batch, 0, 30)
  writeCrc(batch, 0, batch.length)
  target.copy([batch])
  const reader = new RecordBatchReader()
  reader.reset(target.batches[0]!)
  assert.equal(reader.timestampType, 'create')
  assert.equal(target.keys.length, 2)
})

test('a batch of which nobody knows where it was written is an error that can be tried again', async () => {
  const target = new Target({ told: false })
  target.copy([stored(0, 1)])
  await assert.rejects(target.copier.take(), { code: 'MR_TIMEOUT', retriable: true })
})
