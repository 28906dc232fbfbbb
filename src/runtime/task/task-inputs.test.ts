import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Lane } from './lane.ts'
import { TaskInputs } from './task-inputs.ts'
import type { LaneState } from './time-marker.ts'

interface Head {
  readonly state: LaneState
  readonly timeMs?: number
  readonly priority?: number
  readonly bootstrapping?: boolean
}

const lane = ({ state, timeMs, priority = 0, bootstrapping = false }: Head): Lane =>
  ({
    state,
    hasHead: timeMs !== undefined,
    headTimestampMs: timeMs ?? 0,
    timeMs: timeMs ?? 0,
    priority,
    bootstrapping,
    fill: () => false,
  }) as unknown as Lane

test('the end of one lane does not move time past what an idle one may still send', () => {
  const inputs = new TaskInputs([
    lane({ state: 'active', timeMs: Number.POSITIVE_INFINITY }),
    lane({ state: 'idle' }),
  ])
  inputs.streamTimeMs = 5
  assert.equal(inputs.next(), inputs.lanes[0])
  assert.equal(inputs.streamTimeMs, 5)
})

test('time is the smallest over the lanes that have something', () => {
  const inputs = new TaskInputs([lane({ state: 'active', timeMs: 8 }), lane({ state: 'active', timeMs: 7 })])
  assert.equal(inputs.next(), inputs.lanes[1])
  assert.equal(inputs.streamTimeMs, 7)
})

test('a lane with a higher priority goes first, and others wait for it while it may still have records', () => {
  const waits = new TaskInputs([lane({ state: 'active', timeMs: 1 }), lane({ state: 'active', priority: 1 })])
  assert.equal(waits.next(), undefined)
  const goes = new TaskInputs([
    lane({ state: 'active', timeMs: 1 }),
    lane({ state: 'active', timeMs: 9, priority: 1 }),
    lane({ state: 'active', timeMs: 8, priority: 1 }),
    lane({ state: 'idle', priority: 2 }),
  ])
  assert.equal(goes.next(), goes.lanes[2])
  assert.equal(goes.streamTimeMs, 1)
})

test('a lane that bootstraps goes first, before others have anything, and time does not move for it', () => {
  const inputs = new TaskInputs([
    lane({ state: 'active', priority: 5 }),
    lane({ state: 'active', timeMs: 9, bootstrapping: true }),
  ])
  assert.equal(inputs.next(), inputs.lanes[1])
  assert.equal(inputs.streamTimeMs, Number.NEGATIVE_INFINITY)
})

test('a lane has bootstrapped when it is idle or at its end', () => {
  const inputs = new TaskInputs([
    lane({ state: 'active', timeMs: 4 }),
    lane({ state: 'idle', bootstrapping: true }),
  ])
  assert.equal(inputs.next(), inputs.lanes[0])
  assert.equal(inputs.lanes[1]?.bootstrapping, false)
})
