import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import { groupAssignors } from './assignors/register.ts'
import type { Assignment, ConsumerGroup } from './consumer-group.ts'
import { ConsumerProtocol, type HeartbeatRequest, type HeartbeatResult } from './consumer-protocol.ts'
import type { TopicsView, TopicView } from './target-assignment.ts'

const SESSION_MS = 45_000
const REBALANCE_MS = 60_000

/** The id of a topic, from which its name can be read. */
const idOf = (name: string): string => Buffer.from(name.padEnd(16)).toString('hex')
const nameOf = (id: string): string => Buffer.from(id, 'hex').toString().trim()

/** The topics of a test, which it may change. */
class Topics implements TopicsView {
  version = 0
  private readonly byName = new Map<string, TopicView>()

  set(name: string, partitionCount: number): void {
    this.byName.set(name, { name, id: idOf(name), partitionCount })
    this.version++
  }

  remove(name: string): void {
    this.byName.delete(name)
    this.version++
  }

  find(name: string): TopicView | undefined {
    return this.byName.get(name)
  }

  all(): readonly TopicView[] {
    return [...this.byName.values()]
  }
}

function setUp(counts: Readonly<Record<string, number>> = { t: 4 }) {
  const platform = simulatedPlatform({ seed: 'consumer' })
  const topics = new Topics()
  for (const [name, count] of Object.entries(counts)) topics.set(name, count)
  const kept: number[] = []
  const protocol = new ConsumerProtocol({
    clock: platform.clock,
    random: platform.random,
    sessionTimeoutMs: SESSION_MS,
    groupSizeMax: 10,
    assignors: groupAssignors,
    topics,
    keep: (group) => {
      if (kept.at(-1) !== group.epoch) kept.push(group.epoch)
      return undefined
    },
  })
  return { platform, topics, kept, protocol, group: protocol.makeGroup('g', 0) }
}

type Setup = ReturnType<typeof setUp>

/** A client that does what it is told, when its test lets it. */
class Client {
  private readonly setup: Setup
  readonly id: string
  epoch = 0
  /** What it reads. */
  owned = new Map<string, Set<number>>()
  /** What it was told to read, and has not taken over. */
  private told: Assignment | undefined
  private readonly changes: Partial<HeartbeatRequest>

  constructor(setup: Setup, id: string, changes: Partial<HeartbeatRequest> = {}) {
    this.setup = setup
    this.id = id
    this.changes = changes
  }

  beat(changes: Partial<HeartbeatRequest> = {}): HeartbeatResult {
    const joining = this.epoch === 0
    const result = this.setup.protocol.heartbeat(this.setup.group, {
      memberId: this.id,
      memberEpoch: this.epoch,
      instanceId: null,
      rackId: null,
      clientId: 'c',
      clientHost: '/h',
      rebalanceTimeoutMs: joining ? REBALANCE_MS : -1,
      topics: joining ? ['t'] : null,
      regex: null,
      assignor: null,
      owned: joining ? new Map() : this.owned,
      ...(joining && this.changes),
      ...changes,
    })
    if (result.errorCode === ErrorCodes.NONE && this.epoch >= 0) {
      this.epoch = result.memberEpoch
      if (result.assignment !== undefined) this.told = result.assignment
    }
    return result
  }

  /** Gives up and takes over what it was told. */
  apply(): void {
    if (this.told === undefined) return
    this.owned = new Map([...this.told].map(([topic, partitions]) => [topic, new Set(partitions)]))
    this.told = undefined
  }

  leave(epoch = -1, changes: Partial<HeartbeatRequest> = {}): HeartbeatResult {
    const result = this.beat({ memberEpoch: epoch, ...changes })
    this.epoch = 0
    this.owned = new Map()
    this.told = undefined
    return result
  }

  get partitions(): string[] {
    return partitionsOf(this.owned)
  }
}

function partitionsOf(assignment: Assignment): string[] {
  return [...assignment].flatMap(([topic, numbers]) => [...numbers].map((n) => `${nameOf(topic)}${n}`)).sort()
}

/** Heartbeats in turn until nothing moves. */
function settle(clients: readonly Client[], rounds = 10): void {
  for (let i = 0; i < rounds; i++) {
    for (const client of clients) {
      client.beat()
      client.apply()
    }
  }
}

test('a first member gets everything with its first heartbeat', () => {
  const setup = setUp()
  const client = new Client(setup, 'a')
  const result = client.beat()
  client.apply()
  assert.deepEqual([result.errorCode, result.memberEpoch], [ErrorCodes.NONE, 1])
  assert.deepEqual(client.partitions, ['t0', 't1', 't2', 't3'])
  assert.equal(setup.group.state, 'Stable')
  assert.equal(client.beat().assignment, undefined, 'nothing new')
  assert.deepEqual(setup.kept, [1])
})

test('a second member gets partitions only after the first has given them up', () => {
  const setup = setUp()
  const [a, b] = [new Client(setup, 'a'), new Client(setup, 'b')]
  settle([a])
  const joined = b.beat()
  b.apply()
  assert.equal(joined.memberEpoch, 2)
  assert.deepEqual(b.partitions, [])
  assert.equal(setup.group.state, 'Reconciling')
  const told = a.beat()
  assert.equal(told.memberEpoch, 1, 'it stays in its epoch until it has given up two')
  b.beat()
  b.apply()
  assert.deepEqual(b.partitions, [], 'the first still reads them')
  a.apply()
  a.beat()
  b.beat()
  b.apply()
  assert.deepEqual([a.partitions.length, b.partitions.length], [2, 2])
  assert.equal(setup.group.state, 'Stable')
})

test('a member that leaves, or is silent for too long, leaves its partitions to the others', async () => {
  const setup = setUp()
  const clients = [new Client(setup, 'a'), new Client(setup, 'b'), new Client(setup, 'c')]
  settle(clients)
  const [a, b, c] = clients as [Client, Client, Client]
  c.leave()
  settle([a, b])
  assert.deepEqual([a.partitions.length, b.partitions.length], [2, 2])
  await setup.platform.advance(SESSION_MS / 2)
  a.beat()
  await setup.platform.advance(SESSION_MS / 2 + 1)
  settle([a])
  assert.equal(a.partitions.length, 4)
  assert.equal(b.beat().errorCode, ErrorCodes.UNKNOWN_MEMBER_ID)
})

test('a member that does not give up partitions in time is removed', async () => {
  const setup = setUp()
  const [a, b] = [new Client(setup, 'a'), new Client(setup, 'b')]
  settle([a])
  b.beat()
  for (let ms = 0; ms <= REBALANCE_MS; ms += 5000) {
    a.beat({ owned: null })
    b.beat()
    await setup.platform.advance(5000)
  }
  assert.equal(a.beat({ owned: null }).errorCode, ErrorCodes.UNKNOWN_MEMBER_ID)
  settle([b])
  assert.equal(b.partitions.length, 4)
})

test('epochs that are not the member’s fence it, except that of a lost answer', () => {
  const setup = setUp()
  const [a, b] = [new Client(setup, 'a'), new Client(setup, 'b')]
  settle([a])
  assert.equal(a.beat({ memberEpoch: 7 }).errorCode, ErrorCodes.FENCED_MEMBER_EPOCH)
  settle([a, b])
  assert.equal(a.epoch, 2)
  const lost = a.beat({ memberEpoch: 1 })
  assert.deepEqual([lost.errorCode, lost.memberEpoch], [ErrorCodes.NONE, 2])
  const tooMuch = new Map([[idOf('t'), new Set([0, 1, 2, 3])]])
  assert.equal(a.beat({ memberEpoch: 1, owned: tooMuch }).errorCode, ErrorCodes.FENCED_MEMBER_EPOCH)
  const stranger = new Client(setup, 'x')
  stranger.epoch = 2
  assert.equal(stranger.beat().errorCode, ErrorCodes.UNKNOWN_MEMBER_ID)
})

test('a member whose answer was lost is told its partitions again when it tells everything', () => {
  for (const wants of [{ topics: ['t'] }, { regex: 't.*' }]) {
    const setup = setUp()
    const nothing = { topics: null, regex: null }
    const a = new Client(setup, 'a', { ...nothing, ...wants })
    settle([a])
    const everything = { rebalanceTimeoutMs: REBALANCE_MS, ...nothing, ...wants }
    const { assignment } = a.beat(everything)
    assert.deepEqual(assignment && partitionsOf(assignment), ['t0', 't1', 't2', 't3'])
    for (const missing of [{ rebalanceTimeoutMs: -1 }, { owned: null }, nothing]) {
      assert.equal(a.beat({ ...everything, ...missing }).assignment, undefined, JSON.stringify(missing))
    }
  }
})

test('a member that joins again under its id gets what it had', () => {
  const setup = setUp()
  const [a, b] = [new Client(setup, 'a'), new Client(setup, 'b')]
  settle([a, b])
  const again = new Client(setup, 'a')
  const result = again.beat()
  again.apply()
  assert.equal(result.errorCode, ErrorCodes.NONE)
  assert.deepEqual(again.partitions, a.partitions)
})

test('a static member that is away for a while keeps its partitions, and gets them under a new id', async () => {
  const setup = setUp()
  const a = new Client(setup, 'a', { instanceId: 'one' })
  const b = new Client(setup, 'b', { instanceId: 'two' })
  settle([a, b])
  const before = b.partitions
  const taken = new Client(setup, 'thief', { instanceId: 'two' }).beat()
  assert.equal(taken.errorCode, ErrorCodes.UNRELEASED_INSTANCE_ID)
  b.leave(-2, { instanceId: 'two' })
  settle([a])
  assert.equal(a.partitions.length, 2)
  const back = new Client(setup, 'b2', { instanceId: 'two' })
  back.beat()
  back.apply()
  assert.deepEqual(back.partitions, before)
  assert.equal(setup.group.epoch, 2, 'no rebalance')
  assert.equal(b.beat({ memberEpoch: 2, instanceId: 'two' }).errorCode, ErrorCodes.FENCED_INSTANCE_ID)
  back.leave(-2, { instanceId: 'two' })
  await setup.platform.advance(SESSION_MS - 1)
  a.beat()
  await setup.platform.advance(2)
  settle([a])
  assert.equal(a.partitions.length, 4, 'it did not come back')
})

test('topics that come, grow and go change the assignment', () => {
  const setup = setUp({ t: 2 })
  const a = new Client(setup, 'a', { topics: ['t', 'later'] })
  settle([a])
  assert.deepEqual(a.partitions, ['t0', 't1'])
  setup.topics.set('t', 3)
  setup.topics.set('later', 1)
  setup.topics.set('other', 5)
  settle([a])
  assert.deepEqual(a.partitions, ['later0', 't0', 't1', 't2'])
  setup.topics.remove('t')
  settle([a])
  assert.deepEqual(a.partitions, ['later0'])
})

test('a pattern subscribes to the topics that match it, also later ones', () => {
  const setup = setUp({ 'orders.eu': 1, bills: 1 })
  const a = new Client(setup, 'a', { topics: null, regex: 'orders\\..*' })
  settle([a])
  assert.deepEqual(a.partitions, ['orders.eu0'])
  setup.topics.set('orders.us', 1)
  settle([a])
  assert.deepEqual(a.partitions, ['orders.eu0', 'orders.us0'])
})

test('a member may change its topics and its assignor', () => {
  const setup = setUp({ t: 2, u: 2 })
  const a = new Client(setup, 'a')
  settle([a])
  a.beat({ topics: ['u'] })
  settle([a])
  assert.deepEqual(a.partitions, ['u0', 'u1'])
  assert.equal(setup.protocol.assignorOf(setup.group), 'uniform')
  a.beat({ assignor: 'range' })
  assert.equal(setup.protocol.assignorOf(setup.group), 'range')
})

test('what cannot be meant is refused', () => {
  const { protocol } = setUp()
  const request: HeartbeatRequest = {
    memberId: 'a',
    memberEpoch: 0,
    instanceId: null,
    rackId: null,
    clientId: 'c',
    clientHost: '/h',
    rebalanceTimeoutMs: 1000,
    topics: ['t'],
    regex: null,
    assignor: null,
    owned: new Map(),
  }
  const code = (changes: Partial<HeartbeatRequest>): number | undefined =>
    protocol.requestFault({ ...request, ...changes })?.errorCode
  assert.equal(code({}), undefined)
  assert.equal(code({ memberEpoch: -3 }), ErrorCodes.INVALID_REQUEST)
  assert.equal(code({ memberEpoch: -2 }), ErrorCodes.INVALID_REQUEST)
  assert.equal(code({ memberEpoch: 5, memberId: '' }), ErrorCodes.INVALID_REQUEST)
  assert.equal(code({ rebalanceTimeoutMs: -1 }), ErrorCodes.INVALID_REQUEST)
  assert.equal(code({ owned: null }), ErrorCodes.INVALID_REQUEST)
  assert.equal(code({ owned: new Map([['x', new Set([1])]]) }), ErrorCodes.INVALID_REQUEST)
  assert.equal(code({ topics: null }), ErrorCodes.INVALID_REQUEST)
  assert.equal(code({ instanceId: '' }), ErrorCodes.INVALID_REQUEST)
  assert.equal(code({ assignor: 'mine' }), ErrorCodes.UNSUPPORTED_ASSIGNOR)
  assert.equal(code({ regex: '(' }), ErrorCodes.INVALID_REGULAR_EXPRESSION)
})

test('a group has no more members than it may', () => {
  const setup = setUp()
  for (let i = 0; i < 10; i++) assert.equal(new Client(setup, `m${i}`).beat().errorCode, ErrorCodes.NONE)
  assert.equal(new Client(setup, 'more').beat().errorCode, ErrorCodes.GROUP_MAX_SIZE_REACHED)
})

test('when an epoch cannot be kept nobody has joined', () => {
  const platform = simulatedPlatform({ seed: 'full' })
  const topics = new Topics()
  topics.set('t', 1)
  let full = true
  const protocol = new ConsumerProtocol({
    clock: platform.clock,
    random: platform.random,
    sessionTimeoutMs: SESSION_MS,
    groupSizeMax: 10,
    assignors: groupAssignors,
    topics,
    keep: () => {
      if (full) throw new Error('disk full')
      return undefined
    },
  })
  const setup = { platform, topics, kept: [], protocol, group: protocol.makeGroup('g', 4) }
  const a = new Client(setup, 'a')
  assert.throws(() => a.beat())
  assert.deepEqual([setup.group.size, setup.group.epoch], [0, 4])
  full = false
  assert.equal(a.beat().memberEpoch, 5)
})

function readers(group: ConsumerGroup): void {
  // `hold` breaks an invariant when a partition would get a second holder; here the same from outside.
  const seen = new Set<string>()
  for (const member of group.members) {
    for (const part of [member.assigned, member.revoking]) {
      for (const [topic, partitions] of part) {
        for (const partition of partitions) {
          const name = `${topic}/${partition}`
          assert.ok(!seen.has(name), `${name} has two holders`)
          seen.add(name)
        }
      }
    }
  }
}

type Step =
  | { readonly kind: 'beat' | 'apply' | 'leave' | 'lost'; readonly client: number }
  | { readonly kind: 'silence' }
  | { readonly kind: 'topic'; readonly partitions: number }

const client = fc.nat(4)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('beat' as const), client }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('apply' as const), client }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('leave' as const, 'lost' as const), client }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('silence' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('topic' as const), partitions: fc.integer({ min: 1, max: 8 }) }),
  },
)

test('no two members ever read a partition, and in the end each is read by one', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 80 }),
      fc.constantFrom('uniform', 'range'),
      async (steps, assignor) => {
        const setup = setUp({ t: 4, u: 3 })
        const options = (i: number) => ({ assignor, topics: i % 2 === 0 ? ['t', 'u'] : ['t'] })
        const clients = [0, 1, 2, 3, 4].map((i) => new Client(setup, `m${i}`, options(i)))
        let epoch = 0
        for (const one of steps) {
          if (one.kind === 'silence') await setup.platform.advance(SESSION_MS + 1)
          else if (one.kind === 'topic') setup.topics.set('t', one.partitions)
          else if (one.kind === 'apply') clients[one.client]!.apply()
          else if (one.kind === 'leave') clients[one.client]!.leave()
          else if (one.kind === 'lost') {
            // The process died: a new one joins under a new id.
            clients[one.client] = new Client(
              setup,
              `n${setup.kept.length}-${one.client}`,
              options(one.client),
            )
          } else {
            const result = clients[one.client]!.beat()
            if (result.errorCode !== ErrorCodes.NONE) {
              assert.equal(result.errorCode, ErrorCodes.UNKNOWN_MEMBER_ID)
              clients[one.client]!.leave()
            }
          }
          readers(setup.group)
          assert.ok(setup.group.epoch >= epoch, 'epochs do not go back')
          epoch = setup.group.epoch
        }
        await setup.platform.advance(SESSION_MS + 1)
        for (let i = 0; i < 5; i++) {
          for (const one of clients) {
            if (one.beat().errorCode !== ErrorCodes.NONE) one.leave()
            one.apply()
          }
        }
        settle(clients)
        assert.equal(setup.group.state, 'Stable')
        const all = clients.flatMap(({ partitions }) => partitions).sort()
        const expected = [...Array(setup.topics.find('t')!.partitionCount).keys()].map((n) => `t${n}`)
        assert.deepEqual(all, [...expected, 'u0', 'u1', 'u2'])
        const loads = clients.filter((_, i) => i % 2 === 0).map(({ partitions }) => partitions.length)
        if (assignor === 'uniform') assert.ok(Math.max(...loads) - Math.min(...loads) <= 1, loads.join())
      },
    ),
    { numRuns: 300 },
  )
})
