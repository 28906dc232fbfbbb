import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecordBatchBuilder } from '../../protocol/record-batch/record-batch-builder.ts'
import { sequenceAfter } from '../../protocol/record-batch/sequence.ts'
import type { NegotiatedConnection } from '../connection/negotiated.ts'
import { PartitionQueue } from './partition-queue.ts'
import { PendingBatch, type ProducerEpoch } from './pending-batch.ts'

const connections = [{} as NegotiatedConnection, {} as NegotiatedConnection] as const
const IN_FLIGHT_MAX = 5

function newBatch(serial: number, records = 1): PendingBatch {
  const builder = new RecordBatchBuilder({ initialBytes: 256 })
  for (let index = 0; index < records; index++) builder.append(0, null, Buffer.from([serial]))
  return new PendingBatch({
    serial,
    builder,
    receipt: { acknowledge() {}, fail() {} },
    createdMs: 0,
    deadlineMs: 0,
    open: false,
  })
}

/**
 * What a broker does with sequences (KIP-98): five batches are remembered. Of a producer that it knows nothing about
 * it takes any first sequence.
 */
class BrokerPartition {
  readonly log: number[] = []
  private epoch = -1
  private nextSequence = 0
  private recent: number[] = []

  append(batch: PendingBatch, epoch: number, baseSequence: number): 'written' | 'out-of-order' | 'fenced' {
    if (epoch < this.epoch) return 'fenced'
    if (epoch > this.epoch) {
      if (baseSequence !== 0 && this.epoch >= 0) return 'out-of-order'
      this.epoch = epoch
      this.recent = []
    } else {
      if (this.recent.includes(baseSequence)) return 'written'
      if (baseSequence !== this.nextSequence) return 'out-of-order'
    }
    this.log.push(batch.serial)
    this.recent = [...this.recent, baseSequence].slice(-IN_FLIGHT_MAX)
    this.nextSequence = sequenceAfter(baseSequence, batch.recordCount)
    return 'written'
  }
}

interface OnTheWay {
  readonly batch: PendingBatch
  readonly epoch: number
  readonly baseSequence: number
}

/** A queue, a broker, and a connection between them that delivers in order or breaks. */
class World {
  readonly queue = new PartitionQueue('t', 0)
  readonly broker = new BrokerPartition()
  readonly acknowledged: number[] = []
  readonly refused: number[] = []
  readonly expired: number[] = []
  private identity: ProducerEpoch = { producerId: 1, epoch: 0 }
  private wire: OnTheWay[] = []
  private connection = 0
  private serial = 0

  push(): void {
    this.queue.push(newBatch(this.serial++, 1 + (this.serial % 3)))
  }

  send(): void {
    const { queue } = this
    if (queue.needsEpoch) {
      if (queue.currentEpoch === this.identity) {
        this.identity = { producerId: 1, epoch: this.identity.epoch + 1 }
      }
      queue.restart()
    }
    const connection = connections[this.connection]!
    if (!queue.maySend(connection, IN_FLIGHT_MAX, 0)) return
    const batch = queue.take(connection, this.identity)
    batch.seal(false)
    this.wire.push({ batch, epoch: batch.epoch!.epoch, baseSequence: batch.baseSequence })
  }

  /** The broker handles the oldest request and the answer arrives. */
  answer(how: 'well' | 'not-leader' | 'refuse'): void {
    const one = this.wire.shift()
    if (one === undefined) return
    const { batch, baseSequence, epoch } = one
    if (how === 'not-leader') {
      this.queue.retry(batch)
      return
    }
    // A broker looks at sequences before or after it refuses a batch; here it is before, which is the harder case.
    const result = how === 'refuse' ? 'refused' : this.broker.append(batch, epoch, baseSequence)
    if (result === 'refused' && batch.unsure) this.queue.retry(batch)
    else if (result === 'refused') {
      this.queue.drop(batch)
      this.refused.push(batch.serial)
    } else if (result === 'written') {
      this.queue.acknowledge(batch, 0)
      this.acknowledged.push(batch.serial)
    } else this.queue.outOfOrder(batch)
  }

  /**
   * The connection breaks after the broker has handled the first `handled` requests; no answer arrives. The first
   * `expired` batches are not tried again.
   */
  breakOff(handled: number, expired: number): void {
    const lost = this.wire.splice(0)
    for (const [index, { batch, baseSequence, epoch }] of lost.entries()) {
      if (index < handled) this.broker.append(batch, epoch, baseSequence)
      batch.unsure = true
    }
    for (const [index, { batch }] of lost.entries()) {
      if (index < expired) {
        this.queue.drop(batch)
        this.expired.push(batch.serial)
      } else this.queue.retry(batch)
    }
    this.connection = 1 - this.connection
  }

  /** The head waits too long. */
  expireHead(): void {
    const { head } = this.queue
    if (head === undefined) return
    for (const batch of this.queue.dropWaiting((one) => one === head)) this.expired.push(batch.serial)
  }

  finish(): void {
    for (let step = 0; !this.queue.isEmpty; step++) {
      assert.ok(step < 10_000, 'the queue gets empty when nothing fails any more')
      this.send()
      this.answer('well')
    }
  }

  check(): void {
    const { log } = this.broker
    assert.deepEqual(
      log,
      [...new Set(log)].sort((a, b) => a - b),
      'in order, each once',
    )
    for (const serial of this.acknowledged) assert.ok(log.includes(serial), `${serial} was acknowledged`)
    for (const serial of this.refused) assert.ok(!log.includes(serial), `${serial} was refused`)
    const settled = [...this.acknowledged, ...this.refused, ...this.expired].sort((a, b) => a - b)
    assert.deepEqual(
      settled,
      Array.from({ length: this.serial }, (_, index) => index),
      'each is settled once',
    )
  }
}

type Step = (world: World) => void

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>((world) => world.push()) },
  { weight: 8, arbitrary: fc.constant<Step>((world) => world.send()) },
  { weight: 6, arbitrary: fc.constant<Step>((world) => world.answer('well')) },
  { weight: 1, arbitrary: fc.constant<Step>((world) => world.answer('not-leader')) },
  { weight: 1, arbitrary: fc.constant<Step>((world) => world.answer('refuse')) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(5), fc.nat(3)).map<Step>(
      ([handled, expired]) =>
        (world) =>
          world.breakOff(handled, expired),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Step>((world) => world.expireHead()) },
)

test('whatever fails, a partition holds acknowledged batches once and in order, and refused ones never', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 80 }), (run) => {
      const world = new World()
      for (const step of run) step(world)
      world.finish()
      world.check()
    }),
    { numRuns: 3000 },
  )
})

test('batches behind a refused one take over its sequence', () => {
  const queue = new PartitionQueue('t', 0)
  const epoch = { producerId: 1, epoch: 0 }
  const [connection] = connections
  const batches = [0, 1, 2].map((serial) => newBatch(serial, 10))
  for (const batch of batches) queue.push(batch)
  for (const batch of batches) assert.equal(queue.take(connection, epoch), batch)
  assert.deepEqual(
    batches.map(({ baseSequence }) => baseSequence),
    [0, 10, 20],
  )
  queue.drop(batches[0]!)
  assert.equal(queue.maySend(connection, 5, 0), false)
  queue.outOfOrder(batches[1]!)
  queue.outOfOrder(batches[2]!)
  assert.equal(queue.needsEpoch, false)
  assert.equal(queue.take(connection, epoch), batches[1])
  assert.equal(batches[1]!.baseSequence, 0)
})

test('batches behind one that may have been written keep their sequences until the broker tells', () => {
  const queue = new PartitionQueue('t', 0)
  const epoch = { producerId: 1, epoch: 0 }
  const [connection] = connections
  const [first, second] = [newBatch(0), newBatch(1)]
  queue.push(first)
  queue.push(second)
  queue.take(connection, epoch)
  queue.take(connection, epoch)
  first.unsure = true
  second.unsure = true
  queue.drop(first)
  queue.retry(second)
  assert.equal(queue.needsEpoch, false)
  queue.take(connection, epoch)
  assert.equal(second.baseSequence, 1)
  queue.outOfOrder(second)
  assert.equal(queue.needsEpoch, true)
  queue.restart()
  queue.take(connection, { producerId: 1, epoch: 1 })
  assert.equal(second.baseSequence, 0)
  assert.equal(second.epoch?.epoch, 1)
})

test('nothing goes over another connection while something is under way', () => {
  const queue = new PartitionQueue('t', 0)
  const epoch = { producerId: 1, epoch: 0 }
  queue.push(newBatch(0))
  queue.acknowledge(queue.take(connections[0], epoch), 0)
  queue.push(newBatch(1))
  queue.push(newBatch(2))
  const batch = queue.take(connections[0], epoch)
  assert.equal(queue.maySend(connections[1], 5, 0), false)
  assert.equal(queue.maySend(connections[0], 5, 0), true)
  queue.acknowledge(batch, 0)
  assert.equal(queue.maySend(connections[1], 5, 0), true)
})

test('until a broker knows the producer, and after a long rest, one batch is under way', () => {
  const queue = new PartitionQueue('t', 0)
  const [connection] = connections
  const epoch = { producerId: 1, epoch: 0 }
  for (let serial = 0; serial < 4; serial++) queue.push(newBatch(serial))
  const first = queue.take(connection, epoch)
  assert.equal(queue.maySend(connection, 5, 0), false)
  queue.acknowledge(first, 0)
  const second = queue.take(connection, epoch)
  assert.equal(queue.maySend(connection, 5, 1000), true)
  assert.equal(queue.maySend(connection, 5, 24 * 3_600_000), false)
  queue.acknowledge(second, 1000)
  queue.take(connection, { producerId: 2, epoch: 0 })
  assert.equal(queue.maySend(connection, 5, 1000), false)
})
