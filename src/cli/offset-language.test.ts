import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type PartitionBounds, parseOffsets, parsePosition, resolveOffset } from './offset-language.ts'

const nowMs = Date.parse('2026-11-22T10:30:00Z')

/** Offsets 100 to 199, one a minute; the last is from `nowMs`. */
const bounds: PartitionBounds = {
  startOffset: 100,
  endOffset: 200,
  offsetAt: (timestampMs) => {
    const minutes = Math.ceil((timestampMs - nowMs) / 60_000)
    return minutes > 0 ? -1 : Math.max(100, 199 + minutes)
  },
}

function resolved(text: string): readonly [from: number, to: number | undefined] {
  const { from, to } = parseOffsets(text, nowMs)
  return [resolveOffset(from, bounds), to === undefined ? undefined : resolveOffset(to, bounds)]
}

for (const [text, from, to] of [
  ['start', 100, undefined],
  ['end', 200, undefined],
  ['147', 147, undefined],
  ['+2', 102, undefined],
  ['-3', 197, undefined],
  ['110:120', 110, 120],
  ['110:', 110, undefined],
  [':120', 100, 120],
  [':end', 100, 200],
  ['+5:-5', 105, 195],
  ['start:end', 100, 200],
  ['@2026-11-22T10:00Z', 169, undefined],
  ['@2026-11-22T10:00', 169, undefined],
  ['@2026-11-22 10:00', 169, undefined],
  ['@2026-11-22T11:00+01:00', 169, undefined],
  ['@2026-11-22T10:00:00.000Z', 169, undefined],
  ['@2026-11-22', 100, undefined],
  ['@-5m', 194, undefined],
  ['@-1h30m', 109, undefined],
  [`@${nowMs}`, 199, undefined],
  [`@${nowMs + 1}`, 200, undefined],
  ['@-30m:@-20m', 169, 179],
  ['@-5m:end', 194, 200],
  ['@2026-11-22T10:00Z:@2026-11-22T10:10Z', 169, 179],
] as const) {
  test(`"${text}" is ${from} to ${to ?? 'whatever comes'} of a partition that holds 100 to 199`, () => {
    assert.deepEqual(resolved(text), [from, to])
  })
}

test('a position outside of the partition is moved to its nearest edge', () => {
  assert.deepEqual(resolved('47'), [100, undefined])
  assert.deepEqual(resolved('4700'), [200, undefined])
  assert.deepEqual(resolved('-1000'), [100, undefined])
  assert.deepEqual(resolved('+1000'), [200, undefined])
  assert.deepEqual(resolved('@0'), [100, undefined])
})

for (const text of [
  '',
  ':',
  'begin',
  '1.5',
  '--3',
  '+-3',
  '1:2:3',
  '@',
  '@tomorrow',
  '@2026-13-01',
  '@-',
  '1e3',
]) {
  test(`"${text}" is refused as wrong usage`, () => {
    assert.throws(() => parseOffsets(text, nowMs), {
      code: text === '@-' ? 'MR_DURATION_INVALID' : 'MR_USAGE',
    })
  })
}

test('offsets beyond 2^53 are refused instead of rounded', () => {
  assert.throws(() => parseOffsets('9007199254740993', nowMs), { code: 'MR_USAGE' })
  assert.throws(() => parseOffsets('@9007199254740993', nowMs), { code: 'MR_USAGE' })
})

test('whatever the text, it is a position within the partition or refused with a hint', () => {
  const letter = fc.constantFrom(...'0123456789+-:@TZsmhd .end'.split(''))
  fc.assert(
    fc.property(fc.array(letter, { maxLength: 12 }), (letters) => {
      try {
        const [from, to = 200] = resolved(letters.join(''))
        assert.ok(from >= 100 && from <= 200 && to >= 100 && to <= 200)
      } catch (error) {
        assert.match(String((error as { hint?: string }).hint), /^Write/)
      }
    }),
  )
})

test('a position alone is no range', () => {
  assert.deepEqual(parsePosition('-3', 0), { at: 'end', minus: 3 })
  assert.deepEqual(parsePosition('@2026-11-22T10:00Z', 0), {
    at: 'time',
    timestampMs: Date.UTC(2026, 10, 22, 10),
  })
  for (const text of ['10:20', '10:', ':20', ':end', '@-1h:@-30m', '@-5m:end', 'soon']) {
    assert.throws(() => parsePosition(text, 0), { code: 'MR_USAGE' }, text)
  }
})
