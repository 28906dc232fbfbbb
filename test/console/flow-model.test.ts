import assert from 'node:assert/strict'
import { test } from 'node:test'
import { edgeKey, FlowModel, NODES_SHOWN_MAX } from '../../console/src/live/flow-model.ts'
import { HISTORY_SECONDS, RateHistory } from '../../console/src/live/history.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import type { FlowNode, FlowSnapshot } from '../../src/server/flow.ts'
import { fakeFlow } from './fake-flow.ts'

function picture(): FlowSnapshot {
  return fakeFlow({ clock: nodePlatform().clock }).snapshot()
}

test('new figures change signals of nodes and edges, not the structure', () => {
  const model = new FlowModel()
  const first = picture()
  model.apply(first)
  const structure = model.structure.value
  const edge = first.edges[0]!
  model.apply({
    ...first,
    nodes: first.nodes.map((node) => ({ ...node, records: 7 })),
    edges: first.edges.map((other) => ({ ...other, records: 9 })),
  })
  assert.equal(model.structure.value, structure)
  assert.equal(model.node(first.nodes[0]!.id)?.figures.value.records, 7)
  assert.equal(model.edge(edgeKey(edge))?.value.records, 9)
})

test('a renamed, added or removed node changes the structure', () => {
  const first = picture()
  const changes: readonly ((nodes: readonly FlowNode[]) => readonly FlowNode[])[] = [
    (nodes) => nodes.map((node, index) => (index === 3 ? { ...node, label: 'renamed' } : node)),
    (nodes) => nodes.map((node, index) => (index === 3 ? { ...node, group: 'moved' } : node)),
    (nodes) => nodes.slice(0, -1),
    (nodes) => [...nodes, { ...nodes[0]!, id: 'one more' }],
  ]
  for (const change of changes) {
    const model = new FlowModel()
    model.apply(first)
    const structure = model.structure.value
    model.apply({ ...first, nodes: change(first.nodes) })
    assert.notEqual(model.structure.value, structure)
  }
})

test('a node that is gone is forgotten, with its edges', () => {
  const model = new FlowModel()
  const first = picture()
  model.apply(first)
  const gone = first.nodes.find((node) => node.id === 'topic:departed')!
  const edge = first.edges.find((other) => other.from === gone.id)!
  model.apply({ ...first, nodes: first.nodes.filter((node) => node !== gone) })
  assert.equal(model.node(gone.id), undefined)
  assert.equal(model.edge(edgeKey(edge)), undefined)
  assert.ok(model.structure.value.edges.every(({ from, to }) => from !== gone.id && to !== gone.id))
})

test('no more nodes are drawn than can be read, and it is said how many are not', () => {
  const model = new FlowModel()
  const first = picture()
  const nodes = Array.from({ length: NODES_SHOWN_MAX + 5 }, (_, index) => ({
    ...first.nodes[0]!,
    id: `node ${index}`,
  }))
  model.apply({ ...first, nodes, edges: [] })
  assert.equal(model.structure.value.nodes.length, NODES_SHOWN_MAX)
  assert.equal(model.summary.value?.nodesHidden, 5)
})

test('the summary adds up sources, sinks and troubles, and takes the slowest source’s time', () => {
  const model = new FlowModel()
  const first = picture()
  const node = (id: string, change: Partial<FlowNode>): FlowNode => ({
    ...first.nodes[0]!,
    id,
    lateRecords: 0,
    badRecords: 0,
    watermarkMs: null,
    ...change,
  })
  model.apply({
    ...first,
    edges: [],
    nodes: [
      node('a', { recordsPerSecond: 5, watermarkMs: 2_000, badRecords: 2 }),
      node('b', { recordsPerSecond: 7, watermarkMs: 1_000 }),
      node('c', { kind: 'operator', recordsPerSecond: 100, lateRecords: 4, watermarkMs: 10 }),
      node('d', { kind: 'sink', recordsPerSecond: 3 }),
    ],
  })
  const summary = model.summary.value!
  assert.deepEqual(
    [summary.inPerSecond, summary.outPerSecond, summary.lateRecords, summary.badRecords, summary.eventTimeMs],
    [12, 3, 4, 2, 1_000],
  )
})

test('the history keeps five minutes, and leaves empty what it did not see', () => {
  const history = new RateHistory()
  assert.deepEqual(history.series(), [])
  const startMs = 1_700_000_000_000
  for (let second = 0; second < 1_000; second++) {
    if (second < 900 || second >= 910) history.add(startMs + second * 1_000, second)
  }
  const series = history.series()
  assert.equal(series.length, HISTORY_SECONDS)
  assert.equal(series.at(-1), 999)
  assert.equal(series[0], 700)
  assert.equal(series.filter((rate) => Number.isNaN(rate)).length, 10)
  assert.ok(Number.isNaN(series[200]!) && series[199] === 899 && series[210] === 910)
})

test('a snapshot that comes a little late leaves no gap', () => {
  const history = new RateHistory()
  const startMs = 1_700_000_000_000
  for (const second of [0, 1, 3, 4, 7, 11]) history.add(startMs + second * 1_000, second)
  assert.deepEqual(history.series().slice(-12), [
    0,
    1,
    3,
    3,
    4,
    7,
    7,
    7,
    Number.NaN,
    Number.NaN,
    Number.NaN,
    11,
  ])
})

test('after a break longer than the history nothing old is left', () => {
  const history = new RateHistory()
  history.add(1_000_000, 1)
  history.add(1_000_000 + 3_600_000, 2)
  assert.deepEqual(
    history.series().filter((rate) => !Number.isNaN(rate)),
    [2],
  )
  history.add(1_000_000, 3)
  assert.equal(history.series().at(-1), 2)
})
