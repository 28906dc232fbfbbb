import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { assertOnce, assertOrder, findOnce, findOutOfOrder } from './record-checks.ts'

const id = (n: number): number => n

describe('exactly once', () => {
  it('names what is lost, there twice and not expected', () => {
    assert.deepEqual(findOnce([1, 2, 3], [1, 1, 3, 4], { id }), {
      lost: ['2'],
      duplicated: ['1'],
      unexpected: ['4'],
    })
    assert.throws(() => assertOnce([1, 2], [1, 1], { id }), {
      code: 'ERR_ASSERTION',
      message: 'not exactly once; 1 lost: 2; 1 duplicated: 1',
    })
  })

  it('lets what is uncertain be there or not, and not twice', () => {
    assertOnce([1], [1], { id, uncertain: [2] })
    assertOnce([1], [2, 1], { id, uncertain: [2] })
    assert.throws(() => assertOnce([1], [2, 1, 2], { id, uncertain: [2] }), /1 duplicated: 2/)
  })

  it('sees every record that is taken away, doubled or added', () => {
    const ids = fc.uniqueArray(fc.nat(1000), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(ids, fc.nat(), (all, at) => {
        const one = all[at % all.length]!
        assertOnce(all, all.toReversed(), { id })
        const without = all.filter((n) => n !== one)
        assert.throws(() => assertOnce(all, without, { id }), /1 lost/)
        assert.throws(() => assertOnce(all, [...all, one], { id }), /1 duplicated/)
        assert.throws(() => assertOnce(without, all, { id }), /1 unexpected/)
      }),
    )
  })
})

describe('order', () => {
  const record = fc.record({ line: fc.constantFrom('a', 'b'), number: fc.nat(9) }, { noNullPrototype: true })
  const options = {
    line: (one: { readonly line: string }) => one.line,
    number: (one: { readonly number: number }) => one.number,
  }

  it('holds when each line is sorted, however lines are mixed', () => {
    fc.assert(
      fc.property(fc.array(record), (records) => {
        const sorted = ['a', 'b'].every((line) => {
          const own = records.filter((one) => one.line === line).map(({ number }) => number)
          return own.every((number, at) => at === 0 || own[at - 1]! <= number)
        })
        assert.equal(findOutOfOrder(records, options).length === 0, sorted)
      }),
    )
  })

  it('says which record is behind which', () => {
    const records = [3, 5, 4].map((number) => ({ line: 'a', number }))
    assert.throws(() => assertOrder(records, options), { message: '1 out of order; "a": 4 behind 5' })
  })

  it('does not hold of records that have no number', () => {
    const misread = { ...options, number: (one: object) => (one as { readonly nummer: number }).nummer }
    const records = [1, 2].map((number) => ({ line: 'a', number }))
    assert.throws(() => assertOrder(records, misread), {
      message: '2 out of order; "a": undefined behind nothing, "a": undefined behind nothing',
    })
    const late = [
      { line: 'a', number: 1 },
      { line: 'a', number: Number.NaN },
    ]
    assert.deepEqual(findOutOfOrder(late, options), [{ line: 'a', before: late[0], record: late[1] }])
  })
})
