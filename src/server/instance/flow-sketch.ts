/**
 * The drawing of a configuration: which nodes and edges there are, and by which counter each moves. Made once per
 * topology; `flow-picture.ts` fills in the numbers.
 */
import { type GraphNode, inputsOf } from '../../plan/graph.ts'
import type { PhysicalPlan, SubTopology } from '../../plan/plan.ts'
import type { FlowNodeKind } from '../flow.ts'
import type { MillraceConfig } from './config.ts'

export interface SketchNode {
  readonly id: string
  readonly kind: FlowNodeKind
  readonly label: string
  readonly group: string
  /** The counters whose sum is the node's records. */
  readonly counters: readonly string[]
  readonly pipeline?: string
  readonly subTopology?: number
  /** The bad records of the whole sub-topology are shown here. */
  readonly showsBad?: boolean
}

export interface SketchEdge {
  readonly from: string
  readonly to: string
  /** The counters whose sum is the edge's records. */
  readonly counters: readonly string[]
  /** The reader whose lag behind the topic is the edge's: `pipeline:flights`, `delivery:files`. */
  readonly reader?: string
  readonly topic?: string
}

export interface FlowSketch {
  readonly nodes: readonly SketchNode[]
  readonly edges: readonly SketchEdge[]
}

const nodeId = (kind: string, ...names: readonly string[]): string => `${kind}:${names.join('/')}`
/** What a node of a plan has given out. */
export const nodeCounter = (pipeline: string, node: string): string => `node:${pipeline}/${node}`

export function sketchFlow(config: MillraceConfig): FlowSketch {
  const nodes = new Map<string, SketchNode>()
  const edges = new Map<string, SketchEdge>()
  const draw: Draw = {
    node: (node) => void (nodes.has(node.id) || nodes.set(node.id, node)),
    edge: (edge) => void (edges.has(`${edge.from} ${edge.to}`) || edges.set(`${edge.from} ${edge.to}`, edge)),
    written: new Map(),
  }
  for (const agent of config.agents ?? []) drawAgent(draw, agent)
  const plans = (config.pipelines ?? []).map((pipeline) => pipeline.plan())
  for (const plan of plans) for (const part of plan.subTopologies) drawPart(draw, plan, part)
  for (const delivery of config.deliveries ?? []) drawDelivery(draw, delivery)
  const topics = [...draw.written].map(([topic, writers]) => topicNode(topic, plans, writers))
  return { nodes: [...nodes.values(), ...topics], edges: [...edges.values()] }
}

interface Draw {
  node(node: SketchNode): void
  edge(edge: SketchEdge): void
  /** The counters of what writes a topic here; none where only others write it. */
  readonly written: Map<string, string[]>
}

function topicNode(topic: string, plans: readonly PhysicalPlan[], writers: readonly string[]): SketchNode {
  const owner = plans.find((plan) => topic.startsWith(`${plan.pipeline}-`) && topic.endsWith('-repartition'))
  const group = owner?.pipeline ?? ''
  const label = owner === undefined ? topic : topic.slice(owner.pipeline.length + 1)
  const counters = writers.length > 0 ? writers : [`topic:${topic}`]
  return { id: nodeId('topic', topic), kind: 'topic', label, group, counters }
}

function touch(draw: Draw, topic: string, ...counters: readonly string[]): string {
  draw.written.set(topic, [...(draw.written.get(topic) ?? []), ...counters])
  return nodeId('topic', topic)
}

function drawAgent(draw: Draw, agent: NonNullable<MillraceConfig['agents']>[number]): void {
  const id = nodeId('source', agent.name)
  // What it wrote, not what it read: a replay reads everything first and then gives it out over time.
  const topics = [...agent.channels.map(({ topic }) => topic), agent.deadLetters]
  const counterOf = (topic: string): string => `channel:${agent.name}/${topic}`
  draw.node({ id, kind: 'source', label: agent.name, group: '', counters: topics.map(counterOf) })
  for (const topic of topics) {
    const counter = counterOf(topic)
    draw.edge({ from: id, to: touch(draw, topic, counter), counters: [counter] })
  }
}

function drawPart(draw: Draw, plan: PhysicalPlan, part: SubTopology): void {
  const { pipeline } = plan
  const place = { group: pipeline, pipeline, subTopology: part.index }
  const from = (input: GraphNode): Omit<SketchEdge, 'to'> => {
    const counters = [nodeCounter(pipeline, input.name)]
    if (input.kind === 'operator') return { from: nodeId('operator', pipeline, input.name), counters }
    return { from: touch(draw, input.topic), counters, reader: `pipeline:${pipeline}`, topic: input.topic }
  }
  for (const [at, node] of part.operators.entries()) {
    const id = nodeId('operator', pipeline, node.name)
    const counters = inputsOf(node).map((input) => nodeCounter(pipeline, input.name))
    draw.node({ id, kind: 'operator', label: node.name, counters, ...place, showsBad: at === 0 })
    for (const input of inputsOf(node)) draw.edge({ ...from(input), to: id })
    for (const { name } of node.spec.stores) {
      const store = nodeId('store', pipeline, name)
      draw.node({ id: store, kind: 'store', label: name, counters: [], ...place })
      draw.edge({ from: id, to: store, counters })
    }
  }
  for (const { node, topic } of part.sinks) {
    const edge = from(node.input)
    draw.edge({ ...edge, to: touch(draw, topic, ...edge.counters) })
  }
}

function drawDelivery(draw: Draw, delivery: NonNullable<MillraceConfig['deliveries']>[number]): void {
  const id = nodeId('sink', delivery.name)
  const counters = [`delivery:${delivery.name}`]
  draw.node({ id, kind: 'sink', label: delivery.name, group: '', counters })
  for (const topic of delivery.topics) {
    // A delivery counts all its topics together: along one edge goes what was written to the topic.
    draw.edge({ from: touch(draw, topic), to: id, counters: draw.written.get(topic) ?? [] })
  }
}
