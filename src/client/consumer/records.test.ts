import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordBatchBuilder } from '../../protocol/record-batch/record-batch-builder.ts'
import type { FetchedBatches } from './fetched-batches.ts'
import { RecordIterator, recordsOf } from './records.ts'

/** Batches of so many records each, their values being their offsets, from `baseOffset` on. */
function fetched(baseOffset: number, counts: readonly number[], fetchOffset = baseOffset): FetchedBatches {
  let nextOffset = baseOffset
  const batches = counts.map((count) => {
    const batch = new RecordBatchBuilder({ initialBytes: 256 })
    for (let at = 0; at < count; at++) batch.append(1000, null, Buffer.from(`${nextOffset + at}`))
    const bytes = batch.seal({ baseOffset: nextOffset })
    nextOffset += count
    return bytes
  })
  return {
    topic: 't',
    partition: 0,
    bytes: Buffer.concat(batches),
    fetchOffset,
    nextOffset,
    highWatermark: nextOffset,
    lastStableOffset: nextOffset,
    logStartOffset: 0,
    leaderEpoch: 0,
  }
}

/** A source that tells whether it was ended. */
function sourceOf(...all: readonly FetchedBatches[]): {
  source: AsyncGenerator<FetchedBatches>
  ended(): boolean
} {
  let ended = false
  async function* give(): AsyncGenerator<FetchedBatches> {
    try {
      for (const one of all) {
        await Promise.resolve()
        yield one
      }
    } finally {
      ended = true
    }
  }
  return { source: give(), ended: () => ended }
}

test('records of a fetch begin at the position, not at the batch', () => {
  const offsets = [...recordsOf(fetched(10, [3, 2], 12))].map(({ offset, value }) => [offset, `${value}`])
  assert.deepEqual(offsets, [
    [12, '12'],
    [13, '13'],
    [14, '14'],
  ])
  assert.deepEqual([...recordsOf({ ...fetched(0, [1]), bytes: Buffer.alloc(0) })], [])
})

test('an iterator goes through all fetches, also those without a record, and ends with the source', async () => {
  const { source } = sourceOf(fetched(0, [2, 1]), fetched(3, []), fetched(3, [2], 4))
  const offsets: number[] = []
  for await (const { offset } of new RecordIterator(source)) offsets.push(offset)
  assert.deepEqual(offsets, [0, 1, 2, 4])
})

test('calls of next that do not wait for each other get a record each, in order', async () => {
  const { source } = sourceOf(fetched(0, [2]), fetched(2, [2]))
  const records = new RecordIterator(source)
  const answers = await Promise.all(Array.from({ length: 6 }, () => records.next()))
  assert.deepEqual(
    answers.map((answer) => (answer.done ? 'end' : answer.value.offset)),
    [0, 1, 2, 3, 'end', 'end'],
  )
})

test('whoever leaves the loop ends the source, and nothing comes afterwards', async () => {
  const { source, ended } = sourceOf(fetched(0, [5]))
  const records = new RecordIterator(source)
  for await (const { offset } of records) if (offset === 1) break
  assert.equal(ended(), true)
  assert.equal((await records.next()).done, true)
})

test('a record that cannot be read rejects', async () => {
  const damaged = fetched(0, [2])
  // The length of the second record, which is as long as the first.
  damaged.bytes[61 + (damaged.bytes.length - 61) / 2] = 0x7f
  const records = new RecordIterator(sourceOf(damaged).source)
  assert.equal((await records.next()).done, false)
  await assert.rejects(records.next(), { code: 'MR_BYTES_INVALID' })
})
