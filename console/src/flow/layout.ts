/**
 * Where everything stands: from the structure to columns and heights, left to right, by dagre (Sugiyama's layers).
 *
 * 1. A store that only one operator uses hangs below that operator instead of taking a column of its own: the two are
 *    one box for dagre.
 * 2. Each group is a cluster, so that nothing else comes to stand in its frame.
 * 3. Sources stand in the first column and sinks in the last: unseen ends pull them there.
 * 4. Where an edge passes a column, dagre leaves a place free for it; nothing else of its bends is used.
 * The same structure gives the same skeleton. It is computed only when the structure changes; how wide the columns
 * are drawn is decided after it, in spread.ts.
 */
import { Graph, layout as runDagre } from '@dagrejs/dagre'
import type { FlowStructure, StructureEdge, StructureNode } from '../live/flow-model.ts'

export const NODE_HEIGHT = 54
/** With room for a label of two lines. */
export const TALL_NODE_HEIGHT = 74
export const STORE_HEIGHT = 27
export const STORE_GAP = 6
export const FRAME_PADDING = 10
export const FRAME_TITLE = 18
const NODE_GAP = 18
/** Between two frames lie a node gap and two of these: more than two paddings and a title. */
const EDGE_GAP = 15

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Stand {
  readonly node: StructureNode
  readonly column: number
  /** The upper border. */
  readonly y: number
  /** What hangs below it. */
  readonly stores: readonly StructureNode[]
}

export interface Span {
  readonly edge: StructureEdge
  /** The columns that it passes between its ends, and where. */
  readonly passed: readonly { readonly column: number; readonly y: number }[]
}

export interface Skeleton {
  readonly stands: readonly Stand[]
  readonly spans: readonly Span[]
  /** From operators to the stores that hang below them. */
  readonly hung: readonly StructureEdge[]
  readonly columnCount: number
  readonly nodeHeight: number
  readonly height: number
}

/** The stores that hang below each operator, by the operator's id. */
function hangingStores(structure: FlowStructure): ReadonlyMap<string, readonly StructureNode[]> {
  const kinds = new Map(structure.nodes.map((node) => [node.id, node.kind]))
  const below = new Map<string, StructureNode[]>()
  for (const store of structure.nodes.filter((node) => node.kind === 'store')) {
    const users = new Set<string>()
    for (const edge of structure.edges) {
      if (edge.from === store.id) users.add(edge.to)
      if (edge.to === store.id) users.add(edge.from)
    }
    const [user] = users
    if (user === undefined || users.size > 1 || kinds.get(user) !== 'operator') continue
    below.set(user, [...(below.get(user) ?? []), store])
  }
  return below
}

/** @param nodeHeight of everything but stores */
export function layoutFlow(structure: FlowStructure, nodeHeight = NODE_HEIGHT): Skeleton {
  const below = hangingStores(structure)
  const hanging = new Set([...below.values()].flat().map((store) => store.id))
  const hangs = (edge: StructureEdge): boolean => hanging.has(edge.from) || hanging.has(edge.to)
  const standing = structure.nodes.filter((node) => !hanging.has(node.id))
  const spanning = structure.edges.filter((edge) => !hangs(edge))
  const graph = dagreGraph(standing, spanning, below, nodeHeight)
  runDagre(graph)

  const centreOf = (id: string): Point & { readonly height: number } => graph.node(id)
  // dagre puts all of a column, places left free for edges too, on one x.
  const xs = [...new Set(standing.map(({ id }) => Math.round(centreOf(id).x)))].sort((a, b) => a - b)
  const columnAt = new Map(xs.map((x, column) => [x, column]))
  const stands = standing.map((node): Stand => {
    const { x, y, height } = centreOf(node.id)
    return { node, column: columnAt.get(Math.round(x))!, y: y - height / 2, stores: below.get(node.id) ?? [] }
  })
  const spans = spanning.map((edge): Span => {
    const { points } = graph.edge(edge.from, edge.to) as { readonly points: readonly Point[] }
    const passed = points.slice(1, -1).flatMap(({ x, y }) => {
      const column = columnAt.get(Math.round(x))
      return column === undefined ? [] : [{ column, y }]
    })
    return { edge, passed }
  })
  const tops = stands.map((stand) => stand.y)
  const bottoms = stands.map((stand) => centreOf(stand.node.id).y + centreOf(stand.node.id).height / 2)
  return {
    stands,
    spans,
    hung: structure.edges.filter(hangs),
    columnCount: xs.length,
    nodeHeight,
    height: stands.length === 0 ? 0 : Math.max(...bottoms) - Math.min(...tops),
  }
}

/** Ids that only dagre sees: no id of a node holds a NUL. */
const clusterId = (group: string): string => `group\0${group}`
const FIRST = 'first\0'
const LAST = 'last\0'

function dagreGraph(
  standing: readonly StructureNode[],
  spanning: readonly StructureEdge[],
  below: ReadonlyMap<string, readonly StructureNode[]>,
  nodeHeight: number,
): Graph {
  const graph = new Graph({ compound: true })
  graph.setGraph({ rankdir: 'LR', nodesep: NODE_GAP, edgesep: EDGE_GAP, ranksep: 16 })
  for (const end of [FIRST, LAST]) graph.setNode(end, { width: 0, height: 0 })
  const pull = { weight: 50 }
  for (const node of standing) {
    const stores = below.get(node.id)?.length ?? 0
    const own = node.kind === 'store' ? STORE_HEIGHT : nodeHeight
    graph.setNode(node.id, { width: 100, height: own + stores * (STORE_HEIGHT + STORE_GAP) })
    if (node.kind === 'source') graph.setEdge(FIRST, node.id, pull)
    if (node.kind === 'sink') graph.setEdge(node.id, LAST, pull)
    if (node.group === '') continue
    if (!graph.hasNode(clusterId(node.group))) graph.setNode(clusterId(node.group), { width: 0, height: 0 })
    graph.setParent(node.id, clusterId(node.group))
  }
  // Lines within a pipeline are kept straight first.
  for (const edge of spanning) graph.setEdge(edge.from, edge.to, { weight: edge.queued ? 1 : 3 })
  return graph
}
