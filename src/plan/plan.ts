/**
 * The physical plan: the logical graph cut into sub-topologies at its repartition topics.
 *
 * A sub-topology is what one task runs for one partition: everything that is connected without a topic between.
 * 1. Repartition nodes become a sink of the part above and a source of the part below.
 * 2. Parts that are connected by edges, or that use the same store, are one sub-topology.
 * 3. Parts that would feed each other in a circle are refused: each would wait for the other's time.
 * 4. Each gets the stores of its operators, and per internal sink how far results may lag behind stream time.
 */
import { MillraceError } from '../core/errors.ts'
import { invariant } from '../core/invariant.ts'
import type { StoreSpec } from '../state/store.ts'
import {
  type Graph,
  type GraphNode,
  inputsOf,
  type OperatorNode,
  type RepartitionNode,
  type SinkNode,
  type SourceNode,
} from './graph.ts'

/** What a sub-topology reads: a topic of the user's, or an internal one written by another sub-topology. */
export interface PlannedSource {
  readonly node: SourceNode | RepartitionNode
  readonly topic: string
  readonly internal: boolean
  /**
   * How far behind the timestamp of one of its records the time of what follows may be: its lateness. Of an internal
   * topic what those above it hold back, or Infinity where nothing follows from a timestamp.
   */
  readonly lagMs: number
}

/** What a sub-topology writes. */
export interface PlannedSink {
  readonly node: SinkNode | RepartitionNode
  readonly topic: string
  readonly internal: boolean
  /** The time passed on through an internal topic is stream time less this. */
  readonly outputDelayMs: number
}

export interface PlannedStore {
  readonly spec: StoreSpec
  readonly changelogTopic: string
  /** The operator that the store is named after. */
  readonly operator: string
}

export interface SubTopology {
  readonly index: number
  readonly sources: readonly PlannedSource[]
  /** Inputs before the operators that read them. */
  readonly operators: readonly OperatorNode[]
  readonly sinks: readonly PlannedSink[]
  readonly stores: readonly PlannedStore[]
  /** Sources that must have the same number of partitions, because a keyed operator reads them together. */
  readonly copartitioned: readonly (readonly PlannedSource[])[]
}

export interface PhysicalPlan {
  readonly pipeline: string
  readonly subTopologies: readonly SubTopology[]
  readonly deadLetterTopic: string
  readonly lateTopic: string
}

/** Cuts a logical graph into sub-topologies. */
export function planGraph(graph: Graph): PhysicalPlan {
  refuseSecondReaders(graph)
  const parts = connectedParts(graph)
  refuseCircles(graph, parts)
  const lags = lagsOf(parts)
  return {
    pipeline: graph.pipeline,
    subTopologies: parts.map((nodes, index) => planPart(graph, nodes, index, lags)),
    deadLetterTopic: `${graph.pipeline}-dead-letters`,
    lateTopic: `${graph.pipeline}-late`,
  }
}

/** A repartition node stands twice: as the sink above (with its input) and as the source below. */
interface PartNodes {
  readonly sources: (SourceNode | RepartitionNode)[]
  readonly operators: OperatorNode[]
  readonly sinks: (SinkNode | RepartitionNode)[]
}

function connectedParts(graph: Graph): PartNodes[] {
  const parent = new Map<object, object>()
  const find = (item: object): object => {
    let root = item
    for (let up = parent.get(root); up !== undefined && up !== root; up = parent.get(root)) root = up
    parent.set(item, root)
    return root
  }
  const join = (a: object, b: object): void => {
    parent.set(find(a), find(b))
  }
  // The sink half of a repartition node is stood for by an object of its own.
  const sinkHalf = new Map<GraphNode, object>()
  const storeOwners = new Map<string, object>()
  for (const node of graph.nodes) {
    if (node.kind === 'repartition') {
      const half = {}
      sinkHalf.set(node, half)
      join(half, node.input)
      continue
    }
    for (const input of inputsOf(node)) join(node, input)
    if (node.kind !== 'operator') continue
    for (const store of node.spec.stores) {
      const owner = storeOwners.get(store.name)
      if (owner === undefined) storeOwners.set(store.name, node)
      else join(owner, node)
    }
  }
  const parts = new Map<object, PartNodes>()
  const partOf = (item: object): PartNodes => {
    const root = find(item)
    let part = parts.get(root)
    if (part === undefined) {
      part = { sources: [], operators: [], sinks: [] }
      parts.set(root, part)
    }
    return part
  }
  for (const node of graph.nodes) {
    if (node.kind === 'source') partOf(node).sources.push(node)
    else if (node.kind === 'operator') partOf(node).operators.push(node)
    else if (node.kind === 'sink') partOf(node).sinks.push(node)
    else {
      partOf(sinkHalf.get(node) as object).sinks.push(node)
      partOf(node).sources.push(node)
    }
  }
  return [...parts.values()]
}

/** A pipeline has one position per partition, so that two of its parts cannot each be somewhere else in a topic. */
function refuseSecondReaders(graph: Graph): void {
  const readers = new Map<string, SourceNode>()
  for (const node of graph.nodes) {
    if (node.kind !== 'source') continue
    const first = readers.get(node.topic)
    if (first !== undefined) {
      throw new MillraceError(
        'MR_PLAN_INVALID',
        `pipeline "${graph.pipeline}" reads ${node.topic} twice: "${first.name}" and "${node.name}"`,
        {
          hint: 'Read it once and use the stream in both places; `toTable()` makes a table of it, `toStream()` a stream of a table.',
        },
      )
    }
    readers.set(node.topic, node)
  }
}

/** Tasks wait for the time of what they read: of a part that reads what it writes, none would ever move. */
function refuseCircles(graph: Graph, parts: readonly PartNodes[]): void {
  const reads = new Map<PartNodes, readonly RepartitionNode[]>()
  for (const part of parts)
    reads.set(
      part,
      part.sources.filter((node) => node.kind === 'repartition'),
    )
  const writerOf = (node: RepartitionNode): PartNodes | undefined =>
    parts.find(({ sinks }) => sinks.includes(node))
  const done = new Set<PartNodes>()
  const visit = (part: PartNodes, below: readonly PartNodes[], topic: string): void => {
    if (below.includes(part)) {
      throw new MillraceError('MR_PLAN_INVALID', `pipeline "${graph.pipeline}" feeds ${topic} from itself`, {
        hint: 'Two parts wait for each other. Put what one of them reads of the other into a pipeline of its own.',
      })
    }
    if (done.has(part)) return
    for (const node of reads.get(part) ?? []) {
      const writer = writerOf(node)
      if (writer !== undefined) visit(writer, [...below, part], node.topic)
    }
    done.add(part)
  }
  for (const part of parts) visit(part, [], '')
}

/**
 * For each source how far behind the timestamp of one of its records the time of what follows may be. A task gives out
 * by the time of all its inputs, so that the lateness of each counts for all that it writes.
 */
function lagsOf(parts: readonly PartNodes[]): ReadonlyMap<GraphNode, number> {
  const lags = new Map<GraphNode, number>()
  const done = new Set<PartNodes>()
  const visit = (part: PartNodes): void => {
    if (done.has(part)) return
    done.add(part)
    let lagMs = 0
    for (const node of part.sources) {
      const writer = parts.find(({ sinks }) => node.kind === 'repartition' && sinks.includes(node))
      if (writer !== undefined) visit(writer)
      if (node.kind === 'source') lags.set(node, node.latenessMs)
      lagMs = Math.max(lagMs, lags.get(node) ?? 0)
    }
    const delays = outputDelays(part, ({ spec }) =>
      spec.timely ? spec.outputDelayMs : Number.POSITIVE_INFINITY,
    )
    for (const sink of part.sinks) lags.set(sink, lagMs + (delays.get(sink.input) ?? 0))
  }
  for (const part of parts) visit(part)
  return lags
}

function planPart(
  graph: Graph,
  part: PartNodes,
  index: number,
  lags: ReadonlyMap<GraphNode, number>,
): SubTopology {
  // The order decides between records of one time: tables come before the streams that look them up.
  const sources = part.sources
    .toSorted((a, b) => Number(isTable(b)) - Number(isTable(a)))
    .map((node) => ({
      node,
      topic: node.topic,
      internal: node.kind === 'repartition',
      lagMs: lags.get(node) ?? 0,
    }))
  const delays = outputDelays(part)
  const sinks = part.sinks.map((node) => ({
    node,
    topic: node.topic,
    internal: node.kind === 'repartition',
    outputDelayMs: delays.get(node.input) ?? 0,
  }))
  const stores = new Map<string, PlannedStore>()
  for (const operator of part.operators) {
    for (const spec of operator.spec.stores) {
      if (stores.has(spec.name)) continue
      const changelogTopic = `${graph.pipeline}-${spec.name}-changelog`
      stores.set(spec.name, { spec, changelogTopic, operator: operator.name })
    }
  }
  return {
    index,
    sources,
    operators: part.operators,
    sinks,
    stores: [...stores.values()],
    copartitioned: copartitionedSources(part, sources),
  }
}

function isTable(node: SourceNode | RepartitionNode): boolean {
  return node.kind === 'source' ? node.nullValues : node.broadcast === true
}

/** The largest sum of delays on any way from a source to each node. */
function outputDelays(
  part: PartNodes,
  delayOf: (node: OperatorNode) => number = ({ spec }) => spec.outputDelayMs,
): Map<GraphNode, number> {
  const delays = new Map<GraphNode, number>()
  for (const node of part.operators) {
    const above = Math.max(0, ...node.inputs.map((input) => delays.get(input) ?? 0))
    delays.set(node, above + delayOf(node))
  }
  return delays
}

/** For each keyed operator with several sources above it (or above its stores): those sources. */
function copartitionedSources(part: PartNodes, sources: readonly PlannedSource[]): PlannedSource[][] {
  const reach = new Map<GraphNode, Set<PlannedSource>>()
  for (const source of sources) reach.set(source.node, new Set([source]))
  const storeReach = new Map<string, Set<PlannedSource>>()
  const groups: PlannedSource[][] = []
  for (const node of part.operators) {
    const own = new Set<PlannedSource>()
    for (const input of node.inputs) for (const source of reach.get(input) ?? []) own.add(source)
    for (const store of node.spec.stores) {
      const shared = storeReach.get(store.name) ?? new Set()
      for (const source of shared) own.add(source)
      storeReach.set(store.name, new Set([...shared, ...own]))
    }
    reach.set(node, own)
    if (node.spec.keyed && own.size > 1) groups.push([...own])
  }
  return groups
}

/** The topics that only this pipeline reads and writes. */
export function internalTopics(plan: PhysicalPlan): {
  readonly repartition: string[]
  readonly changelog: string[]
} {
  const repartition = plan.subTopologies.flatMap((part) =>
    part.sinks.filter((sink) => sink.internal).map((sink) => sink.topic),
  )
  const changelog = plan.subTopologies.flatMap((part) => part.stores.map((store) => store.changelogTopic))
  invariant(
    new Set([...repartition, ...changelog]).size === repartition.length + changelog.length,
    'internal topics have different names',
  )
  return { repartition, changelog }
}
