import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SimulatedDisk } from '../platform/simulated/disk.ts'
import { simulatedRandom } from '../platform/simulated/random.ts'
import { diagnose, findIntactBatch } from './damage.ts'
import { batchOf } from './log-fixture.ts'

const OFFSET = 1000
const before = batchOf(['before'], { baseOffset: OFFSET - 1 })
const batch = batchOf(['a record', { value: 'x'.repeat(1500) }], { baseOffset: OFFSET })
const behind = batchOf(['behind'], { baseOffset: OFFSET + 2 })

function fileOf(middle: Buffer, tail: Buffer = behind) {
  const file = new SimulatedDisk().open('/log', 'new')
  const bytes = Buffer.concat([before, middle, tail])
  file.write(bytes, 0, bytes.length, 0)
  return file
}

const diagnosed = (middle: Buffer, tail = behind): string => {
  const file = fileOf(middle, tail)
  const found = findIntactBatch(file, before.length, file.size(), OFFSET)
  const to = found?.position ?? file.size()
  if (tail.length > 0) assert.equal(found?.position, before.length + middle.length)
  return diagnose(file, before.length, to, OFFSET)
}

describe('diagnosis of a batch that is not sound', () => {
  it('calls every single flipped bit flipped, with or without a batch behind', () => {
    for (let bit = 0; bit < batch.length * 8; bit += bit < 700 ? 1 : 13) {
      // The leader epoch is covered by nothing; changed, it leaves the batch sound.
      if (bit >= 96 && bit < 128) continue
      const flipped = Buffer.from(batch)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      assert.equal(diagnosed(flipped), 'flipped', `bit ${bit}`)
      // A length of another batch could be right, when nothing behind tells.
      if (bit < 64 || bit > 96)
        assert.equal(diagnosed(flipped, Buffer.alloc(0)), 'flipped', `last, bit ${bit}`)
    }
  })

  it('calls missing sectors unwritten, wherever they lie', () => {
    const first = 512 - before.length
    const starts = [0, first, first + 512, first + 1024]
    for (let mask = 1; mask < 16; mask++) {
      const torn = Buffer.from(batch)
      starts.forEach((start, number) => {
        const end = Math.min(batch.length, starts[number + 1] ?? batch.length)
        if (mask & (1 << number)) torn.fill(0, start, end)
      })
      assert.equal(diagnosed(torn), 'unwritten', `sectors ${mask}`)
      assert.equal(diagnosed(torn, Buffer.alloc(0)), 'unwritten', `last, sectors ${mask}`)
    }
  })

  it('calls anything else damaged', () => {
    const random = simulatedRandom('damage')
    for (let run = 0; run < 50; run++) {
      const changed = Buffer.from(batch)
      const at = random.within([21, batch.length - 40])
      random.bytes(32).copy(changed, at)
      assert.equal(diagnosed(changed), 'damaged')
    }
    const junk = random.bytes(batch.length)
    assert.equal(diagnosed(junk), 'damaged')
  })

  it('finds the next intact batch wherever it begins, and only one with later offsets', () => {
    for (const gap of [1, 60, 61, 100, 5000, 1024 * 1024 + 7]) {
      const file = fileOf(Buffer.alloc(gap, 7))
      const found = findIntactBatch(file, before.length, file.size(), OFFSET)
      assert.deepEqual(found, { position: before.length + gap, baseOffset: OFFSET + 2 })
      assert.equal(findIntactBatch(file, before.length, file.size(), OFFSET + 3), undefined)
    }
  })
})
