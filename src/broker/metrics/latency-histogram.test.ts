import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LatencyHistogram, latencyLimitsMs } from './latency-histogram.ts'

describe('LatencyHistogram', () => {
  it('counts each value in the first bucket whose limit it does not pass', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 60_000, noNaN: true })), (values) => {
        const histogram = new LatencyHistogram()
        for (const value of values) histogram.record(value, 0)
        const wanted = [...latencyLimitsMs, Number.POSITIVE_INFINITY].map(
          (limit, at, all) => values.filter((value) => value <= limit && value > (all[at - 1] ?? -1)).length,
        )
        assert.deepEqual([...histogram.counts], wanted)
        assert.equal(histogram.count, values.length)
      }),
    )
  })

  it('gives percentiles within the bucket of the value, and NaN of nothing', () => {
    const histogram = new LatencyHistogram()
    assert.ok(Number.isNaN(histogram.quantileMs(0.5, 0)))
    for (let at = 0; at < 99; at++) histogram.record(0.7, 0)
    histogram.record(400, 0)
    const median = histogram.quantileMs(0.5, 0)
    assert.ok(median > 0.5 && median <= 1, `${median}`)
    assert.ok(histogram.quantileMs(0.99, 0) <= 1)
    const highest = histogram.quantileMs(1, 0)
    assert.ok(highest > 250 && highest <= 500, `${highest}`)
    histogram.record(1e9, 0)
    assert.equal(histogram.quantileMs(1, 0), latencyLimitsMs.at(-1))
  })

  it('forgets in percentiles what is older than two minutes, and never in its counts', () => {
    const histogram = new LatencyHistogram()
    histogram.record(400, 0)
    histogram.record(2, 61_000)
    assert.ok(histogram.quantileMs(1, 62_000) > 250, 'the last window still counts')
    histogram.record(2, 122_000)
    assert.ok(histogram.quantileMs(1, 122_000) <= 2.5)
    assert.ok(Number.isNaN(histogram.quantileMs(1, 900_000)), 'nothing for a long time')
    assert.equal(histogram.count, 3)
  })
})
