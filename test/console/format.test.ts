import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  formatCompact,
  formatCount,
  formatDuration,
  formatRate,
  formatTime,
  numberFormat,
  shorten,
  timePrecision,
} from '../../console/src/format.ts'
import { formatHash, parseHash } from '../../console/src/shell/address.ts'

test('a compact number has at most four characters and its unit', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0'],
    [7, '7'],
    [7.46, '7.5'],
    [9.96, '10'],
    [340.4, '340'],
    [999.6, '1.0k'],
    [1_234, '1.2k'],
    [27_004, '27k'],
    [999_600, '1.0M'],
    [1_234_567, '1.2M'],
    [3.2e9, '3.2G'],
  ]
  for (const [amount, text] of cases) assert.equal(formatCompact(amount), text)
  fc.assert(
    fc.property(fc.double({ min: 0, max: 9e14, noNaN: true }), (amount) => formatCompact(amount).length <= 5),
  )
})

test('a rate too small to show is not shown as none', () => {
  assert.equal(formatRate(0), '0/s')
  assert.equal(formatRate(0.01), '<0.1/s')
  assert.equal(formatRate(0.05), '0.1/s')
  assert.equal(formatRate(1_234), '1.2k/s')
})

test('counts have thousands separators', () => {
  assert.equal(formatCount(336_776), '336,776')
})

test('times are UTC, as short as shows all of a column', () => {
  const timeMs = Date.UTC(2013, 0, 3, 7, 12)
  assert.equal(formatTime(timeMs), '2013-01-03 07:12')
  assert.equal(formatTime(timeMs + 5_000, timePrecision([timeMs, timeMs + 5_000])), '2013-01-03 07:12:05')
  assert.equal(formatTime(timeMs + 7, timePrecision([timeMs + 7])), '2013-01-03 07:12:00.007')
  assert.equal(timePrecision([]), 'minute')
  assert.equal(formatTime(Number.NaN), 'NaN')
  assert.equal(formatTime(1e300), '1e+300')
})

test('durations have the two largest units', () => {
  const cases: readonly (readonly [number, string])[] = [
    [780, '780 ms'],
    [4_249, '4.2 s'],
    [42_000, '42 s'],
    [192_000, '3 min 12 s'],
    [7_500_000, '2 h 05 min'],
    [273_600_000, '3 d 4 h'],
  ]
  for (const [durationMs, text] of cases) assert.equal(formatDuration(durationMs), text)
})

test('numbers of a column have the same decimals, as few as show them, at most two', () => {
  assert.equal(numberFormat([1, 1_200]).format(1_200), '1,200')
  assert.equal(numberFormat([1, 2.5]).format(1), '1.0')
  assert.equal(numberFormat([1 / 3]).format(1 / 3), '0.33')
  assert.equal(numberFormat([0.1 + 0.2]).format(0.1 + 0.2), '0.3')
})

test('a text is cut where it still fits, never wider', () => {
  const measure = (text: string): number => text.length * 7
  assert.equal(shorten('departed', 56, measure), 'departed')
  assert.equal(shorten('departures-enriched', 77, measure), 'departures…')
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 7, max: 200 }), (text, widthMax) => {
      assert.ok(measure(shorten(text, widthMax, measure)) <= widthMax)
    }),
  )
})

test('an address read and written again is the same', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (node, table) => {
      const route = { page: 'flow', parameters: { node, table } }
      assert.deepEqual(parseHash(formatHash(route)), route)
    }),
  )
  assert.deepEqual(parseHash(''), { page: 'flow', parameters: {} })
  assert.deepEqual(parseHash('#/topics'), { page: 'topics', parameters: {} })
})
