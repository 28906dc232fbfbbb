import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReadMemory } from './read-memory.ts'

const MIB = 1024 * 1024

test('memory that was given back is lent again, once', () => {
  const memory = new ReadMemory()
  const first = memory.take(100_000)
  assert.equal(first.length, 100_000)
  const part = first.subarray(10, 20)
  assert.ok(memory.isIn([Buffer.from('header'), part]))
  memory.giveBack([Buffer.from('header'), part])
  assert.ok(!memory.isIn([part]))
  memory.giveBack([part])
  assert.notEqual(memory.take(MIB).buffer, first.buffer)
  const second = memory.take(128 * 1024)
  assert.equal(second.buffer, first.buffer)
  assert.equal(second.length, 128 * 1024)
  assert.notEqual(memory.take(128 * 1024).buffer, first.buffer)
})

test('memory that is lent is nobody else’s', () => {
  const memory = new ReadMemory()
  const buffers = Array.from({ length: 100 }, () => memory.take(MIB).buffer)
  assert.equal(new Set(buffers).size, 100)
})

test('small and very large reads have memory of their own', () => {
  const memory = new ReadMemory()
  for (const sizeBytes of [0, 1, 16 * 1024, MIB + 1]) {
    const bytes = memory.take(sizeBytes)
    assert.equal(bytes.length, sizeBytes)
    assert.ok(!memory.isIn([bytes]))
  }
})

test('what is free is bounded', () => {
  const memory = new ReadMemory()
  const lent = Array.from({ length: 50 }, () => memory.take(MIB))
  const before = new Set(lent.map(({ buffer }) => buffer))
  memory.giveBack(lent)
  const again = Array.from({ length: 50 }, () => memory.take(MIB))
  assert.equal(again.filter(({ buffer }) => before.has(buffer)).length, 16)
})
