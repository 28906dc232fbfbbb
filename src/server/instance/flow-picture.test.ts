import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json } from '../../core/serde.ts'
import { pipeline } from '../../dsl/pipeline.ts'
import { simulatedPlatform } from '../../platform/simulated/platform.ts'
import type { ThreadSnapshot } from '../../runtime/thread/thread-snapshot.ts'
import type { FlowSnapshot } from '../flow.ts'
import { FlowPicture } from './flow-picture.ts'
import { sketchFlow } from './flow-sketch.ts'

function sales() {
  const app = pipeline('sales')
  app
    .stream('orders', json<{ id: string }>())
    .filter(({ id }) => id !== '')
    .mapValues(({ id }) => ({ id, seen: true }))
    .to('sold')
  return app
}

const task = {
  name: '0_0',
  subTopology: 0,
  partition: 0,
  streamTimeMs: 5_000,
  processedRecords: 10,
  badRecords: 3,
  lateRecords: 0,
  lateByOperator: {},
  ended: false,
  committed: true,
  nodeRecords: {},
  storeEntries: {},
}
const thread: ThreadSnapshot = {
  tasks: [task, { ...task, name: '0_1', partition: 1, badRecords: 4 }],
  inputs: [],
  restoredRecords: 0,
  commits: 1,
}

function draw(): FlowSnapshot {
  const { clock } = simulatedPlatform({ seed: 1 })
  const sketch = sketchFlow({ pipelines: [sales()] })
  return new FlowPicture({ sketch, title: 't', version: '0', clock }).draw({
    state: 'running',
    uptimeMs: 0,
    agents: [],
    pipelines: [{ name: 'sales', threads: [thread] }],
    deliveries: [],
    results: [],
    parts: [],
  })
}

test('bad records of a pipeline are shown once, at the first operator that they would have come to', () => {
  const operators = draw().nodes.filter(({ kind }) => kind === 'operator')
  assert.ok(operators.length >= 2)
  assert.deepEqual(
    operators.map(({ badRecords }) => badRecords),
    [7, ...operators.slice(1).map(() => 0)],
  )
})

test('the watermark of an operator is that of its slowest task', () => {
  for (const node of draw().nodes.filter(({ kind }) => kind === 'operator'))
    assert.equal(node.watermarkMs, 5_000)
})
