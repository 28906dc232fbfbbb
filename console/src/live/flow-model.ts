/**
 * The live picture as signals: a snapshot comes in, and only what changed is drawn again.
 *
 * 1. `structure` changes only when nodes or edges come, go or are renamed; the layout depends on it alone.
 * 2. Each node and edge has a signal of its own for its figures, so a new rate touches one text in the page.
 * 3. Nodes that are gone are forgotten with their history: memory is bounded by the nodes shown.
 */
import { batch, type Signal, signal } from '@preact/signals'
import type { FlowEdge, FlowNode, FlowNodeKind, FlowSnapshot, ResultTable } from '../../../src/server/flow.ts'
import { RateHistory } from './history.ts'

/** A drawing of more cannot be read, and its layout takes seconds. */
export const NODES_SHOWN_MAX = 400

export interface StructureNode {
  readonly id: string
  readonly kind: FlowNodeKind
  readonly label: string
  readonly group: string
}

export interface StructureEdge {
  readonly from: string
  readonly to: string
  /** Something can wait along this edge, so its lag is shown. */
  readonly queued: boolean
}

export interface FlowStructure {
  readonly nodes: readonly StructureNode[]
  readonly edges: readonly StructureEdge[]
}

/** All of a snapshot but nodes, edges and results, and what is summed up from them. */
export interface FlowSummary extends Omit<FlowSnapshot, 'nodes' | 'edges' | 'results'> {
  readonly inPerSecond: number
  readonly outPerSecond: number
  readonly lateRecords: number
  readonly badRecords: number
  /** The event time that all sources have reached. */
  readonly eventTimeMs: number | null
  readonly nodesHidden: number
}

export interface LiveNode {
  readonly figures: Signal<FlowNode>
  readonly history: RateHistory
}

/** The key of an edge: ids hold no NUL. */
export const edgeKey = (edge: { readonly from: string; readonly to: string }): string =>
  `${edge.from}\0${edge.to}`

export class FlowModel {
  readonly summary = signal<FlowSummary | undefined>(undefined)
  readonly structure = signal<FlowStructure>({ nodes: [], edges: [] })
  readonly results = signal<readonly ResultTable[]>([])
  private readonly nodes = new Map<string, LiveNode>()
  private readonly edges = new Map<string, Signal<FlowEdge>>()

  node(id: string): LiveNode | undefined {
    return this.nodes.get(id)
  }

  edge(key: string): Signal<FlowEdge> | undefined {
    return this.edges.get(key)
  }

  apply(snapshot: FlowSnapshot): void {
    const nodes = snapshot.nodes.slice(0, NODES_SHOWN_MAX)
    const shown = new Set(nodes.map((node) => node.id))
    const edges = snapshot.edges.filter((edge) => shown.has(edge.from) && shown.has(edge.to))
    batch(() => {
      for (const node of nodes) this.applyNode(node, snapshot.nowMs)
      for (const edge of edges) this.applyEdge(edge)
      const structure = structureOf(nodes, edges)
      if (!sameStructure(structure, this.structure.peek())) {
        this.structure.value = structure
        for (const id of this.nodes.keys()) if (!shown.has(id)) this.nodes.delete(id)
        const keys = new Set(edges.map(edgeKey))
        for (const key of this.edges.keys()) if (!keys.has(key)) this.edges.delete(key)
      }
      this.results.value = snapshot.results
      this.summary.value = summaryOf(snapshot, nodes.length)
    })
  }

  private applyNode(node: FlowNode, nowMs: number): void {
    let live = this.nodes.get(node.id)
    if (live === undefined) {
      live = { figures: signal(node), history: new RateHistory() }
      this.nodes.set(node.id, live)
    }
    live.history.add(nowMs, node.recordsPerSecond)
    live.figures.value = node
  }

  private applyEdge(edge: FlowEdge): void {
    const figures = this.edges.get(edgeKey(edge))
    if (figures === undefined) this.edges.set(edgeKey(edge), signal(edge))
    else figures.value = edge
  }
}

function structureOf(nodes: readonly FlowNode[], edges: readonly FlowEdge[]): FlowStructure {
  return {
    nodes: nodes.map(({ id, kind, label, group }) => ({ id, kind, label, group })),
    edges: edges.map(({ from, to, lagRecords }) => ({ from, to, queued: lagRecords !== null })),
  }
}

function sameStructure(a: FlowStructure, b: FlowStructure): boolean {
  if (a.nodes.length !== b.nodes.length || a.edges.length !== b.edges.length) return false
  const sameNodes = a.nodes.every((node, index) => {
    const other = b.nodes[index]!
    const sameText = node.label === other.label && node.group === other.group
    return node.id === other.id && node.kind === other.kind && sameText
  })
  if (!sameNodes) return false
  return a.edges.every((edge, index) => {
    const other = b.edges[index]!
    return edge.from === other.from && edge.to === other.to && edge.queued === other.queued
  })
}

function summaryOf(snapshot: FlowSnapshot, nodesShown: number): FlowSummary {
  const { nodes, edges: _edges, results: _results, ...rest } = snapshot
  const sum = (figure: (node: FlowNode) => number): number =>
    nodes.reduce((total, node) => total + figure(node), 0)
  const rateOf = (kind: FlowNodeKind): number =>
    sum((node) => (node.kind === kind ? node.recordsPerSecond : 0))
  const sourceTimesMs = nodes
    .filter((node) => node.kind === 'source' && node.watermarkMs !== null)
    .map((node) => node.watermarkMs!)
  return {
    ...rest,
    inPerSecond: rateOf('source'),
    outPerSecond: rateOf('sink'),
    lateRecords: sum((node) => node.lateRecords),
    badRecords: sum((node) => node.badRecords),
    eventTimeMs: sourceTimesMs.length === 0 ? null : Math.min(...sourceTimesMs),
    nodesHidden: nodes.length - nodesShown,
  }
}
