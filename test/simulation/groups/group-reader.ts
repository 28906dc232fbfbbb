/** What all members of groups do with offsets: fetch what is committed, commit what comes next. */
import { offsetCommit } from '../../../src/protocol/apis/offset-commit.ts'
import { offsetFetch } from '../../../src/protocol/apis/offset-fetch.ts'
import { ErrorCodes } from '../../../src/protocol/error-codes.ts'
import type { OffsetsCheck } from './offsets-check.ts'
import type { OwnershipCheck } from './ownership-check.ts'
import { TRANSACTION_GROUP } from './producer-client.ts'
import type { World } from './world.ts'

/** The last version that names topics. */
const NAMES = { version: 9 }

export interface Claim {
  readonly memberId: string
  readonly generation: number
  readonly instanceId: string | null
}

export class GroupReader {
  readonly partitions: readonly number[] = [0, 1, 2, 3]
  readonly offsets: OffsetsCheck
  readonly ownership: OwnershipCheck
  private readonly world: World

  constructor(world: World, offsets: OffsetsCheck, ownership: OwnershipCheck) {
    this.world = world
    this.offsets = offsets
    this.ownership = ownership
  }

  /** Fetches and checks what a group has committed; undefined when nobody answers. */
  async fetch(
    client: string,
    group: string,
    partitions: readonly number[],
  ): Promise<Map<number, bigint> | undefined> {
    const places = partitions.map((partition) => `${group}/${partition}`)
    const floors = places.map((place) => this.offsets.floor(place))
    const answer = await this.world.call(
      client,
      offsetFetch,
      {
        groups: [{ groupId: group, topics: [{ name: 't', partitionIndexes: [...partitions] }] }],
        // An offset that was committed in a transaction takes effect with its marker, which may come later.
        requireStable: group === TRANSACTION_GROUP,
      },
      NAMES,
    )
    const found = answer?.groups[0]
    if (found === undefined || found.errorCode !== ErrorCodes.NONE) return undefined
    const read = new Map<number, bigint>()
    for (const { partitionIndex, committedOffset, errorCode } of found.topics[0]?.partitions ?? []) {
      if (errorCode !== ErrorCodes.NONE) continue
      const at = partitions.indexOf(partitionIndex)
      this.offsets.read(places[at]!, committedOffset, floors[at]!)
      read.set(partitionIndex, committedOffset)
    }
    return read
  }

  /** Commits the next offsets; `taken` is called for each that was acknowledged. */
  async commit(
    client: string,
    group: string,
    partitions: readonly number[],
    claim: Claim,
    taken: (partition: number) => void,
  ): Promise<void> {
    if (partitions.length === 0) return
    const offsets = partitions.map(() => this.offsets.next())
    const answer = await this.world.call(
      client,
      offsetCommit,
      {
        groupId: group,
        memberId: claim.memberId,
        generationIdOrMemberEpoch: claim.generation,
        groupInstanceId: claim.instanceId,
        topics: [
          {
            name: 't',
            partitions: partitions.map((partitionIndex, at) => ({
              partitionIndex,
              committedOffset: offsets[at]!,
              committedMetadata: '',
            })),
          },
        ],
      },
      NAMES,
    )
    for (const { partitionIndex, errorCode } of answer?.topics[0]?.partitions ?? []) {
      if (errorCode !== ErrorCodes.NONE) continue
      taken(partitionIndex)
      this.offsets.committed(`${group}/${partitionIndex}`, offsets[partitions.indexOf(partitionIndex)]!)
    }
  }
}
