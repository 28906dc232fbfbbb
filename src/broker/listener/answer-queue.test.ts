import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AnswerQueue } from './answer-queue.ts'

test('answers go out in the order of the requests, however they come', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 200 }), (keys) => {
      const queue = new AnswerQueue()
      const places = keys.map(() => queue.open())
      const order = keys.map((_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b)
      let sent = ''
      for (const i of order) {
        queue.settle(places[i]!, i % 7 === 3 ? undefined : [Buffer.from(`${i};`)])
        sent += Buffer.concat(queue.take()).toString()
      }
      const expected = keys.map((_, i) => (i % 7 === 3 ? '' : `${i};`)).join('')
      assert.equal(sent, expected)
      assert.equal(queue.length, 0)
      assert.equal(queue.readyBytes, 0)
    }),
  )
})

test('small pieces are joined, large ones are passed on as they are', () => {
  const queue = new AnswerQueue()
  const large = Buffer.alloc(100_000)
  queue.settle(queue.open(), [Buffer.from('a'), Buffer.from('b')])
  queue.settle(queue.open(), [Buffer.from('c'), large, Buffer.from('d')])
  queue.settle(queue.open(), [Buffer.from('e')])
  const pieces = queue.take()
  assert.deepEqual(
    pieces.map(({ length }) => length),
    [3, 100_000, 2],
  )
  assert.equal(pieces[1], large)
})

test('bytes that wait behind an open request are counted', () => {
  const queue = new AnswerQueue()
  const first = queue.open()
  queue.settle(queue.open(), [Buffer.alloc(10)])
  assert.deepEqual(queue.take(), [])
  assert.equal(queue.readyBytes, 10)
  assert.equal(queue.length, 2)
  queue.settle(first)
  assert.equal(Buffer.concat(queue.take()).length, 10)
  assert.throws(() => queue.settle(first), { code: 'MR_INVARIANT' })
})
