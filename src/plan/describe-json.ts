/** A physical plan as plain data, for programs: what `JSON.stringify` may be given. */
import { type GraphNode, inputsOf } from './graph.ts'
import type { PhysicalPlan, SubTopology } from './plan.ts'

export interface DescribedPlan {
  readonly pipeline: string
  readonly subTopologies: readonly DescribedPart[]
  readonly deadLetterTopic: string
  readonly lateTopic: string
}

export interface DescribedPart {
  readonly index: number
  readonly sources: readonly DescribedSource[]
  /** Inputs before the operators that read them. */
  readonly operators: readonly DescribedOperator[]
  readonly sinks: readonly DescribedSink[]
  readonly stores: readonly {
    readonly name: string
    readonly kind: string
    readonly changelogTopic: string
    readonly operator: string
  }[]
}

export interface DescribedSource {
  readonly name: string
  readonly topic: string
  readonly internal: boolean
  /** What lies in it at the start is read first. */
  readonly bootstrap?: true
  /** Sources with a lower one come after it; left out where nothing was said. */
  readonly priority?: number
}

export interface DescribedOperator {
  readonly name: string
  readonly kind: string
  /** Names of the operators and sources that it reads. */
  readonly inputs: readonly string[]
  readonly stores: readonly string[]
}

export interface DescribedSink {
  readonly name: string
  readonly topic: string
  readonly internal: boolean
  readonly inputs: readonly string[]
  /** How many partitions the user asked for. */
  readonly partitions?: number
}

export function describePlanAsJson(plan: PhysicalPlan): DescribedPlan {
  return {
    pipeline: plan.pipeline,
    subTopologies: plan.subTopologies.map(describedPart),
    deadLetterTopic: plan.deadLetterTopic,
    lateTopic: plan.lateTopic,
  }
}

function describedPart(part: SubTopology): DescribedPart {
  return {
    index: part.index,
    sources: part.sources.map(({ node, topic, internal }) => ({
      name: node.name,
      topic,
      internal,
      ...(node.kind === 'source' && node.bootstrap ? { bootstrap: true } : {}),
      ...(node.kind === 'source' && node.priority !== undefined ? { priority: node.priority } : {}),
    })),
    operators: part.operators.map((node) => ({
      name: node.name,
      kind: node.spec.kind,
      inputs: names(inputsOf(node)),
      stores: node.spec.stores.map((store) => store.name),
    })),
    sinks: part.sinks.map(({ node, topic, internal }) => ({
      name: node.name,
      topic,
      internal,
      inputs: names(inputsOf(node)),
      ...(node.kind === 'repartition' && node.partitions !== undefined
        ? { partitions: node.partitions }
        : {}),
    })),
    stores: part.stores.map(({ spec, changelogTopic, operator }) => ({
      name: spec.name,
      kind: spec.kind,
      changelogTopic,
      operator,
    })),
  }
}

function names(nodes: readonly GraphNode[]): string[] {
  return nodes.map((node) => node.name)
}
