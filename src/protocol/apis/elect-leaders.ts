/**
 * ElectLeaders (key 43), versions 0 to 2: elects leaders of partitions (KIP-460).
 *
 * v0  preferred replicas only
 * v1  election types; an error for the whole answer
 * v2  flexible
 */
import { array, int8, int16, int32, string, struct } from '../schema/fields.ts'
import { defineApi } from '../schema/message.ts'

export const electLeaders = defineApi({
  key: 43,
  name: 'ElectLeaders',
  versions: [0, 2],
  flexibleFrom: 2,
  request: {
    electionType: int8({ since: 1 }),
    topicPartitions: array(
      struct({
        topic: string(),
        partitions: array(int32()),
      }),
      { nullable: true },
    ),
    timeoutMs: int32({ default: 60000 }),
  },
  response: {
    throttleTimeMs: int32({ default: 0 }),
    errorCode: int16({ since: 1 }),
    replicaElectionResults: array(
      struct({
        topic: string(),
        partitionResult: array(
          struct({
            partitionId: int32(),
            errorCode: int16(),
            errorMessage: string({ nullable: true }),
          }),
        ),
      }),
    ),
  },
})
