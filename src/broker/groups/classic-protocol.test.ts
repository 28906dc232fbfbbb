import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { JoinResult, SyncResult } from './classic-member.ts'
import { ClassicProtocol, type JoinRequest } from './classic-protocol.ts'
import type { ClassicGroup } from './membership.ts'

const SESSION_MS = 10_000
const REBALANCE_MS = 60_000

interface Setup {
  readonly protocol: ClassicProtocol
  readonly group: ClassicGroup
  readonly advance: (ms: number) => Promise<void>
  /** Generations that were kept. */
  readonly kept: number[]
}

function setUp(options: { readonly initialDelayMs?: number; readonly sizeMax?: number } = {}): Setup {
  const platform = simulatedPlatform({ seed: 'classic' })
  const kept: number[] = []
  const protocol = new ClassicProtocol({
    clock: platform.clock,
    random: platform.random,
    initialDelayMs: options.initialDelayMs ?? 0,
    groupSizeMax: options.sizeMax ?? 100,
    keep: (group) => void kept.push(group.generation),
  })
  return { protocol, group: protocol.makeGroup('g'), advance: (ms) => platform.advance(ms), kept }
}

const request = (changes: Partial<JoinRequest> = {}): JoinRequest => ({
  memberId: '',
  instanceId: null,
  clientId: 'c',
  clientHost: '/h',
  sessionTimeoutMs: SESSION_MS,
  rebalanceTimeoutMs: REBALANCE_MS,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('m') }],
  requiresKnownId: false,
  canSkipAssignment: false,
  ...changes,
})

/** A promise's outcome so far. */
class Watched<T> {
  outcome: T | undefined

  /** A method, so that the compiler does not take an earlier look for the present one. */
  now(): T | undefined {
    return this.outcome
  }
}

function watch<T>(answer: T | Promise<T>): Watched<T> {
  const seen = new Watched<T>()
  void Promise.resolve(answer).then((value) => {
    seen.outcome = value
  })
  return seen
}

const claim = (memberId: string, generation: number) => ({ memberId, instanceId: null, generation })

function sync({ protocol, group }: Setup, joined: JoinResult, assignments: Record<string, string> = {}) {
  return protocol.sync(group, {
    ...claim(joined.memberId, joined.generation),
    protocolType: null,
    protocolName: null,
    assignments: Object.entries(assignments).map(([memberId, text]) => ({
      memberId,
      assignment: Buffer.from(text),
    })),
  })
}

/** A stable group of members, the first of which leads. */
async function stable(setup: Setup, ...requests: readonly Partial<JoinRequest>[]): Promise<JoinResult[]> {
  const { protocol, group, advance } = setup
  let joined: JoinResult[] = []
  for (const changes of requests) {
    const again = joined.map((member, i) =>
      protocol.join(group, request({ ...requests[i], memberId: member.memberId })),
    )
    const newest = protocol.join(group, request(changes))
    // Members that are there join again when the new one has started a rebalance.
    const rejoined = joined.map((member, i) =>
      protocol.join(group, request({ ...requests[i], memberId: member.memberId })),
    )
    void again
    joined = await Promise.all([...rejoined, newest])
  }
  const leader = joined.find((member) => member.memberId === member.leaderId)!
  const followers = joined.filter((member) => member !== leader).map((member) => watch(sync(setup, member)))
  const all = Object.fromEntries(joined.map(({ memberId }) => [memberId, `for ${memberId}`]))
  await sync(setup, leader, all)
  await advance(0)
  for (const follower of followers) assert.equal(follower.now()?.errorCode, ErrorCodes.NONE)
  return joined
}

test('a first member joins, leads, assigns and is stable', async () => {
  const setup = setUp()
  const joined = await setup.protocol.join(setup.group, request())
  assert.equal(joined.generation, 1)
  assert.equal(joined.leaderId, joined.memberId)
  assert.equal(joined.protocolName, 'range')
  assert.deepEqual(
    joined.members.map(({ memberId }) => memberId),
    [joined.memberId],
  )
  const synced = await sync(setup, joined, { [joined.memberId]: 'p0' })
  assert.equal(synced.assignment.toString(), 'p0')
  assert.equal(setup.group.state, 'Stable')
  assert.deepEqual(setup.kept, [1])
})

test('members of a generation get what the leader assigned them, those left out nothing', async () => {
  const setup = setUp()
  const [first, second] = await stable(setup, {}, {})
  const again = (await sync(setup, second!)) as SyncResult
  assert.equal(again.assignment.toString(), `for ${second!.memberId}`)
  assert.equal(first!.generation, second!.generation)
  assert.equal(first!.members.length, 2)
  assert.equal(second!.members.length, 0)
})

test('a member that has to join again learns it by its heartbeat', async () => {
  const setup = setUp()
  const [first] = await stable(setup, {})
  const second = watch(setup.protocol.join(setup.group, request()))
  const { memberId, generation } = first!
  assert.equal(
    setup.protocol.heartbeat(setup.group, claim(memberId, generation)),
    ErrorCodes.REBALANCE_IN_PROGRESS,
  )
  assert.equal(second.now(), undefined)
  const rejoined = await setup.protocol.join(setup.group, request({ memberId }))
  await setup.advance(0)
  assert.equal(rejoined.generation, generation + 1)
  assert.equal(second.now()?.generation, generation + 1)
})

test('a known member id is required of first joins, and holds until the session timeout (KIP-394)', async () => {
  const setup = setUp()
  const first = await setup.protocol.join(setup.group, request({ requiresKnownId: true }))
  assert.equal(first.errorCode, ErrorCodes.MEMBER_ID_REQUIRED)
  assert.match(first.memberId, /^c-[0-9a-f-]{36}$/)
  const joined = await setup.protocol.join(
    setup.group,
    request({ memberId: first.memberId, requiresKnownId: true }),
  )
  assert.equal(joined.errorCode, ErrorCodes.NONE)
  assert.equal(joined.memberId, first.memberId)

  const late = await setup.protocol.join(setup.group, request({ requiresKnownId: true }))
  await setup.advance(SESSION_MS + 1)
  const tooLate = await setup.protocol.join(setup.group, request({ memberId: late.memberId }))
  assert.equal(tooLate.errorCode, ErrorCodes.UNKNOWN_MEMBER_ID)
})

test('a join phase waits for a handed-out id, but not longer than its session timeout', async () => {
  const setup = setUp()
  const [first] = await stable(setup, {})
  await setup.protocol.join(setup.group, request({ requiresKnownId: true }))
  // The leader joins again: all members are there, but the new id is not.
  const rejoined = watch(setup.protocol.join(setup.group, request({ memberId: first!.memberId })))
  await setup.advance(SESSION_MS - 1)
  assert.equal(rejoined.now(), undefined)
  await setup.advance(1)
  assert.equal(rejoined.now()?.generation, first!.generation + 1)
})

test('a member that does not come back in the join phase is out of the next generation', async () => {
  const setup = setUp()
  const [first] = await stable(setup, { sessionTimeoutMs: 10 * REBALANCE_MS })
  const second = watch(setup.protocol.join(setup.group, request()))
  await setup.advance(REBALANCE_MS - 1)
  assert.equal(second.now(), undefined)
  await setup.advance(1)
  assert.equal(second.now()?.leaderId, second.now()?.memberId)
  assert.equal(
    setup.protocol.heartbeat(setup.group, claim(first!.memberId, first!.generation)),
    ErrorCodes.UNKNOWN_MEMBER_ID,
  )
})

test('a silent member is removed after its session timeout, and the others rebalance', async () => {
  const setup = setUp()
  const [first, second] = await stable(setup, {}, {})
  await setup.advance(SESSION_MS - 1)
  assert.equal(setup.protocol.heartbeat(setup.group, claim(first!.memberId, 2)), ErrorCodes.NONE)
  await setup.advance(1)
  assert.equal(setup.group.member(second!.memberId), undefined)
  assert.equal(
    setup.protocol.heartbeat(setup.group, claim(first!.memberId, 2)),
    ErrorCodes.REBALANCE_IN_PROGRESS,
  )
})

test('a member that joined but never asks for its assignment is removed', async () => {
  const setup = setUp()
  const patient = { sessionTimeoutMs: 10 * REBALANCE_MS }
  const [first] = await stable(setup, patient)
  const second = watch(setup.protocol.join(setup.group, request(patient)))
  const { memberId } = first!
  const rejoined = await setup.protocol.join(setup.group, request({ ...patient, memberId }))
  await sync(setup, rejoined)
  await setup.advance(REBALANCE_MS - 1)
  assert.equal(setup.group.state, 'Stable')
  await setup.advance(1)
  assert.equal(setup.group.member(second.now()!.memberId), undefined)
  assert.equal(setup.group.state, 'PreparingRebalance')
})

test('sync and heartbeat of a former generation are refused', async () => {
  const setup = setUp()
  const [first] = await stable(setup, {})
  const old = claim(first!.memberId, first!.generation - 1)
  assert.equal(setup.protocol.heartbeat(setup.group, old), ErrorCodes.ILLEGAL_GENERATION)
  const synced = (await sync(setup, { ...first!, generation: 0 })) as SyncResult
  assert.equal(synced.errorCode, ErrorCodes.ILLEGAL_GENERATION)
})

test('a static member that comes back takes over without a rebalance, its predecessor is fenced (KIP-345)', async () => {
  const setup = setUp()
  const [, second] = await stable(setup, { instanceId: 'a' }, { instanceId: 'b' })
  const back = await setup.protocol.join(setup.group, request({ instanceId: 'b' }))
  assert.equal(back.errorCode, ErrorCodes.NONE)
  assert.equal(back.generation, second!.generation)
  assert.notEqual(back.memberId, second!.memberId)
  assert.equal(setup.group.state, 'Stable')
  const predecessor = { memberId: second!.memberId, instanceId: 'b', generation: back.generation }
  assert.equal(setup.protocol.heartbeat(setup.group, predecessor), ErrorCodes.FENCED_INSTANCE_ID)
  const assignment = (await sync(setup, back)) as SyncResult
  assert.equal(assignment.assignment.toString(), `for ${second!.memberId}`)
})

test('a static leader that comes back is told to skip the assignment, or that another leads', async () => {
  const setup = setUp()
  const [leader] = await stable(setup, { instanceId: 'a' })
  const old = await setup.protocol.join(setup.group, request({ instanceId: 'a' }))
  assert.equal(old.leaderId, leader!.memberId, 'a client that cannot skip does not learn that it leads')
  assert.equal(old.members.length, 0)
  const able = await setup.protocol.join(setup.group, request({ instanceId: 'a', canSkipAssignment: true }))
  assert.equal(able.leaderId, able.memberId)
  assert.equal(able.skipAssignment, true)
  assert.equal(able.members.length, 1)
})

test('a static member that restarts during a join phase fences the one that waits', async () => {
  const setup = setUp()
  const [first] = await stable(setup, {})
  const waiting = watch(setup.protocol.join(setup.group, request({ instanceId: 'b' })))
  const again = watch(setup.protocol.join(setup.group, request({ instanceId: 'b' })))
  await setup.advance(0)
  assert.equal(waiting.now()?.errorCode, ErrorCodes.FENCED_INSTANCE_ID)
  await setup.protocol.join(setup.group, request({ memberId: first!.memberId }))
  await setup.advance(0)
  assert.equal(again.now()?.errorCode, ErrorCodes.NONE)
})

test('a static member keeps its place in a generation that it missed', async () => {
  const setup = setUp()
  const options = { sessionTimeoutMs: 30 * REBALANCE_MS }
  const [first, second] = await stable(
    setup,
    { ...options, instanceId: 'a' },
    { ...options, instanceId: 'b' },
  )
  const joined = setup.protocol.join(
    setup.group,
    request({
      ...options,
      memberId: first!.memberId,
      instanceId: 'a',
      protocols: [{ name: 'range', metadata: Buffer.from('other') }],
    }),
  )
  await setup.advance(REBALANCE_MS)
  const result = await joined
  assert.deepEqual(
    result.members.map(({ memberId }) => memberId).sort(),
    [first!.memberId, second!.memberId].sort(),
  )
})

test('an instance id may leave without its member id, and an unknown one may not', async () => {
  const setup = setUp()
  await stable(setup, { instanceId: 'a' })
  const unknown = setup.protocol.leave(setup.group, { memberId: '', instanceId: 'z' })
  assert.equal(unknown, ErrorCodes.UNKNOWN_MEMBER_ID)
  const fenced = setup.protocol.leave(setup.group, { memberId: 'other', instanceId: 'a' })
  assert.equal(fenced, ErrorCodes.FENCED_INSTANCE_ID)
  assert.equal(setup.protocol.leave(setup.group, { memberId: '', instanceId: 'a' }), ErrorCodes.NONE)
  assert.equal(setup.group.state, 'Empty')
  assert.deepEqual(setup.kept, [1, 2], 'the generation of the emptied group is kept')
})

test('the protocol that all support and most prefer is chosen; without a common one a join is refused', async () => {
  const setup = setUp()
  const protocols = (...names: string[]) => names.map((name) => ({ name, metadata: Buffer.from(name) }))
  const [first] = await stable(setup, { protocols: protocols('range', 'sticky') })
  const other = await setup.protocol.join(setup.group, request({ protocols: protocols('mine') }))
  assert.equal(other.errorCode, ErrorCodes.INCONSISTENT_GROUP_PROTOCOL)
  const wrongType = await setup.protocol.join(setup.group, request({ protocolType: 'connect' }))
  assert.equal(wrongType.errorCode, ErrorCodes.INCONSISTENT_GROUP_PROTOCOL)
  const second = setup.protocol.join(setup.group, request({ protocols: protocols('mine', 'sticky') }))
  const rejoined = await setup.protocol.join(
    setup.group,
    request({ memberId: first!.memberId, protocols: protocols('range', 'sticky') }),
  )
  assert.equal(rejoined.protocolName, 'sticky')
  assert.deepEqual(
    rejoined.members.map(({ metadata }) => metadata.toString()),
    ['sticky', 'sticky'],
  )
  assert.equal((await second).protocolName, 'sticky')
})

test('a follower that asks again is answered with the present generation, a leader starts a new one', async () => {
  const setup = setUp()
  const [leader, follower] = await stable(setup, {}, {})
  const again = await setup.protocol.join(setup.group, request({ memberId: follower!.memberId }))
  assert.equal(again.generation, follower!.generation)
  assert.equal(setup.group.state, 'Stable')
  void setup.protocol.join(setup.group, request({ memberId: leader!.memberId }))
  assert.equal(setup.group.state, 'PreparingRebalance')
})

test('a group has no more members than it may', async () => {
  const setup = setUp({ sizeMax: 1 })
  await stable(setup, {})
  const second = await setup.protocol.join(setup.group, request())
  assert.equal(second.errorCode, ErrorCodes.GROUP_MAX_SIZE_REACHED)
})

test('an empty group waits for more members, again while they come, up to their rebalance timeout', async () => {
  const setup = setUp({ initialDelayMs: 3000 })
  const first = watch(setup.protocol.join(setup.group, request()))
  await setup.advance(2999)
  const second = watch(setup.protocol.join(setup.group, request()))
  await setup.advance(2999)
  assert.equal(first.now(), undefined)
  await setup.advance(2)
  assert.equal(first.now()?.generation, 1)
  assert.equal(second.now()?.generation, 1)
})

test('when the assignment cannot be kept the members have to join again', async () => {
  const platform = simulatedPlatform({ seed: 'full' })
  let full = true
  const protocol = new ClassicProtocol({
    clock: platform.clock,
    random: platform.random,
    initialDelayMs: 0,
    groupSizeMax: 10,
    keep: () => {
      if (full) throw new Error('disk full')
    },
  })
  const group = protocol.makeGroup('g')
  const setup = { protocol, group, advance: (ms: number) => platform.advance(ms), kept: [] }
  const joined = await protocol.join(group, request())
  const refused = (await sync(setup, joined, { [joined.memberId]: 'x' })) as SyncResult
  assert.equal(refused.errorCode, ErrorCodes.REBALANCE_IN_PROGRESS)
  full = false
  const again = await protocol.join(group, request({ memberId: joined.memberId }))
  const done = (await sync(setup, again, { [joined.memberId]: 'x' })) as SyncResult
  assert.equal(done.assignment.toString(), 'x')
})

test('everyone who waits is answered when the group ends', async () => {
  const setup = setUp({ initialDelayMs: 5000 })
  const waiting = watch(setup.protocol.join(setup.group, request()))
  setup.protocol.end(setup.group, ErrorCodes.COORDINATOR_NOT_AVAILABLE)
  await setup.advance(0)
  assert.equal(waiting.now()?.errorCode, ErrorCodes.COORDINATOR_NOT_AVAILABLE)
  await setup.advance(10 * REBALANCE_MS)
  assert.equal(setup.group.state, 'Dead')
})
