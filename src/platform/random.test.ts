/** What every Random must do: run on the machine's and on the simulated one. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nodeRandom } from './node/random.ts'
import { formatUuid, type Random, randomInt, randomUnit, randomUuid } from './random.ts'
import { simulatedRandom } from './simulated/random.ts'

function randomContract(name: string, make: () => Random): void {
  describe(`chance: ${name}`, () => {
    it('draws whole numbers over the whole range, each part of it about as often', () => {
      const random = make()
      const counts = new Array<number>(16).fill(0)
      for (let draw = 0; draw < 16_000; draw++) {
        const value = random.uint32()
        assert.ok(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff)
        counts[value >>> 28]!++
      }
      // 16 cells of 1000: a deviation of 250 is 8 standard deviations.
      for (const count of counts) assert.ok(Math.abs(count - 1000) < 250, `${counts}`)
    })
    it('gives as many bytes as asked for, not the same ones twice', () => {
      const random = make()
      assert.equal(random.bytes(0).length, 0)
      assert.equal(random.bytes(5000).length, 5000)
      assert.notDeepEqual(random.bytes(16), random.bytes(16))
    })
    it('keeps derived draws within their limits', () => {
      const random = make()
      const seen = new Set<number>()
      for (let draw = 0; draw < 200; draw++) {
        const unit = randomUnit(random)
        assert.ok(unit >= 0 && unit < 1)
        seen.add(randomInt(random, 3))
      }
      assert.deepEqual([...seen].sort(), [0, 1, 2])
    })
    it('makes version 4 UUIDs', () => {
      const text = formatUuid(randomUuid(make()))
      assert.match(text, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    })
  })
}

randomContract('of the machine', nodeRandom)
randomContract('simulated', () => simulatedRandom(1))

describe('simulated chance', () => {
  it('repeats itself for the same seed and differs for its neighbour', () => {
    assert.deepEqual(simulatedRandom(7).bytes(64), simulatedRandom(7).bytes(64))
    assert.notDeepEqual(simulatedRandom(7).bytes(64), simulatedRandom(8).bytes(64))
    assert.deepEqual(simulatedRandom('7').bytes(64), simulatedRandom(7).bytes(64))
  })
  it('draws for the seed 42 what it always drew, so that a reported seed stays good', () => {
    const random = simulatedRandom(42)
    assert.deepEqual(
      [random.uint32(), random.uint32(), random.uint32()],
      [3_569_877_237, 2_812_692_067, 2_995_730_857],
    )
  })
  it('gives a fork that does not depend on what was drawn before', () => {
    const early = simulatedRandom(7).fork('disk').bytes(16)
    const parent = simulatedRandom(7)
    parent.bytes(100)
    assert.deepEqual(parent.fork('disk').bytes(16), early)
    assert.notDeepEqual(parent.fork('net').bytes(16), early)
  })
  it('draws within ranges, ends included, and honours probabilities', () => {
    const random = simulatedRandom(1)
    const seen = new Set(Array.from({ length: 200 }, () => random.within([2, 4])))
    assert.deepEqual([...seen].sort(), [2, 3, 4])
    assert.equal(random.within([5, 5]), 5)
    const fraction = random.within([0.1, 0.2])
    assert.ok(fraction >= 0.1 && fraction < 0.2)
    assert.equal(random.chance(0), false)
    assert.equal(random.chance(1), true)
    const hits = Array.from({ length: 1000 }, () => random.chance(0.2)).filter(Boolean).length
    assert.ok(hits > 120 && hits < 280, `${hits}`)
  })
})
