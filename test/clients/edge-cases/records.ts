/** Produce, Fetch, ListOffsets, DeleteRecords and OffsetForLeaderEpoch at their edges. */
import { deleteRecords } from '../../../src/protocol/apis/delete-records.ts'
import { fetch } from '../../../src/protocol/apis/fetch.ts'
import { initProducerId } from '../../../src/protocol/apis/init-producer-id.ts'
import { listOffsets } from '../../../src/protocol/apis/list-offsets.ts'
import { offsetForLeaderEpoch } from '../../../src/protocol/apis/offset-for-leader-epoch.ts'
import { produce } from '../../../src/protocol/apis/produce.ts'
import { RecordBatchBuilder } from '../../../src/protocol/record-batch/record-batch-builder.ts'
import { someRecords } from '../scenario.ts'
import { type EdgeCase, found, type Wire } from './wire.ts'

/** The last version that names topics by their names. */
const BY_NAME = 12

function batch(options: Parameters<RecordBatchBuilder['seal']>[0] = {}, bytes = 5): Buffer {
  const builder = new RecordBatchBuilder()
  builder.append(1_700_000_000_000, null, Buffer.alloc(bytes, 'x'))
  return builder.seal(options)
}

async function write(
  wire: Wire,
  topic: string,
  records: Buffer | null,
  { acks = -1, index = 0 }: { readonly acks?: number; readonly index?: number } = {},
): Promise<unknown[]> {
  const topicData = [{ name: topic, partitionData: [{ index, records }] }]
  const answer = await wire.send(
    produce,
    { transactionalId: null, acks, timeoutMs: 5000, topicData },
    BY_NAME,
  )
  return found(answer, ['baseOffset', 'logStartOffset'])
}

async function read(wire: Wire, topic: string, fetchOffset: number, partition = 0): Promise<unknown[]> {
  const partitions = [{ partition, fetchOffset: BigInt(fetchOffset), partitionMaxBytes: 1000 }]
  const topics = [{ topic, partitions }]
  const answer = await wire.send(
    fetch,
    { maxWaitMs: 10, minBytes: 1, topics, forgottenTopicsData: [] },
    BY_NAME,
  )
  return found(answer, ['highWatermark', 'lastStableOffset', 'logStartOffset'])
}

async function offsets(wire: Wire, topic: string, timestamp: number, partitionIndex = 0): Promise<unknown[]> {
  const topics = [{ name: topic, partitions: [{ partitionIndex, timestamp: BigInt(timestamp) }] }]
  const answer = await wire.send(listOffsets, { replicaId: -1, isolationLevel: 0, topics }, 7)
  return found(answer, ['timestamp', 'offset', 'leaderEpoch'])
}

async function withIdempotent(
  wire: Wire,
  run: (topic: string, producerId: number) => Promise<unknown>,
): Promise<unknown> {
  const topic = await wire.witness.topic(1)
  const { producerId } = await wire.send(initProducerId, {
    transactionalId: null,
    transactionTimeoutMs: 60_000,
  })
  return run(topic, Number(producerId))
}

const times = { earliest: -2, latest: -1, 'of the largest time': -3, 'at a time': 1_600_000_000_000 }

export const recordCases: readonly EdgeCase[] = [
  { name: 'fetch from an empty topic', ask: async (wire) => read(wire, await wire.witness.topic(1), 0) },
  { name: 'fetch behind the end', ask: async (wire) => read(wire, await wire.witness.topic(1), 7) },
  { name: 'fetch from a negative offset', ask: async (wire) => read(wire, await wire.witness.topic(1), -5) },
  {
    name: 'fetch from a partition that is not there',
    ask: async (wire) => read(wire, await wire.witness.topic(1), 0, 9),
  },
  {
    name: 'fetch from a topic that is not there',
    ask: (wire) => read(wire, wire.witness.name('nowhere'), 0),
  },
  ...Object.entries(times).flatMap(([name, timestamp]): EdgeCase[] => [
    {
      name: `offset ${name} of an empty topic`,
      ask: async (wire) => offsets(wire, await wire.witness.topic(1), timestamp),
    },
    {
      name: `offset ${name} of three records`,
      async ask(wire) {
        const topic = await wire.witness.topic(1)
        for (let at = 0; at < 3; at++) await write(wire, topic, batch())
        return offsets(wire, topic, timestamp)
      },
    },
  ]),
  {
    name: 'offset of a partition that is not there',
    ask: async (wire) => offsets(wire, await wire.witness.topic(1), -1, 9),
  },
  {
    name: 'offset at an unknown special time',
    ask: async (wire) => offsets(wire, await wire.witness.topic(1), -9),
  },
  { name: 'produce', ask: async (wire) => write(wire, await wire.witness.topic(1), batch()) },
  {
    name: 'produce to a topic that is not there',
    ask: (wire) => write(wire, wire.witness.name('nowhere'), batch()),
  },
  {
    name: 'produce to a partition that is not there',
    ask: async (wire) => write(wire, await wire.witness.topic(1), batch(), { index: 9 }),
  },
  {
    name: 'produce with two acknowledgements',
    ask: async (wire) => write(wire, await wire.witness.topic(1), batch(), { acks: 2 }),
  },
  {
    name: 'produce a record that is too large',
    ask: async (wire) =>
      write(wire, await wire.witness.topic(1, { 'max.message.bytes': '100' }), batch({}, 500)),
  },
  {
    name: 'produce a batch with a wrong checksum',
    async ask(wire) {
      const bytes = batch()
      bytes[bytes.length - 1]! ^= 1
      return write(wire, await wire.witness.topic(1), bytes)
    },
  },
  {
    name: 'produce without a key to a compacted topic',
    ask: async (wire) => write(wire, await wire.witness.topic(1, { 'cleanup.policy': 'compact' }), batch()),
  },
  {
    name: 'the same idempotent batch twice',
    ask: (wire) =>
      withIdempotent(wire, async (topic, producerId) => {
        const bytes = (): Buffer => batch({ producerId, producerEpoch: 0, baseSequence: 0 })
        return [await write(wire, topic, bytes()), await write(wire, topic, bytes())]
      }),
  },
  {
    name: 'a gap in the sequence',
    ask: (wire) =>
      withIdempotent(wire, async (topic, producerId) => {
        await write(wire, topic, batch({ producerId, producerEpoch: 0, baseSequence: 0 }))
        return write(wire, topic, batch({ producerId, producerEpoch: 0, baseSequence: 5 }))
      }),
  },
  {
    name: 'a first sequence that is not 0',
    ask: (wire) =>
      withIdempotent(wire, (topic, producerId) =>
        write(wire, topic, batch({ producerId, producerEpoch: 0, baseSequence: 5 })),
      ),
  },
  {
    name: 'an epoch that has passed',
    ask: (wire) =>
      withIdempotent(wire, async (topic, producerId) => {
        await write(wire, topic, batch({ producerId, producerEpoch: 3, baseSequence: 0 }))
        return write(wire, topic, batch({ producerId, producerEpoch: 2, baseSequence: 0 }))
      }),
  },
  ...[-1, 2, 9].map(
    (offset): EdgeCase => ({
      name: `delete records before ${offset} of three`,
      async ask(wire) {
        const topic = await wire.witness.topic(1)
        await wire.witness.write(topic, someRecords(1, 3))
        const topics = [{ name: topic, partitions: [{ partitionIndex: 0, offset: BigInt(offset) }] }]
        const answer = await wire.send(deleteRecords, { topics, timeoutMs: 5000 })
        return [...found(answer, ['lowWatermark']), await read(wire, topic, 0)]
      },
    }),
  ),
  ...[0, 5].map(
    (leaderEpoch): EdgeCase => ({
      name: `end of leader epoch ${leaderEpoch}`,
      async ask(wire) {
        const topic = await wire.witness.topic(1)
        await wire.witness.write(topic, someRecords(1, 3))
        const topics = [{ topic, partitions: [{ partition: 0, leaderEpoch }] }]
        return found(await wire.send(offsetForLeaderEpoch, { topics }), ['leaderEpoch', 'endOffset'])
      },
    }),
  ),
]
