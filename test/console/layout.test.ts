import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layoutFlow } from '../../console/src/flow/layout.ts'
import { directionOfKey, neighbour } from '../../console/src/flow/neighbours.ts'
import { type Box, type FlowLayout, spread, stretchFor } from '../../console/src/flow/spread.ts'
import { fitted, kept, revealed, Viewport, zoomed } from '../../console/src/flow/viewport.ts'
import { FlowModel, type FlowStructure } from '../../console/src/live/flow-model.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { fakeFlow } from './fake-flow.ts'

function structureOf(copies: number): FlowStructure {
  const model = new FlowModel()
  model.apply(fakeFlow({ clock: nodePlatform().clock, copies }).snapshot())
  return model.structure.value
}

function laidOut(structure: FlowStructure, aspect = 2.3): FlowLayout {
  const skeleton = layoutFlow(structure)
  return spread(skeleton, stretchFor(skeleton, aspect))
}

const apart = (a: Box, b: Box): boolean =>
  a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y
const inside = (inner: Box, outer: Box): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height

for (const copies of [1, 2, 3]) {
  test(`of ${copies} times the flights demo no two nodes or frames overlap, and all is drawn`, () => {
    const structure = structureOf(copies)
    const { nodes, edges, groups, width, height } = laidOut(structure)
    assert.equal(nodes.length, structure.nodes.length)
    assert.equal(edges.length, structure.edges.length)
    for (const [index, a] of nodes.entries()) {
      assert.ok(inside(a, { x: 0, y: 0, width, height }), a.node.id)
      for (const b of nodes.slice(index + 1)) assert.ok(apart(a, b), `${a.node.id} and ${b.node.id}`)
    }
    for (const [index, a] of groups.entries()) {
      for (const b of groups.slice(index + 1)) assert.ok(apart(a, b), `frames ${a.name} and ${b.name}`)
      for (const placed of nodes) {
        const member = placed.node.group === a.name
        assert.ok(member ? inside(placed, a) : apart(placed, a), `${placed.node.id} and frame ${a.name}`)
      }
    }
  })
}

test('records flow from left to right, from the first column to the last', () => {
  const { nodes, edges } = laidOut(structureOf(1))
  const boxes = new Map(nodes.map((placed) => [placed.node.id, placed]))
  for (const { edge, arrow } of edges) {
    const [from, to] = [boxes.get(edge.from)!, boxes.get(edge.to)!]
    if (arrow !== undefined) assert.ok(from.x + from.width < to.x, `${edge.from} to ${edge.to}`)
  }
  const columns = (kind: string): Set<number> =>
    new Set(nodes.filter((placed) => placed.node.kind === kind).map((placed) => placed.x))
  assert.equal(columns('source').size, 1)
  assert.equal(columns('sink').size, 1)
})

test('a store hangs below its only operator, and stands alone when two use it', () => {
  const node = (id: string, kind: 'operator' | 'store') => ({ id, kind, label: id, group: 'p' })
  const edge = (from: string, to: string) => ({ from, to, queued: false })
  const nodes = [node('a', 'operator'), node('b', 'operator'), node('s', 'store')]
  const hung = laidOut({ nodes, edges: [edge('a', 'b'), edge('a', 's')] })
  const [a, s] = ['a', 's'].map((id) => hung.nodes.find((placed) => placed.node.id === id)!)
  assert.ok(s!.y > a!.y && s!.x < a!.x + a!.width)
  assert.equal(hung.edges.find((placed) => placed.edge.to === 's')?.arrow, undefined)
  const shared = laidOut({ nodes, edges: [edge('a', 's'), edge('b', 's')] })
  assert.ok(shared.edges.every((placed) => placed.arrow !== undefined))
})

test('loops, lone nodes and nothing at all are drawn too', () => {
  const node = (id: string) => ({ id, kind: 'operator', label: id, group: '' }) as const
  const edge = (from: string, to: string) => ({ from, to, queued: true })
  const loop = laidOut({
    nodes: [node('a'), node('b'), node('c'), node('alone')],
    edges: [edge('a', 'b'), edge('b', 'c'), edge('c', 'a'), edge('b', 'b')],
  })
  assert.equal(loop.nodes.length, 4)
  for (const { path } of loop.edges) assert.doesNotMatch(path, /NaN|undefined/)
  assert.deepEqual(laidOut({ nodes: [], edges: [] }), {
    nodes: [],
    edges: [],
    groups: [],
    width: 0,
    height: 0,
  })
})

test('the same structure gives the same drawing', () => {
  assert.deepEqual(laidOut(structureOf(2)), laidOut(structureOf(2)))
})

test('a wider screen gets wider boxes at the same height', () => {
  const structure = structureOf(1)
  const narrow = laidOut(structure, 1)
  const wide = laidOut(structure, 4)
  assert.ok(wide.nodes[0]!.width > narrow.nodes[0]!.width)
  assert.equal(wide.height, narrow.height)
})

test('arrow keys follow the edges and reach every node', () => {
  const layout = laidOut(structureOf(1))
  assert.equal(neighbour(layout, 'source:flights.csv.gz', 'left'), undefined)
  const next = neighbour(layout, 'operator:rotations/merge', 'right')
  assert.equal(next?.node.id, 'operator:rotations/session, gap 10 hours')
  assert.equal(neighbour(layout, next!.node.id, 'down')?.node.id, 'store:rotations/sessions')
  const reached = new Set<string>([layout.nodes[0]!.node.id])
  for (const id of reached) {
    for (const direction of Object.values(directionOfKey)) {
      const to = neighbour(layout, id, direction)
      if (to !== undefined) reached.add(to.node.id)
    }
  }
  const missed = layout.nodes.filter((placed) => !reached.has(placed.node.id))
  assert.deepEqual(
    missed.map((placed) => placed.node.id),
    [],
  )
})

test('a fitted drawing is all on the screen, in the middle', () => {
  const screen = { width: 1_000, height: 500 }
  const view = fitted({ width: 4_000, height: 600 }, screen)
  assert.ok(view.x >= 0 && view.x + 4_000 * view.scale <= 1_000)
  assert.ok(view.y >= 0 && view.y + 600 * view.scale <= 500)
})

test('zooming keeps the point under the pointer', () => {
  const before = { x: 10, y: 20, scale: 0.5 }
  const after = zoomed(before, 1.5, 300, 200)
  assert.equal((300 - before.x) / before.scale, (300 - after.x) / after.scale)
  assert.equal((200 - before.y) / before.scale, (200 - after.y) / after.scale)
})

test('the drawing cannot be dragged out of sight, and a covered node is brought out', () => {
  const screen = { width: 1_000, height: 500 }
  const drawing = { width: 800, height: 400 }
  const view = kept({ x: -5_000, y: 5_000, scale: 1 }, drawing, screen)
  assert.ok(view.x + drawing.width > 0 && view.y < screen.height)
  const box = { x: 760, y: 100, width: 160, height: 50 }
  const moved = revealed({ x: 0, y: 0, scale: 1 }, box, screen, 328)
  assert.ok(moved.x + box.x + box.width < 1_000 - 328)
})

test('a view that the user moved stays when the window changes, until it is fitted again', () => {
  const viewport = new Viewport()
  viewport.setScreen({ width: 1_000, height: 500 })
  viewport.setDrawing({ width: 800, height: 300 })
  const first = viewport.view.value.scale
  viewport.setScreen({ width: 600, height: 500 })
  assert.ok(viewport.view.value.scale < first)
  viewport.zoom(1.5)
  const { scale } = viewport.view.value
  viewport.setScreen({ width: 1_000, height: 500 })
  assert.equal(viewport.view.value.scale, scale)
  viewport.fit()
  assert.equal(viewport.view.value.scale, first)
})
