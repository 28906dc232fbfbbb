/** A physical plan as text, for people, and golden tests. */
import { type GraphNode, inputsOf } from './graph.ts'
import type { PhysicalPlan, PlannedSource, SubTopology } from './plan.ts'

/** One block per sub-topology: sources, operators with what they read, stores and sinks. */
export function describePlan(plan: PhysicalPlan): string {
  const lines = [`pipeline ${plan.pipeline}`]
  for (const part of plan.subTopologies) lines.push(...describePart(part))
  return `${lines.join('\n')}\n`
}

function describePart(part: SubTopology): string[] {
  const lines = [`  sub-topology ${part.index}`]
  for (const source of part.sources) {
    lines.push(`    source ${source.node.name} (${[`topic ${source.topic}`, ...traits(source)].join(', ')})`)
  }
  for (const node of part.operators) {
    const stores = node.spec.stores.map((store) => `${store.name}: ${store.kind}`).join(', ')
    const kept = stores === '' ? '' : ` [${stores}]`
    lines.push(`    ${node.spec.kind} ${node.name}${kept} <- ${names(inputsOf(node))}`)
  }
  for (const sink of part.sinks) {
    const kind = !sink.internal ? 'sink' : isBroadcast(sink.node) ? 'broadcast' : 'repartition'
    lines.push(`    ${kind} ${sink.node.name} (topic ${sink.topic}) <- ${names(inputsOf(sink.node))}`)
  }
  return lines
}

/** What is special about when a source is read. */
function traits({ node, internal }: PlannedSource): string[] {
  if (internal || node.kind !== 'source') return ['internal']
  const first = node.bootstrap === true ? ['bootstrap'] : []
  return node.priority === undefined ? first : [...first, `priority ${node.priority}`]
}

function isBroadcast(node: GraphNode): boolean {
  return node.kind === 'repartition' && node.broadcast === true
}

function names(nodes: readonly GraphNode[]): string {
  return nodes.map((node) => node.name).join(', ')
}
