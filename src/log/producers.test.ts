import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { SimulatedDisk } from '../platform/simulated/disk.ts'
import { isKafkaError, type KafkaErrorName } from '../protocol/error-codes.ts'
import { appendTo, batchOf, NOW_MS, openTestLog, readAll, readCommitted } from './log-fixture.ts'
import type { AppendResult } from './log-types.ts'
import type { PartitionLog } from './partition-log.ts'
import { ProducerEntry } from './producer-entry.ts'
import { decodeSnapshot, encodeSnapshot } from './producer-snapshot.ts'

const kafka = (name: KafkaErrorName) => (error: unknown) => isKafkaError(error, name)
const SEQUENCE_MAX = 2 ** 31 - 1

interface Sent {
  readonly id?: number
  readonly epoch?: number
  readonly sequence: number
  readonly count?: number
  readonly transactional?: boolean
}

function send(
  log: PartitionLog,
  { id = 7, epoch = 0, sequence, count = 1, transactional = false }: Sent,
): AppendResult {
  const records = Array.from({ length: count }, (_, number) => `${id}/${epoch}/${sequence + number}`)
  return appendTo(log, records, {
    producerId: id,
    producerEpoch: epoch,
    baseSequence: sequence,
    transactional,
  })
}

function end(
  log: PartitionLog,
  type: 'commit' | 'abort',
  { id = 7, epoch = 0, coordinatorEpoch = 0, version = 1 as 1 | 2 } = {},
): AppendResult {
  return log.appendControl({
    type,
    producerId: id,
    producerEpoch: epoch,
    coordinatorEpoch,
    nowMs: NOW_MS,
    transactionVersion: version,
  })
}

describe('idempotent producers', () => {
  it('get the first answer again for one of their last five batches', () => {
    const log = openTestLog()
    const first = [0, 1, 2, 3, 4, 5].map((number) => send(log, { sequence: number * 10, count: 10 }))
    for (const number of [1, 2, 3, 4, 5]) {
      const again = send(log, { sequence: number * 10, count: 10 })
      assert.deepEqual(again, { ...first[number]!, duplicate: true })
    }
    assert.equal(log.endOffset, 60)
    // The sixth last is forgotten: it counts as out of order, not as written.
    assert.throws(() => send(log, { sequence: 0, count: 10 }), kafka('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    assert.throws(() => send(log, { sequence: 50, count: 9 }), kafka('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    assert.equal(readAll(log).length, 60)
  })

  it('may not leave a gap, nor go back', () => {
    const log = openTestLog()
    send(log, { sequence: 0, count: 5 })
    assert.throws(() => send(log, { sequence: 6 }), kafka('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    assert.throws(() => send(log, { sequence: 4 }), kafka('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    assert.equal(send(log, { sequence: 5 }).baseOffset, 5)
  })

  it('may begin with any sequence when they are not known', () => {
    const log = openTestLog()
    send(log, { sequence: 1234 })
    assert.throws(() => send(log, { sequence: 1234, count: 2 }), kafka('OUT_OF_ORDER_SEQUENCE_NUMBER'))
  })

  it('go on with 0 behind 2^31 - 1, within a batch too', () => {
    const log = openTestLog()
    send(log, { sequence: SEQUENCE_MAX - 4, count: 3 })
    const across = send(log, { sequence: SEQUENCE_MAX - 1, count: 5 })
    assert.throws(() => send(log, { sequence: 0 }), kafka('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    assert.equal(send(log, { sequence: 3 }).baseOffset, 8)
    assert.deepEqual(send(log, { sequence: SEQUENCE_MAX - 1, count: 5 }), { ...across, duplicate: true })

    const exact = openTestLog()
    send(exact, { sequence: SEQUENCE_MAX, count: 1 })
    assert.equal(send(exact, { sequence: 0, count: 1 }).baseOffset, 1)
  })

  it('begin with 0 in a new epoch, after which the old one is fenced', () => {
    const log = openTestLog()
    send(log, { sequence: 0, count: 3 })
    assert.throws(() => send(log, { epoch: 1, sequence: 3 }), kafka('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    send(log, { epoch: 1, sequence: 0 })
    assert.throws(() => send(log, { epoch: 0, sequence: 3 }), kafka('INVALID_PRODUCER_EPOCH'))
    // The last batches of the old epoch are not known any more.
    assert.throws(() => send(log, { epoch: 0, sequence: 0, count: 3 }), kafka('INVALID_PRODUCER_EPOCH'))
    assert.equal(log.endOffset, 4)
  })

  it('are known after a restart, clean or not, with all five batches', async () => {
    for (const cleanShutdown of [true, false]) {
      for (const settings of [{}, { 'internal.segment.bytes': '400' }] as const) {
        const disk = new SimulatedDisk()
        const log = openTestLog({ disk, settings })
        const first = [0, 1, 2, 3, 4, 5].map((sequence) => send(log, { sequence }))
        for (let sequence = 0; sequence < 3; sequence++) send(log, { id: 8, sequence })
        if (cleanShutdown) await log.close()
        const opened = openTestLog({
          disk,
          settings,
          cleanShutdown,
          ...(cleanShutdown ? { recoveryPoint: 9 } : {}),
        })
        for (const sequence of [1, 2, 3, 4, 5]) {
          const again = send(opened, { sequence })
          assert.deepEqual([again.baseOffset, again.duplicate], [first[sequence]!.baseOffset, true])
        }
        assert.throws(() => send(opened, { sequence: 7 }), kafka('OUT_OF_ORDER_SEQUENCE_NUMBER'))
        assert.equal(send(opened, { sequence: 6 }).duplicate, false)
        assert.equal(opened.producers().length, 2)
      }
    }
  })

  it('are forgotten when they were not seen for long, unless in a transaction', () => {
    const log = openTestLog()
    send(log, { id: 1, sequence: 0 })
    send(log, { id: 2, sequence: 0, transactional: true })
    assert.equal(log.expireProducers(NOW_MS + 999, 1000), 0)
    assert.equal(log.expireProducers(NOW_MS + 1001, 1000), 1)
    assert.deepEqual(
      log.producers().map(({ producerId }) => producerId),
      [2],
    )
  })

  it('with several batches in one append are all checked before any is written', () => {
    const log = openTestLog()
    assert.throws(() => {
      const [first, second, wrong] = [0, 2, 5].map((baseSequence) =>
        batchOf(['a', 'b'], { producerId: 7, producerEpoch: 0, baseSequence }),
      )
      log.append(Buffer.concat([first!, second!, wrong!]), { origin: 'client', nowMs: NOW_MS })
    }, kafka('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    assert.deepEqual([log.endOffset, log.producers().length], [0, 0])
    assert.equal(send(log, { sequence: 0 }).baseOffset, 0)
  })
})

describe('transactions', () => {
  it('hide their records from read_committed until they end', () => {
    const log = openTestLog()
    appendTo(log, ['before'])
    send(log, { sequence: 0, count: 2, transactional: true })
    assert.deepEqual([log.lastStableOffset, log.hasOngoingTransaction(7)], [1, true])
    appendTo(log, ['after'])
    assert.deepEqual(
      readAll(log, { isolation: 'read_committed' }).map(({ value }) => value),
      ['before'],
    )
    assert.equal(readAll(log).length, 4)
    end(log, 'commit')
    assert.deepEqual([log.lastStableOffset, log.hasOngoingTransaction(7)], [5, false])
    const result = log.read({ fromOffset: 0, maxBytes: 9999, isolation: 'read_committed' })
    assert.deepEqual(result.abortedTransactions, [])
  })

  it('that are aborted are named to readers of their records, and to no others', () => {
    const log = openTestLog()
    appendTo(log, ['before'])
    send(log, { sequence: 0, count: 2, transactional: true })
    send(log, { id: 8, sequence: 0, transactional: true })
    end(log, 'abort')
    end(log, 'commit', { id: 8 })
    const aborted = (fromOffset: number, maxBytes = 9999): unknown =>
      log.read({ fromOffset, maxBytes, isolation: 'read_committed' }).abortedTransactions
    assert.deepEqual(aborted(0), [{ producerId: 7, firstOffset: 1 }])
    assert.deepEqual(aborted(0, 1), [])
    assert.deepEqual(aborted(3), [{ producerId: 7, firstOffset: 1 }])
    assert.deepEqual(aborted(5), [])
    assert.deepEqual(log.read({ fromOffset: 0, maxBytes: 9999 }).abortedTransactions, [])
  })

  it('cannot be mixed with other records of their producer, nor ended by old epochs or coordinators', () => {
    const log = openTestLog()
    send(log, { epoch: 3, sequence: 0, transactional: true })
    assert.throws(() => send(log, { epoch: 3, sequence: 1 }), kafka('INVALID_TXN_STATE'))
    assert.throws(() => end(log, 'commit', { epoch: 2 }), kafka('INVALID_PRODUCER_EPOCH'))
    end(log, 'commit', { epoch: 3, coordinatorEpoch: 5 })
    assert.throws(
      () => end(log, 'abort', { epoch: 3, coordinatorEpoch: 4 }),
      kafka('TRANSACTION_COORDINATOR_FENCED'),
    )
    assert.throws(
      () => send(log, { epoch: 2, sequence: 0, transactional: true }),
      kafka('INVALID_PRODUCER_EPOCH'),
    )
  })

  it('of version 2 end with the next epoch, whose marker may come twice', () => {
    const log = openTestLog()
    send(log, { epoch: 3, sequence: 0, transactional: true })
    assert.throws(() => end(log, 'commit', { epoch: 3, version: 2 }), kafka('INVALID_PRODUCER_EPOCH'))
    end(log, 'commit', { epoch: 4, version: 2 })
    end(log, 'commit', { epoch: 4, version: 2 })
    assert.equal(log.lastStableOffset, log.endOffset)
    assert.throws(
      () => send(log, { epoch: 3, sequence: 1, transactional: true }),
      kafka('INVALID_PRODUCER_EPOCH'),
    )
    send(log, { epoch: 4, sequence: 0, transactional: true })
    // A late marker of the transaction before does not end this one.
    assert.throws(() => end(log, 'commit', { epoch: 4, version: 2 }), kafka('INVALID_PRODUCER_EPOCH'))
    assert.equal(log.hasOngoingTransaction(7), true)
  })

  it('stay unstable while their marker is not on the disk, where readers wait for it', async () => {
    const log = openTestLog({ settings: { flush: 'group' } })
    send(log, { sequence: 0, transactional: true })
    await log.flush()
    end(log, 'abort')
    assert.deepEqual([log.highWatermark, log.lastStableOffset], [1, 0])
    await log.flush()
    assert.deepEqual([log.highWatermark, log.lastStableOffset], [2, 2])
  })

  it('take the broker’s own batches, which have no sequences', () => {
    const log = openTestLog()
    const batch = { producerId: 7, producerEpoch: 2, baseSequence: -1, transactional: true }
    for (const value of ['a', 'b'])
      log.append(batchOf([value], batch), { origin: 'coordinator', nowMs: NOW_MS })
    assert.throws(
      () =>
        log.append(batchOf(['c'], { ...batch, producerEpoch: 1 }), { origin: 'coordinator', nowMs: NOW_MS }),
      kafka('INVALID_PRODUCER_EPOCH'),
    )
    assert.equal(log.lastStableOffset, 0)
  })
})

type Step =
  | { readonly kind: 'plain' }
  | { readonly kind: 'write'; readonly id: number; readonly count: number }
  | { readonly kind: 'end'; readonly id: number; readonly commit: boolean }
  | { readonly kind: 'restart'; readonly clean: boolean }
  | { readonly kind: 'flush' }

const steps = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.constant<Step>({ kind: 'plain' }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        id: fc.nat(3),
        count: fc.integer({ min: 1, max: 4 }),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('end' as const), id: fc.nat(3), commit: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), clean: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'flush' }) },
  ),
  { minLength: 1, maxLength: 80 },
)

/** What a log must show, kept in lists. */
class Model {
  readonly records: {
    readonly value: string
    readonly id: number
    open: boolean
    aborted: boolean
    readonly marker: boolean
  }[] = []
  readonly sequences = new Map<number, number>()

  add(value: string, id: number, transactional: boolean): void {
    this.records.push({ value, id, open: transactional, aborted: false, marker: false })
  }

  end(id: number, commit: boolean): void {
    for (const record of this.records) {
      if (record.id !== id || !record.open) continue
      record.open = false
      record.aborted = !commit
    }
    this.records.push({ value: '', id, open: false, aborted: false, marker: true })
  }

  get lastStableOffset(): number {
    const open = this.records.findIndex((record) => record.open)
    return open < 0 ? this.records.length : open
  }

  get committed(): string[] {
    return this.records
      .slice(0, this.lastStableOffset)
      .filter(({ marker, aborted }) => !marker && !aborted)
      .map(({ value }) => value)
  }
}

describe('a log with transactions, against lists', () => {
  it('shows the same last stable offset and the same committed records', async () => {
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.integer({ min: 1, max: 1500 }),
        fc.boolean(),
        async (list, maxBytes, group) => {
          const disk = new SimulatedDisk()
          const settings = {
            'internal.segment.bytes': '700',
            'index.interval.bytes': '150',
            flush: group ? 'group' : 'os',
          }
          let log = openTestLog({ disk, settings })
          const model = new Model()
          for (const step of list) {
            if (step.kind === 'plain') {
              appendTo(log, ['plain'])
              model.add('plain', -1, false)
            } else if (step.kind === 'write') {
              const sequence = model.sequences.get(step.id) ?? 0
              send(log, { id: step.id, sequence, count: step.count, transactional: true })
              model.sequences.set(step.id, sequence + step.count)
              for (let number = 0; number < step.count; number++)
                model.add(`${step.id}/0/${sequence + number}`, step.id, true)
            } else if (step.kind === 'end') {
              end(log, step.commit ? 'commit' : 'abort', { id: step.id })
              model.end(step.id, step.commit)
            } else if (step.kind === 'flush') {
              await log.flush()
            } else {
              const recoveryPoint = step.clean ? log.endOffset : 0
              if (step.clean) await log.close()
              log = openTestLog({ disk, settings, cleanShutdown: step.clean, recoveryPoint })
            }
            if (!group) assert.equal(log.lastStableOffset, model.lastStableOffset)
          }
          await log.flush()
          assert.equal(log.lastStableOffset, model.lastStableOffset)
          assert.equal(log.endOffset, model.records.length)
          assert.deepEqual(
            readCommitted(log, maxBytes).map(({ value }) => value),
            model.committed,
          )
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('producer snapshots', () => {
  const entry = (id: number): ProducerEntry => {
    const made = new ProducerEntry(id)
    for (let number = 0; number <= id % 7; number++) {
      made.addBatch(3, {
        lastSequence: number * 3 + 2,
        lastOffset: number * 9 + 2,
        offsetDelta: 2,
        timestampMs: number,
      })
    }
    made.coordinatorEpoch = id - 1
    made.transactionFirstOffset = id % 2 === 0 ? 5 : -1
    return made
  }

  it('give back what was written', () => {
    const entries = [entry(1), entry(2), entry(6), new ProducerEntry(99)]
    assert.deepEqual(decodeSnapshot(encodeSnapshot(entries)), entries)
    assert.deepEqual(decodeSnapshot(encodeSnapshot([])), [])
  })

  it('are refused when cut off anywhere, when a bit is flipped, when of another version', () => {
    const bytes = encodeSnapshot([entry(1), entry(6)])
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(typeof decodeSnapshot(bytes.subarray(0, length)), 'string')
    }
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      assert.equal(typeof decodeSnapshot(flipped), 'string', `bit ${bit}`)
    }
  })
})
