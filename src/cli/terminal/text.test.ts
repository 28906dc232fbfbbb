/** Text and tables on a terminal. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatTable } from './table.ts'
import {
  countOf,
  cutStyled,
  cutText,
  formatCount,
  formatCountWithin,
  padText,
  printable,
  textWidth,
} from './text.ts'

const anyText = fc.string({ unit: 'grapheme', maxLength: 20 })

describe('printable text', () => {
  test('has nothing left that acts on a terminal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        assert.doesNotMatch(printable(text), /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u)
      }),
    )
  })

  test('shows what was there, and keeps what does no harm', () => {
    assert.equal(
      printable('a\u001b[31m\n\t\r\u0000\u007f\u009b\u202e'),
      'a\\u001b[31m\\n\\t\\r\\u0000\\u007f\\u009b\\u202e',
    )
    assert.equal(printable('Köln 東京 👩‍🚀 "x"'), 'Köln 東京 👩‍🚀 "x"')
  })
})

describe('widths', () => {
  test('count cells, not characters', () => {
    for (const [text, width] of [
      ['abc', 3],
      ['東京', 4],
      ['é', 1],
      ['👩‍🚀', 2],
      ['', 0],
    ] as const)
      assert.equal(textWidth(text), width, text)
  })

  test('of cut and padded text are what was asked for', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 30 }), fc.boolean(), (text, width, right) => {
        const cut = cutText(text, width)
        assert.ok(textWidth(cut) <= width)
        if (textWidth(text) <= width) assert.equal(cut, text)
        assert.equal(textWidth(padText(cut, width, right)), width)
      }),
    )
  })
})

describe('a table', () => {
  const bold = (text: string): string => `<${text}>`

  test('has numbers to the right, null as nothing, and a heading', () => {
    const rows = [
      { name: 'orders', records: 12, note: null },
      { name: 'x', records: 1_000, note: ['a', 1] },
    ]
    assert.equal(
      formatTable(rows, ['name', 'records', 'note'], { width: 80, bold }),
      '<name    records  note>\norders       12\nx          1000  ["a",1]\n',
    )
  })

  test('is as wide as the terminal at most, the widest columns cut first', () => {
    const rows = [{ a: 'x'.repeat(50), b: 'y'.repeat(20), c: 1 }]
    const text = formatTable(rows, ['a', 'b', 'c'], { width: 40, bold: (line) => line })
    assert.deepEqual(text.split('\n')[1], `${'x'.repeat(16)}…  ${'y'.repeat(17)}…  1`)
  })
})

test('numbers for people', () => {
  assert.deepEqual([formatCount(12345.6), formatCount(1.25), formatCount(0)], ['12,346', '1.3', '0'])
  assert.deepEqual(
    [countOf(1, 'record'), countOf(0, 'record'), countOf(2000, 'line')],
    ['1 record', '0 records', '2,000 lines'],
  )
})

describe('text with colours', () => {
  const styled = 'name \u001b[33mlate 8\u001b[0m and more'

  test('is cut by what is seen, and every colour ends', () => {
    assert.equal(cutStyled(styled, 80), styled)
    assert.equal(cutStyled(styled, 20), styled)
    assert.equal(cutStyled(styled, 19), 'name \u001b[33mlate 8\u001b[0m and mo…')
    assert.equal(cutStyled(styled, 8), 'name \u001b[33mla…\u001b[0m')
    assert.equal(cutStyled(styled, 3), 'na…\u001b[33m\u001b[0m')
  })
})

test('a count that has little room gets a unit', () => {
  const within = (value: number): string => formatCountWithin(value, 4)
  assert.deepEqual([0, 0.3, 999, 1_234, 27_004, 999_600, 1_200_000].map(within), [
    '0',
    '0.3',
    '999',
    '1.2k',
    '27k',
    '1.0M',
    '1.2M',
  ])
  assert.equal(formatCountWithin(27_004, 9), '27,004')
})
