import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FetchSession, type FetchTarget, type SessionFields } from './fetch-session.ts'

function target(number: number, offset = 0): FetchTarget {
  return {
    topic: number < 3 ? 'a' : 'b',
    topicId: Buffer.alloc(16, number < 3 ? 1 : 2),
    partition: number,
    offset,
    leaderEpoch: 0,
    maxBytes: 100,
  }
}

/** The broker's side of KIP-227. */
class BrokerSession {
  private id = 0
  private epoch = 0
  private partitions = new Map<string, bigint>()

  /** Answers with the session id, or says that the session is not known. */
  handle(request: SessionFields, keeps: boolean): number | 'unknown' {
    if (request.sessionEpoch === 0) {
      this.partitions = new Map()
      this.id = keeps ? 7 : 0
      this.epoch = 1
      this.apply(request)
      return this.id
    }
    if (request.sessionId !== this.id || this.id === 0 || request.sessionEpoch !== this.epoch)
      return 'unknown'
    this.epoch++
    this.apply(request)
    return this.id
  }

  forget(): void {
    this.id = 0
  }

  get held(): string[] {
    return [...this.partitions].map(([name, offset]) => `${name}@${offset}`).sort()
  }

  private apply({ topics, forgottenTopicsData }: SessionFields): void {
    for (const { topic, partitions } of forgottenTopicsData ?? []) {
      for (const partition of partitions) this.partitions.delete(`${topic}/${partition}`)
    }
    for (const { topic, partitions } of topics) {
      for (const { partition, fetchOffset } of partitions) {
        this.partitions.set(`${topic}/${partition}`, fetchOffset)
      }
    }
  }
}

test('whatever happens to a session, the broker fetches exactly what is wanted', () => {
  const round = fc.record({
    wanted: fc.uniqueArray(fc.nat(5), { maxLength: 6 }),
    offset: fc.nat(2),
    keeps: fc.boolean(),
    forgets: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(round, { maxLength: 12 }), (rounds) => {
      const session = new FetchSession(true)
      const broker = new BrokerSession()
      for (const { wanted, offset, keeps, forgets } of rounds) {
        if (forgets) broker.forget()
        const targets = wanted.map((number) => target(number, offset))
        let answer = broker.handle(session.request(targets), keeps)
        if (answer === 'unknown') {
          session.reset()
          answer = broker.handle(session.request(targets), keeps)
        }
        assert.notEqual(answer, 'unknown')
        session.answered(answer as number)
        assert.deepEqual(
          broker.held,
          targets.map(({ topic, partition }) => `${topic}/${partition}@${offset}`).sort(),
        )
      }
    }),
  )
})

test('only what changed is sent', () => {
  const session = new FetchSession(true)
  session.request([target(0), target(1), target(4)])
  session.answered(9)
  const next = session.request([target(0), target(1, 5)])
  assert.equal(next.sessionId, 9)
  assert.equal(next.sessionEpoch, 1)
  assert.deepEqual(
    next.topics.map(({ topic, partitions }) => [topic, partitions.map(({ partition }) => partition)]),
    [['a', [1]]],
  )
  assert.deepEqual(
    next.forgottenTopicsData?.map(({ topic, partitions }) => [topic, partitions]),
    [['b', [4]]],
  )
})

test('a topic that was made anew is forgotten under its old id and asked for under the new one', () => {
  const session = new FetchSession(true)
  session.request([target(0)])
  session.answered(9)
  const next = session.request([{ ...target(0), topicId: Buffer.alloc(16, 3) }])
  assert.equal(next.topics.length, 1)
  assert.equal(next.forgottenTopicsData?.length, 1)
})

test('by name a topic that was made anew is the same: what is forgotten and added at once is gone', () => {
  const session = new FetchSession(true)
  session.request([target(0)], 'name')
  session.answered(9)
  const next = session.request([{ ...target(0, 5), topicId: Buffer.alloc(16, 3) }], 'name')
  assert.equal(next.sessionId, 9)
  assert.equal(next.topics.length, 1)
  assert.equal(next.forgottenTopicsData?.length, 0)
})

test('a session goes by ids or by names, and another begins when that changes', () => {
  const session = new FetchSession(true)
  session.request([target(0)], 'name')
  session.answered(9)
  const next = session.request([target(0)], 'id')
  assert.deepEqual([next.sessionId, next.sessionEpoch, next.topics.length], [0, 0, 1])
})

test('without sessions every request is whole', () => {
  const session = new FetchSession(false)
  for (let round = 0; round < 2; round++) {
    const request = session.request([target(0), target(4)])
    assert.deepEqual([request.sessionId, request.sessionEpoch, request.topics.length], [0, -1, 2])
    session.answered(0)
  }
})

test('the epoch wraps to 1', () => {
  const session = new FetchSession(true)
  session.request([])
  session.answered(1)
  Object.assign(session, { epoch: 0x7fff_ffff })
  session.answered(1)
  assert.equal(session.request([]).sessionEpoch, 1)
})
