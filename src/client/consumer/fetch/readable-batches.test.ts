import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { controlBatch } from '../../../protocol/record-batch/control-batch.ts'
import { RecordBatchBuilder } from '../../../protocol/record-batch/record-batch-builder.ts'
import { RecordBatchReader } from '../../../protocol/record-batch/record-batch-reader.ts'
import { type AbortedTransaction, readableBatches } from './readable-batches.ts'

interface Log {
  readonly bytes: Buffer
  /** Offset and text of every data record, and whether its transaction was aborted. */
  readonly records: readonly { readonly offset: number; readonly text: string; readonly aborted: boolean }[]
  readonly aborted: readonly AbortedTransaction[]
  readonly endOffset: number
}

type Step =
  | { readonly kind: 'plain'; readonly count: number }
  | { readonly kind: 'write'; readonly producer: number; readonly count: number }
  | { readonly kind: 'end'; readonly producer: number; readonly commit: boolean }

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('plain' as const), count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({
    kind: fc.constant('write' as const),
    producer: fc.integer({ min: 1, max: 3 }),
    count: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({
    kind: fc.constant('end' as const),
    producer: fc.integer({ min: 1, max: 3 }),
    commit: fc.boolean(),
  }),
)

/** Writes a log as a broker would; transactions that are open in the end are aborted. */
function build(run: readonly Step[]): Log {
  const pieces: Buffer[] = []
  const records: { offset: number; text: string; aborted: boolean }[] = []
  const aborted: AbortedTransaction[] = []
  const open = new Map<number, { first: number; written: { aborted: boolean }[] }>()
  let offset = 0
  const end = (producer: number, commit: boolean): void => {
    const transaction = open.get(producer)
    if (transaction === undefined) return
    open.delete(producer)
    const type = commit ? 'commit' : 'abort'
    const batch = { producerId: producer, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: 0 }
    pieces.push(controlBatch({ ...batch, type, baseOffset: offset++ }))
    if (commit) return
    for (const one of transaction.written) one.aborted = true
    aborted.push({ producerId: BigInt(producer), firstOffset: BigInt(transaction.first) })
  }
  for (const step of run) {
    if (step.kind === 'end') {
      end(step.producer, step.commit)
      continue
    }
    const builder = new RecordBatchBuilder({ initialBytes: 256 })
    const producer = step.kind === 'write' ? step.producer : undefined
    const transaction =
      producer === undefined ? undefined : (open.get(producer) ?? { first: offset, written: [] })
    if (producer !== undefined && transaction !== undefined) open.set(producer, transaction)
    const baseOffset = offset
    for (let index = 0; index < step.count; index++) {
      const record = { offset: offset++, text: `r${records.length}`, aborted: false }
      builder.append(0, null, Buffer.from(record.text))
      records.push(record)
      transaction?.written.push(record)
    }
    const numbers =
      producer === undefined
        ? {}
        : { producerId: producer, producerEpoch: 0, baseSequence: 0, transactional: true }
    pieces.push(builder.seal({ ...numbers, baseOffset }))
  }
  for (const producer of [...open.keys()]) end(producer, false)
  return { bytes: Buffer.concat(pieces), records, aborted, endOffset: offset }
}

/** What a broker sends for a position: from the batch that holds it, and the aborted transactions that reach there. */
function fetchFrom(
  log: Log,
  position: number,
  cut: number,
): { bytes: Buffer; aborted: AbortedTransaction[] } {
  const reader = new RecordBatchReader()
  let start = 0
  while (start < log.bytes.length) {
    reader.reset(log.bytes, start)
    if (reader.lastOffset >= position) break
    start = reader.batchEnd
  }
  const end = Math.max(start, log.bytes.length - cut)
  return { bytes: log.bytes.subarray(start, end), aborted: [...log.aborted].reverse() }
}

function textsOf(bytes: Buffer, from: number): string[] {
  const reader = new RecordBatchReader()
  const texts: string[] = []
  for (let start = 0; start < bytes.length; start = reader.batchEnd) {
    reader.reset(bytes, start)
    while (reader.next()) {
      if (reader.offset >= from) texts.push(reader.body.utf8Slice(reader.valueStart, reader.valueEnd))
    }
  }
  return texts
}

test('read_committed sees exactly the records that are not of aborted transactions', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 30 }), fc.nat(), (run, chosen) => {
      const log = build(run)
      const position = log.endOffset === 0 ? 0 : chosen % log.endOffset
      const answer = fetchFrom(log, position, 0)
      // A broker names transactions that reach into the answer: not those that ended before it.
      const firstOffset = answer.bytes.length === 0 ? 0 : Number(answer.bytes.readBigInt64BE(0))
      const relevant = answer.aborted.filter((one) => endOfTransaction(log, one) >= firstOffset)
      const readable = readableBatches(answer.bytes, {
        position,
        abortedTransactions: relevant,
        checkCrcs: true,
      })
      const expected = log.records.filter(({ offset, aborted }) => offset >= position && !aborted)
      assert.deepEqual(
        textsOf(readable.bytes, position),
        expected.map(({ text }) => text),
      )
      assert.equal(readable.nextOffset, Math.max(position, log.endOffset))
    }),
  )
})

/** The offset of the abort marker: the first control batch of the producer behind the transaction's start. */
function endOfTransaction(log: Log, { producerId, firstOffset }: AbortedTransaction): number {
  const reader = new RecordBatchReader()
  for (let start = 0; start < log.bytes.length; start = reader.batchEnd) {
    reader.reset(log.bytes, start)
    const own = reader.isControl && BigInt(reader.producerId) === producerId
    if (own && BigInt(reader.baseOffset) >= firstOffset) return reader.baseOffset
  }
  return Number.POSITIVE_INFINITY
}

test('read_uncommitted sees all data records and no markers', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 20 }), (run) => {
      const log = build(run)
      const readable = readableBatches(log.bytes, { position: 0, abortedTransactions: null, checkCrcs: true })
      assert.deepEqual(
        textsOf(readable.bytes, 0),
        log.records.map(({ text }) => text),
      )
    }),
  )
})

test('a batch that is cut off at the end waits for the next fetch', () => {
  const log = build([
    { kind: 'plain', count: 2 },
    { kind: 'plain', count: 3 },
  ])
  const { bytes } = fetchFrom(log, 0, 1)
  const readable = readableBatches(bytes, { position: 0, abortedTransactions: null, checkCrcs: true })
  assert.equal(readable.nextOffset, 2)
  assert.deepEqual(textsOf(readable.bytes, 0), ['r0', 'r1'])
})

test('nothing is copied when nothing lies between', () => {
  const log = build([
    { kind: 'plain', count: 2 },
    { kind: 'write', producer: 1, count: 1 },
    { kind: 'end', producer: 1, commit: true },
  ])
  const readable = readableBatches(log.bytes, { position: 0, abortedTransactions: [], checkCrcs: false })
  assert.equal(readable.bytes.buffer, log.bytes.buffer)
  assert.equal(readable.nextOffset, 4)
})

test('a flipped bit is found when checksums are looked at, and only then', () => {
  const log = build([{ kind: 'plain', count: 2 }])
  log.bytes[log.bytes.length - 2]! ^= 1
  const options = { position: 0, abortedTransactions: null }
  assert.throws(() => readableBatches(log.bytes, { ...options, checkCrcs: true }), { code: 'MR_CHECKSUM' })
  assert.equal(readableBatches(log.bytes, { ...options, checkCrcs: false }).nextOffset, 2)
})
