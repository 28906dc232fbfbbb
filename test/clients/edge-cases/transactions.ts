/** Transactions at their edges, as a client of before KIP-890 sees them. */
import { addPartitionsToTxn } from '../../../src/protocol/apis/add-partitions-to-txn.ts'
import { describeTransactions } from '../../../src/protocol/apis/describe-transactions.ts'
import { endTxn } from '../../../src/protocol/apis/end-txn.ts'
import { initProducerId } from '../../../src/protocol/apis/init-producer-id.ts'
import { type EdgeCase, found, type Wire } from './wire.ts'

interface Producer {
  readonly transactionalId: string
  readonly producerId: bigint
  readonly producerEpoch: number
}

async function init(wire: Wire, transactionalId: string, transactionTimeoutMs = 60_000): Promise<Producer> {
  const { producerId, producerEpoch } = await wire.send(
    initProducerId,
    { transactionalId, transactionTimeoutMs },
    4,
  )
  return { transactionalId, producerId, producerEpoch }
}

async function end(wire: Wire, producer: Producer, committed = true): Promise<unknown[]> {
  return found(await wire.send(endTxn, { ...producer, committed }, 3))
}

async function add(
  wire: Wire,
  producer: Producer,
  topics: readonly (readonly [string, number])[],
): Promise<unknown[]> {
  const answer = await wire.send(
    addPartitionsToTxn,
    {
      v3AndBelowTransactionalId: producer.transactionalId,
      v3AndBelowProducerId: producer.producerId,
      v3AndBelowProducerEpoch: producer.producerEpoch,
      v3AndBelowTopics: topics.map(([name, partition]) => ({ name, partitions: [partition] })),
    },
    3,
  )
  const codes: string[] = []
  for (const { resultsByPartition } of answer.resultsByTopicV3AndBelow) {
    for (const { partitionErrorCode } of resultsByPartition)
      codes.push(String(found({ errorCode: partitionErrorCode })[0]))
  }
  return codes.sort()
}

const id = (wire: Wire): string => wire.witness.name('transaction')

/** Waits until the last transaction of an id is over: the coordinator answers before it is. */
async function over(wire: Wire, transactionalId: string): Promise<void> {
  await wire.witness.until('the end of the transaction', async () => {
    const { transactionStates } = await wire.send(describeTransactions, {
      transactionalIds: [transactionalId],
    })
    return /^Complete/.test(transactionStates[0]!.transactionState)
  })
}

export const transactionCases: readonly EdgeCase[] = [
  {
    name: 'the end of an unknown transactional id',
    ask: (wire) => end(wire, { transactionalId: id(wire), producerId: 1n, producerEpoch: 0 }),
  },
  { name: 'the commit of nothing', ask: async (wire) => end(wire, await init(wire, id(wire))) },
  { name: 'the abort of nothing', ask: async (wire) => end(wire, await init(wire, id(wire)), false) },
  {
    name: 'the end by a fenced producer',
    async ask(wire) {
      const older = await init(wire, id(wire))
      await add(wire, older, [[await wire.witness.topic(1), 0]])
      await wire.witness.until('the takeover', async () => {
        const newer = await init(wire, older.transactionalId)
        return newer.producerEpoch > older.producerEpoch
      })
      return end(wire, older)
    },
  },
  {
    name: 'the end with another producer id',
    async ask(wire) {
      const producer = await init(wire, id(wire))
      return end(wire, { ...producer, producerId: producer.producerId + 1000n })
    },
  },
  {
    name: 'partitions of a fenced producer',
    async ask(wire) {
      const older = await init(wire, id(wire))
      await init(wire, older.transactionalId)
      return add(wire, older, [[await wire.witness.topic(1), 0]])
    },
  },
  {
    name: 'a partition that is not there beside one that is',
    async ask(wire) {
      const topic = await wire.witness.topic(1)
      return add(wire, await init(wire, id(wire)), [
        [topic, 0],
        [wire.witness.name('nowhere'), 0],
      ])
    },
  },
  {
    name: 'the commit again, and the abort after it',
    async ask(wire) {
      const producer = await init(wire, id(wire))
      await add(wire, producer, [[await wire.witness.topic(1), 0]])
      const first = await end(wire, producer)
      await over(wire, producer.transactionalId)
      return [first, await end(wire, producer), await end(wire, producer, false)]
    },
  },
  ...[0, 1_000_000_000].map(
    (transactionTimeoutMs): EdgeCase => ({
      name: `a timeout of ${transactionTimeoutMs} ms`,
      ask: async (wire) =>
        found(await wire.send(initProducerId, { transactionalId: id(wire), transactionTimeoutMs }, 4)),
    }),
  ),
  {
    name: 'an empty transactional id',
    ask: async (wire) =>
      found(await wire.send(initProducerId, { transactionalId: '', transactionTimeoutMs: 60_000 }, 4)),
  },
  {
    name: 'describing an unknown transactional id',
    ask: async (wire) =>
      found(await wire.send(describeTransactions, { transactionalIds: [id(wire)] }), ['transactionState']),
  },
]
