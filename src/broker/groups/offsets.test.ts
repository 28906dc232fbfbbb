import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type CommittedOffset, Offsets } from './offsets.ts'

const at = (logOffset: number): CommittedOffset => ({
  offset: BigInt(logOffset * 10),
  leaderEpoch: 0,
  metadata: '',
  commitMs: 0,
  expireMs: -1,
  logOffset,
})

const everyGroup = (): boolean => true

test('a marker decides only the groups of its partition', () => {
  const offsets = new Offsets()
  offsets.addPending(5, 'a', 't', 0, at(1))
  offsets.addPending(5, 'b', 't', 0, at(1))
  offsets.decide(5, true, (group) => group === 'a')
  assert.equal(offsets.get('a', 't', 0)?.offset, 10n)
  assert.equal(offsets.get('b', 't', 0), undefined)
  assert.equal(offsets.isPending('b', 't', 0), true)
  offsets.decide(5, false, (group) => group === 'b')
  assert.equal(offsets.has('b'), false)
})

test('a partition is pending until the last of the transactions that hold it is decided', () => {
  const offsets = new Offsets()
  offsets.addPending(5, 'g', 't', 0, at(1))
  offsets.addPending(5, 'g', 't', 0, at(2))
  offsets.addPending(6, 'g', 't', 0, at(3))
  offsets.decide(5, true, everyGroup)
  assert.equal(offsets.isPending('g', 't', 0), true)
  offsets.decide(6, false, everyGroup)
  assert.equal(offsets.isPending('g', 't', 0), false)
  assert.equal(offsets.hasPending('g'), false)
  assert.equal(offsets.get('g', 't', 0)?.logOffset, 2)
})

type Step =
  | { readonly kind: 'commit' | 'remove'; readonly partition: number }
  | { readonly kind: 'pend'; readonly partition: number; readonly producer: number }
  | { readonly kind: 'decide'; readonly producer: number; readonly commit: boolean }

const partition = fc.nat(1)
const producer = fc.nat(1)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('commit' as const, 'remove' as const), partition }),
  fc.record({ kind: fc.constant('pend' as const), partition, producer }),
  fc.record({ kind: fc.constant('decide' as const), producer, commit: fc.boolean() }),
)

test('the offset that counts is the one that stands last in the log, of those that were committed', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const offsets = new Offsets()
      // The model keeps the whole history, and looks the answer up.
      let history: {
        partition: number
        logOffset: number
        producer: number
        state: 'open' | 'done' | 'dropped'
      }[] = []
      steps.forEach((one, logOffset) => {
        if (one.kind === 'commit') {
          offsets.commit('g', 't', one.partition, at(logOffset))
          history.push({ partition: one.partition, logOffset, producer: -1, state: 'done' })
        } else if (one.kind === 'pend') {
          offsets.addPending(one.producer, 'g', 't', one.partition, at(logOffset))
          // A later offset of the same transaction takes the place of the earlier one.
          history = history.filter(
            (entry) =>
              entry.state !== 'open' || entry.producer !== one.producer || entry.partition !== one.partition,
          )
          history.push({ partition: one.partition, logOffset, producer: one.producer, state: 'open' })
        } else if (one.kind === 'remove') {
          offsets.remove('g', 't', one.partition)
          history = history.filter((entry) => entry.state !== 'done' || entry.partition !== one.partition)
        } else if (one.kind === 'decide') {
          offsets.decide(one.producer, one.commit, everyGroup)
          for (const entry of history) {
            if (entry.state === 'open' && entry.producer === one.producer)
              entry.state = one.commit ? 'done' : 'dropped'
          }
        }
        for (const number of [0, 1]) {
          const done = history.filter((entry) => entry.partition === number && entry.state === 'done')
          const last = done.length === 0 ? undefined : Math.max(...done.map((entry) => entry.logOffset))
          assert.equal(offsets.get('g', 't', number)?.logOffset, last)
          const open = history.some((entry) => entry.partition === number && entry.state === 'open')
          assert.equal(offsets.isPending('g', 't', number), open)
        }
        const any = history.some(({ state }) => state !== 'dropped')
        assert.equal(offsets.has('g'), any)
      })
    }),
  )
})
