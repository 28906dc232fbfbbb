/** Faults that the checker must find, planted between the clients and the broker. */
import type { SimulatedDisk } from '../../../src/platform/simulated/disk.ts'
import { consumerGroupHeartbeat } from '../../../src/protocol/apis/consumer-group-heartbeat.ts'
import { endTxn } from '../../../src/protocol/apis/end-txn.ts'
import { fetch } from '../../../src/protocol/apis/fetch.ts'
import { heartbeat } from '../../../src/protocol/apis/heartbeat.ts'
import { initProducerId } from '../../../src/protocol/apis/init-producer-id.ts'
import { offsetCommit } from '../../../src/protocol/apis/offset-commit.ts'
import { offsetFetch } from '../../../src/protocol/apis/offset-fetch.ts'
import { produce } from '../../../src/protocol/apis/produce.ts'
import { syncGroup } from '../../../src/protocol/apis/sync-group.ts'
import { txnOffsetCommit } from '../../../src/protocol/apis/txn-offset-commit.ts'
import { ErrorCodes } from '../../../src/protocol/error-codes.ts'
import type { AnyApi, RequestInput, ResponseOf } from '../../../src/protocol/schema/message.ts'
import type { AnomalyKind } from './anomaly.ts'
import type { World } from './world.ts'

export interface Plant {
  readonly name: string
  readonly foundAs: readonly AnomalyKind[]
  readonly beforeOpen?: (disk: SimulatedDisk, world: World) => void
  /** Changes what the broker is asked. */
  readonly request?: (api: AnyApi, request: unknown, world: World) => unknown
  /** Changes what a client is answered. */
  readonly answer?: (api: AnyApi, answer: unknown, request: unknown, world: World) => unknown
}

function asked<A extends AnyApi>(
  of: A,
  change: (request: RequestInput<A>, world: World) => RequestInput<A>,
): Pick<Plant, 'request'> {
  return {
    request: (api, request, world) => (api === of ? change(request as RequestInput<A>, world) : undefined),
  }
}

function answered<A extends AnyApi>(
  of: A,
  change: (answer: ResponseOf<A>, request: RequestInput<A>, world: World) => ResponseOf<A>,
): Pick<Plant, 'answer'> {
  return {
    answer: (api, answer, request, world) =>
      api === of ? change(answer as ResponseOf<A>, request as RequestInput<A>, world) : undefined,
  }
}

const refusals: ReadonlySet<number> = new Set([
  ErrorCodes.UNKNOWN_MEMBER_ID,
  ErrorCodes.ILLEGAL_GENERATION,
  ErrorCodes.STALE_MEMBER_EPOCH,
  ErrorCodes.FENCED_INSTANCE_ID,
])

const commitsWith = (
  answer: ResponseOf<typeof offsetCommit>,
  code: (present: number) => number,
): ResponseOf<typeof offsetCommit> => ({
  ...answer,
  topics: answer.topics.map((topic) => ({
    ...topic,
    partitions: topic.partitions.map((one) => ({ ...one, errorCode: code(one.errorCode) })),
  })),
})

const fetchesWith = (
  answer: ResponseOf<typeof offsetFetch>,
  offset: (present: bigint) => bigint,
): ResponseOf<typeof offsetFetch> => ({
  ...answer,
  groups: answer.groups.map((group) => ({
    ...group,
    topics: group.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((one) => ({ ...one, committedOffset: offset(one.committedOffset) })),
    })),
  })),
})

const fenced: ReadonlySet<number> = new Set([
  ErrorCodes.INVALID_PRODUCER_EPOCH,
  ErrorCodes.PRODUCER_FENCED,
  ErrorCodes.INVALID_PRODUCER_ID_MAPPING,
])

const withOffsetsByWorld = new WeakMap<World, Set<string>>()

/** The transactional ids whose present transaction has offsets. */
function transactionsWithOffsets(world: World): Set<string> {
  const known = withOffsetsByWorld.get(world) ?? new Set()
  withOffsetsByWorld.set(world, known)
  return known
}

export const plantedFaults: readonly Plant[] = [
  {
    name: 'a classic assignment that goes to every member',
    foundAs: ['two-owners'],
    ...answered(syncGroup, (answer) => ({ ...answer, assignment: Buffer.from([0, 1, 2, 3]) })),
  },
  {
    name: 'a partition that two members of a consumer group are told to read',
    foundAs: ['two-owners'],
    ...answered(consumerGroupHeartbeat, (answer) => ({
      ...answer,
      assignment:
        answer.assignment === null
          ? null
          : {
              topicPartitions: answer.assignment.topicPartitions.map((one) => ({
                ...one,
                partitions: [...new Set([0, ...one.partitions])],
              })),
            },
    })),
  },
  {
    name: 'classic members that a restart forgets',
    foundAs: ['forgotten-member'],
    ...asked(heartbeat, (request, world) =>
      world.lifeNumber > 1 && !world.calm
        ? { ...request, memberId: 'nobody', groupInstanceId: null }
        : request,
    ),
  },
  {
    name: 'members of a consumer group that a restart forgets',
    foundAs: ['forgotten-member'],
    ...answered(consumerGroupHeartbeat, (answer, request, world) =>
      world.lifeNumber > 1 && !world.calm && request.memberEpoch > 0
        ? { ...answer, errorCode: ErrorCodes.UNKNOWN_MEMBER_ID }
        : answer,
    ),
  },
  {
    name: 'commits that are taken from anybody',
    foundAs: ['old-generation', 'lost-commit'],
    ...answered(offsetCommit, (answer) =>
      commitsWith(answer, (code) => (refusals.has(code) ? ErrorCodes.NONE : code)),
    ),
  },
  {
    name: 'commits that are acknowledged and not made',
    foundAs: ['lost-commit'],
    ...asked(offsetCommit, (request, world) =>
      world.random.chance(0.1) ? { ...request, topics: [] } : request,
    ),
    answer: (api, answer, request) => {
      if (api !== offsetCommit) return undefined
      const { topics } = request as RequestInput<typeof offsetCommit>
      const given = answer as ResponseOf<typeof offsetCommit>
      if (given.topics.length > 0) return undefined
      const all = topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: ErrorCodes.NONE })),
      }))
      return { ...given, topics: all }
    },
  },
  {
    name: 'offsets that are told before they are committed',
    foundAs: ['offset-went-back'],
    ...answered(offsetFetch, (answer, _, world) =>
      world.random.chance(0.1) ? fetchesWith(answer, (offset) => offset + 1000n) : answer,
    ),
  },
  {
    name: 'a classic group that never gets its assignment',
    foundAs: ['unsettled'],
    ...answered(syncGroup, (answer, _, world) =>
      world.calm ? { ...answer, errorCode: ErrorCodes.REBALANCE_IN_PROGRESS } : answer,
    ),
  },
  {
    name: 'a consumer group that is not told of changes',
    foundAs: ['unsettled'],
    ...answered(consumerGroupHeartbeat, (answer, _, world) =>
      world.calm ? { ...answer, assignment: null } : answer,
    ),
  },
  {
    name: 'aborted transactions that readers are not told of',
    foundAs: ['aborted-read'],
    ...answered(fetch, (answer) => ({
      ...answer,
      responses: answer.responses.map((topic) => ({
        ...topic,
        partitions: topic.partitions.map((one) => ({ ...one, abortedTransactions: [] })),
      })),
    })),
  },
  {
    name: 'commits of transactions that abort them',
    foundAs: ['lost-commit', 'lost-transaction'],
    ...asked(endTxn, (request) => ({ ...request, committed: false })),
  },
  {
    name: 'commits that abort transactions without offsets',
    foundAs: ['lost-transaction', 'torn-transaction'],
    request: (api, request, world) => {
      const withOffsets = transactionsWithOffsets(world)
      if (api === txnOffsetCommit) {
        withOffsets.add((request as RequestInput<typeof txnOffsetCommit>).transactionalId)
        return undefined
      }
      const end = request as RequestInput<typeof endTxn>
      return api !== endTxn || withOffsets.has(end.transactionalId) ? undefined : { ...end, committed: false }
    },
    answer: (api, answer, request, world) => {
      if (api !== endTxn || (answer as ResponseOf<typeof endTxn>).errorCode !== ErrorCodes.NONE)
        return undefined
      transactionsWithOffsets(world).delete((request as RequestInput<typeof endTxn>).transactionalId)
      return undefined
    },
  },
  {
    name: 'partitions whose records are acknowledged and not written',
    foundAs: ['torn-transaction', 'lost-transaction'],
    ...asked(produce, (request, world) =>
      world.random.chance(0.1) ? { ...request, topicData: [] } : request,
    ),
    answer: (api, answer) => {
      const given = answer as ResponseOf<typeof produce>
      if (api !== produce || given.responses.length > 0) return undefined
      const partitionResponses = [{ index: 0, errorCode: ErrorCodes.NONE, baseOffset: 0n }]
      return { ...given, responses: [{ name: 'x', partitionResponses }] }
    },
  },
  {
    name: 'transactions that are committed in some partitions only',
    foundAs: ['torn-transaction'],
    ...answered(fetch, (answer) => ({
      ...answer,
      responses: answer.responses.map((topic) => ({
        ...topic,
        partitions: topic.partitions.map((one) => ({
          ...one,
          records: topic.topic === 'y' && one.partitionIndex === 1 ? null : one.records,
        })),
      })),
    })),
  },
  {
    name: 'producers of old epochs that are served',
    foundAs: ['unfenced'],
    ...answered(produce, (answer) => ({
      ...answer,
      responses: answer.responses.map((topic) => ({
        ...topic,
        partitionResponses: topic.partitionResponses.map((one) => ({
          ...one,
          errorCode: fenced.has(one.errorCode) ? ErrorCodes.NONE : one.errorCode,
        })),
      })),
    })),
  },
  {
    name: 'transactions without a time-out',
    foundAs: ['hanging-transaction'],
    ...asked(initProducerId, (request) => ({ ...request, transactionTimeoutMs: 900_000 })),
  },
  {
    name: 'a broker that does not open',
    foundAs: ['broken'],
    beforeOpen: (disk, world) => {
      if (world.calm) disk.flipBit('/data/topics.json', 4)
    },
  },
]
