import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MillraceError } from '../../core/errors.ts'
import { type Simulation, simulatedPlatform } from '../../platform/simulated/platform.ts'
import { baseSequenceOf, producerEpochOf } from '../../protocol/record-batch/layout.ts'
import { Cluster } from '../cluster.ts'
import { metadataAnswer, ScriptedConnection } from '../scripted-connection-fixture.ts'
import { createProducer, type Producer } from './producer.ts'
import {
  nextTransactionState,
  type TransactionEvent,
  transactionEvents,
  transactionStates,
  transactionTable,
} from './transaction-state.ts'

const group = { group: 'g', generation: 1, memberId: 'm', groupInstanceId: null }

/** A coordinator and a leader in a script, whose next answers can be made to fail. */
class World {
  readonly simulation: Simulation = simulatedPlatform({ seed: 'transactions' })
  readonly connection: ScriptedConnection
  readonly producer: Producer
  /** Codes to answer with, by API, one per request. */
  readonly faults = new Map<string, number[]>()
  /** APIs of which the next answer is lost. */
  readonly losses = new Set<string>()
  private epoch = 0

  constructor(version: 1 | 2, versionsMax: Readonly<Record<string, number>> = {}) {
    const code = (api: string): number => {
      if (this.losses.delete(api)) throw new MillraceError('MR_CONNECTION_LOST', 'lost', { retriable: true })
      return this.faults.get(api)?.shift() ?? 0
    }
    this.connection = new ScriptedConnection(
      {
        Metadata: () => metadataAnswer({ t: 3 }),
        FindCoordinator: ({ coordinatorKeys: [key] }) => ({
          coordinators: [{ key, nodeId: 0, host: 'b0', port: 9092, errorCode: 0, errorMessage: null }],
        }),
        InitProducerId: () => ({
          errorCode: code('InitProducerId'),
          producerId: 9n,
          producerEpoch: this.epoch++,
        }),
        AddPartitionsToTxn: ({ v3AndBelowTopics }) => {
          const errorCode = code('AddPartitionsToTxn')
          return {
            resultsByTopicV3AndBelow: v3AndBelowTopics.map(
              (topic: { name: string; partitions: number[] }) => ({
                name: topic.name,
                resultsByPartition: topic.partitions.map((partitionIndex) => ({
                  partitionIndex,
                  partitionErrorCode: errorCode,
                })),
              }),
            ),
          }
        },
        AddOffsetsToTxn: () => ({ errorCode: code('AddOffsetsToTxn') }),
        TxnOffsetCommit: ({ topics }) => {
          const errorCode = code('TxnOffsetCommit')
          return {
            topics: topics.map((topic: { name: string; partitions: { partitionIndex: number }[] }) => ({
              name: topic.name,
              partitions: topic.partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
            })),
          }
        },
        EndTxn: (_request, endVersion) => ({
          errorCode: code('EndTxn'),
          ...(endVersion >= 5 ? { producerId: 9n, producerEpoch: this.epoch++ } : {}),
        }),
        Produce: ({ topicData }) => {
          const errorCode = code('Produce')
          return {
            responses: topicData.map(
              (topic: { name: string; topicId: Buffer; partitionData: { index: number }[] }) => ({
                name: topic.name,
                topicId: topic.topicId,
                partitionResponses: topic.partitionData.map(({ index }) => ({
                  index,
                  errorCode,
                  baseOffset: 0n,
                })),
              }),
            ),
          }
        },
      },
      { 'transaction.version': version },
      versionsMax,
    )
    const cluster = new Cluster({ platform: this.simulation, connect: () => this.connection })
    this.producer = createProducer(cluster, { transactionalId: 'x' })
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.simulation.runUntil(promise)
  }

  async init(): Promise<void> {
    await this.run(this.producer.init())
  }

  send(partition = 0): Promise<unknown> {
    return this.run(this.producer.send({ topic: 't', partition, value: 'v' }))
  }

  /** The names of the requests that belong to transactions, with their versions, in order. */
  get requests(): string[] {
    const own = [
      'InitProducerId',
      'AddPartitionsToTxn',
      'AddOffsetsToTxn',
      'TxnOffsetCommit',
      'EndTxn',
      'Produce',
    ]
    return this.connection.sent
      .filter(({ api }) => own.includes(api))
      .map(({ api, version, request }) =>
        api === 'EndTxn' ? `${request.committed ? 'commit' : 'abort'} v${version}` : `${api} v${version}`,
      )
  }

  get batches(): { epoch: number; sequence: number }[] {
    return this.connection.of('Produce').flatMap(({ request }) =>
      request.topicData.flatMap(({ partitionData }: { partitionData: { records: Buffer }[] }) =>
        partitionData.map(({ records }) => ({
          epoch: producerEpochOf(records, 0),
          sequence: baseSequenceOf(records, 0),
        })),
      ),
    )
  }
}

test('version 1 adds partitions and groups before they are written, once per transaction', async () => {
  const world = new World(1)
  await world.init()
  for (let round = 0; round < 2; round++) {
    world.producer.begin()
    await world.send(0)
    await world.send(0)
    await world.run(world.producer.sendOffsets(group, [{ topic: 't', partition: 1, offset: 5 }]))
    await world.run(world.producer.sendOffsets(group, [{ topic: 't', partition: 2, offset: 6 }]))
    await world.run(world.producer.commit())
  }
  const round = [
    'AddPartitionsToTxn v3',
    'Produce v11',
    'Produce v11',
    'AddOffsetsToTxn v4',
    'TxnOffsetCommit v4',
    'TxnOffsetCommit v4',
    'commit v4',
  ]
  assert.deepEqual(world.requests, ['InitProducerId v5', ...round, ...round])
  assert.deepEqual(
    world.batches.map(({ epoch, sequence }) => [epoch, sequence]),
    [
      [0, 0],
      [0, 1],
      [0, 2],
      [0, 3],
    ],
  )
})

test('version 2 adds nothing beforehand, and each transaction has an epoch of its own', async () => {
  const world = new World(2)
  await world.init()
  for (let round = 0; round < 2; round++) {
    world.producer.begin()
    await world.send(0)
    await world.run(world.producer.sendOffsets(group, [{ topic: 't', partition: 1, offset: 5 }]))
    await world.run(world.producer.commit())
  }
  const round = ['Produce v13', 'TxnOffsetCommit v5', 'commit v5']
  assert.deepEqual(world.requests, ['InitProducerId v5', ...round, ...round])
  assert.deepEqual(world.batches, [
    { epoch: 0, sequence: 0 },
    { epoch: 1, sequence: 0 },
  ])
})

test('a transaction without any effect ends without a request', async () => {
  for (const version of [1, 2] as const) {
    const world = new World(version)
    await world.init()
    world.producer.begin()
    await world.run(world.producer.commit())
    world.producer.begin()
    await world.run(world.producer.abort())
    assert.deepEqual(world.requests, ['InitProducerId v5'])
  }
})

test('a coordinator that is still at work is asked again within milliseconds', async () => {
  const world = new World(1)
  await world.init()
  world.faults.set('AddPartitionsToTxn', [51, 51, 51])
  world.producer.begin()
  const startMs = world.simulation.clock.monotonicMs()
  await world.send(0)
  assert.ok(world.simulation.clock.monotonicMs() - startMs < 20)
  await world.run(world.producer.commit())
})

test('a coordinator that has moved is looked up anew', async () => {
  const world = new World(1)
  await world.init()
  const before = world.connection.of('FindCoordinator').length
  world.faults.set('EndTxn', [16, 14, 15])
  world.producer.begin()
  await world.send(0)
  await world.run(world.producer.commit())
  assert.equal(world.connection.of('FindCoordinator').length, before + 2)
})

test('a refused position leaves only the abort; the next transaction works', async () => {
  for (const version of [1, 2] as const) {
    const world = new World(version)
    await world.init()
    world.faults.set('TxnOffsetCommit', [22])
    world.producer.begin()
    await world.send(0)
    await world.run(
      assert.rejects(world.producer.sendOffsets(group, [{ topic: 't', partition: 0, offset: 1 }]), {
        code: 'MR_KAFKA',
        message: /ILLEGAL_GENERATION/,
      }),
    )
    await world.run(assert.rejects(world.producer.commit(), { code: 'MR_TRANSACTION_STATE' }))
    await world.run(world.producer.abort())
    world.producer.begin()
    await world.send(0)
    await world.run(world.producer.commit())
    assert.equal(world.requests.at(-1), version === 1 ? 'commit v4' : 'commit v5')
  }
})

test('a lost sequence ends the transaction, and version 1 asks for a new epoch after the abort', async () => {
  const world = new World(1)
  await world.init()
  world.producer.begin()
  await world.send(0)
  world.faults.set('Produce', [45])
  await assert.rejects(world.send(0), { message: /OUT_OF_ORDER_SEQUENCE_NUMBER/ })
  await world.run(world.producer.abort())
  assert.deepEqual(world.requests.slice(-2), ['abort v4', 'InitProducerId v5'])
  const [, bump] = world.connection.of('InitProducerId')
  assert.deepEqual([bump?.request.producerId, bump?.request.producerEpoch], [9n, 0])
  world.producer.begin()
  await world.send(0)
  assert.deepEqual(world.batches.at(-1), { epoch: 1, sequence: 0 })
})

test('version 1 ends no transaction at the coordinator that it does not know of', async () => {
  const TOPIC_AUTHORIZATION_FAILED = 29
  const world = new World(1)
  await world.init()
  world.producer.begin()
  world.faults.set('AddPartitionsToTxn', [TOPIC_AUTHORIZATION_FAILED])
  await assert.rejects(world.send(0), { message: /TOPIC_AUTHORIZATION_FAILED/ })
  await world.run(world.producer.abort())
  assert.deepEqual(world.requests, ['InitProducerId v5', 'AddPartitionsToTxn v3'])
  world.producer.begin()
  await world.send(1)
  // One partition is part of it, so this time there is something to abort.
  world.faults.set('AddPartitionsToTxn', [TOPIC_AUTHORIZATION_FAILED])
  await assert.rejects(world.send(0), { message: /TOPIC_AUTHORIZATION_FAILED/ })
  await world.run(world.producer.abort())
  assert.equal(world.requests.at(-1), 'abort v4')
  assert.equal(world.connection.of('InitProducerId').length, 1)
})

test('whether it knows is in doubt after a lost answer: then version 1 aborts with a newer epoch', async () => {
  const TOPIC_AUTHORIZATION_FAILED = 29
  const world = new World(1)
  await world.init()
  world.producer.begin()
  world.losses.add('AddPartitionsToTxn')
  world.faults.set('AddPartitionsToTxn', [TOPIC_AUTHORIZATION_FAILED])
  await assert.rejects(world.send(0), { message: /TOPIC_AUTHORIZATION_FAILED/ })
  await world.run(world.producer.abort())
  const [, bump] = world.connection.of('InitProducerId')
  assert.deepEqual([bump?.request.producerId, bump?.request.producerEpoch], [9n, 0])
  assert.equal(world.requests.at(-1), 'InitProducerId v5')
  world.producer.begin()
  await world.send(0)
  assert.deepEqual(world.batches, [{ epoch: 1, sequence: 0 }])
})

test('brokers that announce version 2 without its requests are spoken to in version 1', async () => {
  for (const api of ['Produce', 'TxnOffsetCommit', 'EndTxn']) {
    const world = new World(2, { [api]: { Produce: 11, TxnOffsetCommit: 4, EndTxn: 4 }[api]! })
    await world.init()
    world.producer.begin()
    await world.send(0)
    await world.run(world.producer.commit())
    assert.deepEqual(world.requests, [
      'InitProducerId v5',
      'AddPartitionsToTxn v3',
      'Produce v11',
      'commit v4',
    ])
  }
})

test('a fenced producer is at its end, by name', async () => {
  const world = new World(2)
  await world.init()
  world.producer.begin()
  await world.send(0)
  world.faults.set('EndTxn', [90])
  await world.run(assert.rejects(world.producer.commit(), { code: 'MR_PRODUCER_FENCED' }))
  assert.throws(() => world.producer.begin(), { code: 'MR_PRODUCER_FENCED' })
  await assert.rejects(world.producer.send({ topic: 't', value: 'v' }), { code: 'MR_PRODUCER_FENCED' })
  await world.run(assert.rejects(world.producer.abort(), { code: 'MR_PRODUCER_FENCED' }))
})

test('a commit without an answer may be called again, and nothing else', async () => {
  const world = new World(1)
  await world.init()
  world.producer.begin()
  await world.send(0)
  world.faults.set(
    'EndTxn',
    Array.from({ length: 500 }, () => 14),
  )
  await world.run(assert.rejects(world.producer.commit(), { code: 'MR_TIMEOUT' }))
  await world.run(assert.rejects(world.producer.abort(), { code: 'MR_TRANSACTION_STATE' }))
  assert.throws(() => world.producer.begin(), { code: 'MR_TRANSACTION_STATE' })
  world.faults.clear()
  await world.run(world.producer.commit())
  world.producer.begin()
})

test('after an answer that did not come, version 1 begins the next transaction with a newer epoch', async () => {
  // What was not answered may still be on its way, and with the old epoch it would end the next transaction.
  for (const [api, asks] of [
    ['EndTxn', 'commit v4'],
    ['TxnOffsetCommit', 'TxnOffsetCommit v4'],
  ] as const) {
    const world = new World(1)
    await world.init()
    world.producer.begin()
    await world.send(0)
    world.losses.add(api)
    await world.run(world.producer.sendOffsets(group, [{ topic: 't', partition: 0, offset: 1 }]))
    await world.run(world.producer.commit())
    assert.equal(world.requests.filter((request) => request === asks).length, 2)
    world.producer.begin()
    await world.send(0)
    const [, bump] = world.connection.of('InitProducerId')
    assert.deepEqual([bump?.request.producerId, bump?.request.producerEpoch], [9n, 0])
    assert.deepEqual(world.batches.at(-1), { epoch: 1, sequence: 0 })
    await world.run(world.producer.commit())
    world.producer.begin()
    await world.send(0)
    assert.equal(world.connection.of('InitProducerId').length, 2, 'once is enough')
  }
})

test('nothing leaves the state fatal, and batches go out in open and committing only', () => {
  for (const event of transactionEvents) {
    const next = transactionTable.fatal[event]
    assert.ok(next === 'fatal' || typeof next !== 'string')
  }
  for (const state of transactionStates) assert.equal(transactionTable[state].fence, 'fatal')
})

test('the producer follows the table of states, whatever is called in whatever order', async () => {
  const call = fc.constantFrom('begin', 'commit', 'abort', 'send', 'fail')
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(1 as const, 2 as const),
      fc.array(call, { maxLength: 12 }),
      async (version, calls) => {
        const world = new World(version)
        await world.init()
        let model = nextTransactionState('initializing', 'initialized')
        const expect = (event: TransactionEvent): boolean => {
          try {
            model = nextTransactionState(model, event)
            return true
          } catch {
            return false
          }
        }
        for (const name of calls) {
          const outcome = await perform(world, name)
          if (name === 'send' || name === 'fail') {
            assert.equal(outcome, name === 'send' && model === 'open', `${name} in ${model}`)
            if (name === 'fail' && model === 'open') model = nextTransactionState(model, 'fail')
            continue
          }
          assert.equal(outcome, expect(name as TransactionEvent), `${name} in ${model}`)
          if (model === 'committing' || model === 'aborting') model = nextTransactionState(model, 'ended')
        }
      },
    ),
    { numRuns: 60 },
  )
})

/** Whether the call succeeded. */
async function perform(world: World, name: string): Promise<boolean> {
  const { producer } = world
  try {
    if (name === 'begin') producer.begin()
    else if (name === 'commit') await world.run(producer.commit())
    else if (name === 'abort') await world.run(producer.abort())
    else {
      if (name === 'fail') world.faults.set('Produce', [87])
      await world.send(0)
    }
    return true
  } catch {
    return false
  } finally {
    world.faults.clear()
  }
}
