/**
 * A physical plan as a Mermaid flowchart, which GitHub and many editors draw: topics as drums, operators as boxes with
 * their stores, a frame per sub-topology. Internal topics stand between the frames.
 */
import { type DescribedPlan, describePlanAsJson } from './describe-json.ts'
import type { PhysicalPlan } from './plan.ts'

export function describePlanAsMermaid(plan: PhysicalPlan): string {
  return drawn(describePlanAsJson(plan))
}

function drawn(plan: DescribedPlan): string {
  const topics = new Map<string, string>()
  const topic = (name: string): string => {
    const id = topics.get(name) ?? `t${topics.size}`
    topics.set(name, id)
    return id
  }
  const frames: string[] = []
  const edges: string[] = []
  for (const part of plan.subTopologies) {
    const ids = new Map<string, string>()
    frames.push(`  subgraph s${part.index}["sub-topology ${part.index}"]`)
    for (const operator of part.operators) {
      const id = `s${part.index}n${ids.size}`
      ids.set(operator.name, id)
      const kept = operator.stores.map((store) => `<br/>keeps ${escaped(store)}`).join('')
      frames.push(`    ${id}["${escaped(operator.name)}<br/><i>${escaped(operator.kind)}</i>${kept}"]`)
    }
    frames.push('  end')
    const sources = new Map(part.sources.map((source) => [source.name, source.topic]))
    const from = (input: string): string => ids.get(input) ?? topic(sources.get(input) as string)
    for (const { name, inputs } of part.operators)
      for (const input of inputs) edges.push(`  ${from(input)} --> ${ids.get(name)}`)
    for (const sink of part.sinks)
      for (const input of sink.inputs) edges.push(`  ${from(input)} --> ${topic(sink.topic)}`)
  }
  const drums = [...topics].map(([name, id]) => `  ${id}[("${escaped(name)}")]`)
  return `${['flowchart LR', ...drums, ...frames, ...edges].join('\n')}\n`
}

/** A name within a quoted label. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '#quot;').replaceAll('<', '&lt;')
}
