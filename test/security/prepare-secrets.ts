/** Makes the topic and the group that nobody may learn of without a right, and waits for the coordinators. */
import { createTopics } from '../../src/protocol/apis/create-topics.ts'
import { findCoordinator } from '../../src/protocol/apis/find-coordinator.ts'
import { offsetCommit } from '../../src/protocol/apis/offset-commit.ts'
import { codesIn, type RightsServer, SECRET_GROUP, SECRET_TOPIC } from './rights-case.ts'

const ATTEMPTS_MAX = 200

export async function prepareSecrets({ admin, pause }: Pick<RightsServer, 'admin' | 'pause'>): Promise<void> {
  const topic = { name: SECRET_TOPIC, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
  await admin(createTopics, { topics: [topic], timeoutMs: 10_000 })
  const succeeds = async (what: string, ask: () => Promise<unknown>): Promise<void> => {
    for (let attempt = 1; codesIn(await ask())[0] !== 'NONE'; attempt++) {
      if (attempt > ATTEMPTS_MAX) throw new Error(`${what} does not succeed`)
      await pause()
    }
  }
  await succeeds('finding the coordinator of transactions', () =>
    admin(findCoordinator, { keyType: 1, coordinatorKeys: ['any'] }),
  )
  await succeeds('finding the coordinator of groups', () =>
    admin(findCoordinator, { keyType: 0, coordinatorKeys: [SECRET_GROUP] }),
  )
  const offset = { partitionIndex: 0, committedOffset: 0n, committedLeaderEpoch: -1, committedMetadata: '' }
  const request = {
    groupId: SECRET_GROUP,
    generationIdOrMemberEpoch: -1,
    memberId: '',
    topics: [{ name: SECRET_TOPIC, partitions: [offset] }],
  }
  await succeeds('committing an offset', () => admin(offsetCommit, request, { version: 8 }))
}
