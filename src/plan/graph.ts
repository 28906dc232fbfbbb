/**
 * The logical plan: what a builder or SQL text says, as a graph of nodes. Nodes are added inputs first, so the list
 * is in topological order.
 *
 * Names: stateful nodes have a name that the user gave or that follows from what they read, never a running
 * number, because stores and internal topics are called after it and must survive an edit of the pipeline.
 */
import { MillraceError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'
import { checkTopicName } from '../core/topic-name.ts'
import type { OperatorSpec } from '../operators/operator.ts'

/** What happens to a record that cannot be decoded, validated or processed. */
export type InvalidPolicy = 'fail' | 'dead-letter' | 'skip'

export interface SourceNode {
  readonly kind: 'source'
  readonly name: string
  readonly topic: string
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  /** The event time of a value, milliseconds since the epoch; the record's timestamp when missing. */
  readonly eventTime: ((value: unknown, key: unknown) => number) | undefined
  /** How much out of order records may come and still be on time. */
  readonly latenessMs: number
  /** True for tables, whose null values delete. A stream takes a null value for an invalid record. */
  readonly nullValues: boolean
  readonly onInvalid: InvalidPolicy
  /** Its records have no time: they go before all others, whatever their timestamps. */
  readonly timeless?: true
  /** What lies in it when a task starts goes first, whatever its time. */
  readonly bootstrap?: true
  /** Its records go before those of sources with a lower one, whatever their times. Default 0. */
  readonly priority?: number
}

export interface OperatorNode {
  readonly kind: 'operator'
  readonly name: string
  readonly spec: OperatorSpec
  readonly inputs: readonly GraphNode[]
}

/** Records written by key to an internal topic and read back by the tasks below it, or every record by all of them. */
export interface RepartitionNode {
  readonly kind: 'repartition'
  readonly name: string
  readonly topic: string
  readonly input: GraphNode
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
  /** How many the user asked for. */
  readonly partitions?: number
  /** Every record goes to every partition: a global table. */
  readonly broadcast?: true
}

export interface SinkNode {
  readonly kind: 'sink'
  readonly name: string
  readonly topic: string
  readonly input: GraphNode
  readonly keySerde: Serde<unknown>
  readonly valueSerde: Serde<unknown>
}

export type GraphNode = SourceNode | OperatorNode | RepartitionNode | SinkNode

/** The nodes that a node reads from. */
export function inputsOf(node: GraphNode): readonly GraphNode[] {
  switch (node.kind) {
    case 'source':
      return []
    case 'operator':
      return node.inputs
    default:
      return [node.input]
  }
}

export class Graph {
  readonly pipeline: string
  readonly nodes: GraphNode[] = []
  private readonly names = new Set<string>()
  private readonly sequences = new Map<string, number>()

  constructor(pipeline: string) {
    checkTopicName(pipeline)
    this.pipeline = pipeline
  }

  add<N extends GraphNode>(node: N): N {
    for (const input of inputsOf(node)) {
      if (!this.nodes.includes(input)) throw this.foreign(node.name)
    }
    if (this.names.has(node.name)) {
      if (
        node.kind === 'source' &&
        this.nodes.some((one) => one.kind === 'source' && one.topic === node.topic)
      )
        throw readTwice(this.pipeline, node.topic)
      throw new MillraceError(
        'MR_PLAN_NAME_TAKEN',
        `two parts of pipeline "${this.pipeline}" are named "${node.name}"`,
        {
          hint: 'Give one of them a name of its own: { name: "…" }. Stores and internal topics are called after it.',
        },
      )
    }
    if (node.kind !== 'operator') checkTopicName(node.topic)
    this.names.add(node.name)
    this.nodes.push(node)
    return node
  }

  /** @throws MR_PLAN_INVALID for something of another pipeline */
  checkOwn(other: Graph, name: string): void {
    if (other !== this) throw this.foreign(name)
  }

  /** `base`, or where that is taken `base-2`, `base-3`: a name for a node that keeps nothing. */
  freeName(base: string): string {
    let name = base
    for (let at = 2; this.names.has(name); at++) name = `${base}-${at}`
    return name
  }

  private foreign(name: string): MillraceError {
    return new MillraceError('MR_PLAN_INVALID', `"${name}" takes parts of two pipelines together`, {
      hint: `Read both from pipeline "${this.pipeline}", or let the other one write a topic that this one reads.`,
    })
  }

  /** `filter-1`, `filter-2`: a name for a node that keeps nothing. */
  sequenceName(kind: string): string {
    const next = (this.sequences.get(kind) ?? 0) + 1
    this.sequences.set(kind, next)
    return `${kind}-${next}`
  }
}

function readTwice(pipeline: string, topic: string): MillraceError {
  return new MillraceError('MR_PLAN_NAME_TAKEN', `pipeline "${pipeline}" reads the topic "${topic}" twice`, {
    hint: 'Use the stream or table that you have again; toTable() and toStream() make the other of it.',
  })
}
