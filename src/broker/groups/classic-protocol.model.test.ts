/**
 * The classic protocol against a naive model: clients join, sync, beat, leave and fall silent in any order; every
 * answer, and who is still waiting for one, must be what the model says.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { JoinResult, SyncResult } from './classic-member.ts'
import { ClassicProtocol } from './classic-protocol.ts'

const { NONE, UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS } = ErrorCodes
const REBALANCE_MS = 60_000
const CLIENTS = 4

type Step =
  | { readonly kind: 'join' | 'sync' | 'beat' | 'leave'; readonly client: number }
  | { readonly kind: 'time' }

const client = fc.nat(CLIENTS - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('join' as const), client }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('sync' as const), client }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('beat' as const, 'leave' as const), client }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const) }) },
)

/** What a request is answered: `join 2 leader`, `sync for 3 in 2`, `25`. */
type Answer = string

/** The group as one would write it down on paper; clients are members by their number. */
class Model {
  private phase: 'empty' | 'join' | 'sync' | 'stable' = 'empty'
  private generation = 0
  private members: number[] = []
  private leader: number | undefined
  private readonly joining = new Set<number>()
  private readonly syncing = new Set<number>()
  private readonly unsynced = new Set<number>()
  /** What each client believes; a client that was told that it is unknown believes nothing. */
  private readonly believed = new Map<number, number>()
  readonly answers: [client: number, answer: Answer][] = []

  get waiting(): number[] {
    return [...this.joining, ...this.syncing].sort((a, b) => a - b)
  }

  join(c: number): void {
    const known = this.members.includes(c)
    if (this.believed.has(c) && !known) {
      this.unknown(c)
      return
    }
    if (known && (this.phase === 'sync' || (this.phase === 'stable' && c !== this.leader))) {
      this.say(c, this.joined(c))
      return
    }
    if (!known) this.members.push(c)
    this.leader ??= c
    this.joining.add(c)
    if (this.phase === 'join') this.completeIfAll()
    else this.prepare()
  }

  sync(c: number): void {
    if (!this.members.includes(c)) this.unknown(c)
    else if (this.believed.get(c) !== this.generation) this.say(c, String(ILLEGAL_GENERATION))
    else if (this.phase === 'join') this.say(c, String(REBALANCE_IN_PROGRESS))
    else {
      this.unsynced.delete(c)
      this.syncing.add(c)
      if (c === this.leader) this.phase = 'stable'
      if (this.phase !== 'stable') return
      for (const other of this.members)
        if (this.syncing.delete(other)) this.say(other, this.assignment(other))
    }
  }

  beat(c: number): void {
    if (!this.members.includes(c)) this.unknown(c)
    else if (this.believed.get(c) !== this.generation) this.say(c, String(ILLEGAL_GENERATION))
    else this.say(c, String(this.phase === 'join' ? REBALANCE_IN_PROGRESS : NONE))
  }

  leave(c: number): void {
    if (!this.members.includes(c)) {
      this.unknown(c)
      return
    }
    this.remove(c)
    this.believed.delete(c)
    if (this.phase === 'join') this.completeIfAll()
    else this.prepare()
    this.say(c, String(NONE))
  }

  /** The time for the present phase is over. */
  time(): void {
    if (this.phase === 'join') this.complete()
    else if ((this.phase === 'sync' || this.phase === 'stable') && this.unsynced.size > 0) {
      for (const c of [...this.unsynced]) this.remove(c, false)
      this.unsynced.clear()
      this.prepare()
    }
  }

  private say(c: number, answer: Answer): void {
    this.answers.push([c, answer])
  }

  private unknown(c: number): void {
    this.believed.delete(c)
    this.say(c, String(UNKNOWN_MEMBER_ID))
  }

  private joined(c: number): Answer {
    this.believed.set(c, this.generation)
    return `join ${this.generation}${c === this.leader ? ` leads ${[...this.members].sort().join()}` : ''}`
  }

  private assignment(c: number): Answer {
    return `sync for ${c} in ${this.generation}`
  }

  private remove(c: number, tell = true): void {
    if (tell && (this.joining.has(c) || this.syncing.has(c))) this.say(c, String(UNKNOWN_MEMBER_ID))
    this.joining.delete(c)
    this.syncing.delete(c)
    this.unsynced.delete(c)
    this.members = this.members.filter((member) => member !== c)
    if (this.leader === c) this.leader = this.members[0]
  }

  private prepare(): void {
    for (const c of [...this.syncing]) this.say(c, String(REBALANCE_IN_PROGRESS))
    this.syncing.clear()
    const first = this.phase === 'empty'
    this.phase = 'join'
    if (first) this.complete()
    else this.completeIfAll()
  }

  private completeIfAll(): void {
    if (this.members.every((c) => this.joining.has(c))) this.complete()
  }

  private complete(): void {
    for (const c of this.members) if (!this.joining.has(c)) this.remove(c)
    this.generation++
    if (this.members.length === 0) {
      this.phase = 'empty'
      this.leader = undefined
      return
    }
    this.phase = 'sync'
    if (this.leader === undefined || !this.members.includes(this.leader)) this.leader = this.members[0]
    this.unsynced.clear()
    for (const c of this.members) this.unsynced.add(c)
    for (const c of [...this.members]) {
      this.joining.delete(c)
      this.say(c, this.joined(c))
    }
  }
}

/** The same clients against the real thing. */
class Real {
  private readonly platform = simulatedPlatform({ seed: 'classic model' })
  private readonly protocol = new ClassicProtocol({
    clock: this.platform.clock,
    random: this.platform.random,
    initialDelayMs: 0,
    groupSizeMax: 100,
    keep: () => undefined,
  })
  private readonly group = this.protocol.makeGroup('g')
  private readonly ids = new Map<number, string>()
  private readonly generations = new Map<number, number>()
  readonly answers: [client: number, answer: Answer][] = []
  private readonly open = new Map<number, number>()

  get waiting(): number[] {
    return [...this.open].flatMap(([c, count]) => (count > 0 ? [c] : [])).sort((a, b) => a - b)
  }

  settle(): Promise<void> {
    return this.platform.advance(0)
  }

  time(): Promise<void> {
    return this.platform.advance(REBALANCE_MS)
  }

  join(c: number): void {
    const result = this.protocol.join(this.group, {
      memberId: this.ids.get(c) ?? '',
      instanceId: null,
      clientId: `c${c}`,
      clientHost: '/h',
      sessionTimeoutMs: 1_000_000_000,
      rebalanceTimeoutMs: REBALANCE_MS,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.from('m') }],
      requiresKnownId: false,
      canSkipAssignment: true,
    })
    this.hear(c, result, ({ errorCode, memberId, generation, leaderId, members }: JoinResult) => {
      if (errorCode !== NONE) return this.refused(c, errorCode)
      this.ids.set(c, memberId)
      this.generations.set(c, generation)
      const numbers = members.map((member) => this.numberOf(member.memberId)).sort()
      return `join ${generation}${leaderId === memberId && members.length > 0 ? ` leads ${numbers.join()}` : ''}`
    })
  }

  sync(c: number): void {
    const generation = this.generations.get(c) ?? 0
    const result = this.protocol.sync(this.group, {
      memberId: this.ids.get(c) ?? 'nobody',
      instanceId: null,
      generation,
      protocolType: null,
      protocolName: null,
      assignments: [...this.group.members].map(({ id }) => ({
        memberId: id,
        assignment: Buffer.from(`for ${this.numberOf(id)} in ${generation}`),
      })),
    })
    this.hear(c, result, ({ errorCode, assignment }: SyncResult) =>
      errorCode === NONE ? `sync ${assignment.toString()}` : this.refused(c, errorCode),
    )
  }

  beat(c: number): void {
    const memberId = this.ids.get(c) ?? 'nobody'
    const generation = this.generations.get(c) ?? 0
    const code = this.protocol.heartbeat(this.group, { memberId, instanceId: null, generation })
    this.hear(c, code, (value) => this.refused(c, value))
  }

  leave(c: number): void {
    // Also before it has learned its id: as an administrator would remove it.
    const listed = [...this.group.members].find(({ clientId }) => clientId === `c${c}`)
    const memberId = this.ids.get(c) ?? listed?.id ?? 'nobody'
    const code = this.protocol.leave(this.group, { memberId, instanceId: null })
    this.ids.delete(c)
    this.generations.delete(c)
    this.hear(c, code, String)
  }

  private hear<T>(c: number, answer: T | Promise<T>, tell: (value: T) => Answer): void {
    this.open.set(c, (this.open.get(c) ?? 0) + 1)
    void Promise.resolve(answer).then((value) => {
      this.open.set(c, this.open.get(c)! - 1)
      this.answers.push([c, tell(value)])
    })
  }

  private refused(c: number, code: number): Answer {
    if (code === UNKNOWN_MEMBER_ID) {
      this.ids.delete(c)
      this.generations.delete(c)
    }
    return String(code)
  }

  /** Member ids begin with the client's id. */
  private numberOf(memberId: string): number {
    return Number(memberId[1])
  }
}

const byClient = (answers: readonly [number, Answer][]): Answer[][] =>
  Array.from({ length: CLIENTS }, (_, c) => answers.filter(([who]) => who === c).map(([, answer]) => answer))

test('the classic protocol answers what the model says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const [model, real] = [new Model(), new Real()]
      for (const one of steps) {
        if (one.kind === 'time') {
          model.time()
          await real.time()
        } else if (one.kind === 'leave' || !model.waiting.includes(one.client)) {
          // A client waits for one answer before it asks the next.
          model[one.kind](one.client)
          real[one.kind](one.client)
        }
        await real.settle()
        assert.deepEqual(real.waiting, model.waiting)
        assert.deepEqual(byClient(real.answers), byClient(model.answers))
      }
    }),
    { numRuns: 400 },
  )
})
