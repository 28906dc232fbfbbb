import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addRun, type OffsetRun, Translation } from './offset-runs.ts'

test('a position becomes that of the record it stands for, whatever gaps both logs have', () => {
  const gaps = fc.array(fc.record({ source: fc.nat(3), target: fc.nat(3) }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(gaps, fc.array(fc.integer({ min: 5, max: 260 }), { maxLength: 20 }), (steps, positions) => {
      const places: { source: number; target: number }[] = []
      const runs: OffsetRun[] = [{ source: 5, target: 9, count: 0 }]
      let [source, target] = [5, 9]
      for (const step of steps) {
        source += step.source
        target += step.target
        places.push({ source, target })
        addRun(runs, source++, target++, 1)
      }
      const translation = new Translation(positions)
      for (const run of runs) translation.add(run)
      for (const position of positions) {
        const next = places.find((place) => place.source >= position)
        assert.equal(translation.of(position), next?.target ?? target)
      }
    }),
  )
})

test('runs that go on in both logs become one', () => {
  const runs: OffsetRun[] = []
  for (const [source, target] of [
    [0, 10],
    [1, 11],
    [2, 13],
    [4, 14],
  ] as const)
    addRun(runs, source, target, 1)
  assert.deepEqual(runs, [
    { source: 0, target: 10, count: 2 },
    { source: 2, target: 13, count: 1 },
    { source: 4, target: 14, count: 1 },
  ])
})

test('nothing is said of a partition of which no run is known', () => {
  assert.equal(new Translation([3]).of(3), undefined)
})
