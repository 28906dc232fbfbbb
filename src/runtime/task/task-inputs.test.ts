import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Lane } from './lane.ts'
import { TaskInputs } from './task-inputs.ts'
import type { LaneState } from './time-marker.ts'

interface Head {
  readonly state: LaneState
  readonly timeMs?: number
}

const lane = ({ state, timeMs }: Head): Lane =>
  ({
    state,
    hasHead: timeMs !== undefined,
    headTimestampMs: timeMs ?? 0,
    timeMs: timeMs ?? 0,
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
