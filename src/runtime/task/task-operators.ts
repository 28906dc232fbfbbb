/**
 * One task's operators: instances of a sub-topology's operators, connected, with their stores.
 *
 * Built from the sinks up, so that every operator is made with the output that it pushes to. An operator's stream
 * time is the task's, less what the operators above it hold back: their results come with timestamps that much older
 * (`NodeTime`).
 */
import { invariant } from '../../core/invariant.ts'
import type {
  AnswerContext,
  EmittedRecord,
  LateRecord,
  Operator,
  OperatorContext,
  Receiver,
} from '../../operators/operator.ts'
import { type GraphNode, inputsOf, type OperatorNode } from '../../plan/graph.ts'
import type { PlannedSource, SubTopology } from '../../plan/plan.ts'
import type { StateStore, StoreSpec } from '../../state/store.ts'
import type { CurrentRecord } from './current-record.ts'
import { type Holder, NodeTime, type TaskTime } from './node-time.ts'
import { type NamedWaiting, WaitingOperators } from './waiting-operators.ts'

/** Counts what a node gives out and passes it to all that read it. */
export class NodeOutput implements Receiver {
  records = 0
  /** Takes what a reader refuses. Without it the error goes up to the record that is being processed. */
  onRefused: ((record: EmittedRecord, error: unknown) => void) | undefined
  private readonly readers: Receiver[] = []

  add(reader: Receiver): void {
    this.readers.push(reader)
  }

  process(key: unknown, value: unknown, timestampMs: number, before?: unknown): void {
    this.records++
    const { readers, onRefused } = this
    try {
      for (let at = 0; at < readers.length; at++) readers[at]!.process(key, value, timestampMs, before)
    } catch (error) {
      if (onRefused === undefined) throw error
      onRefused({ key, value, timestampMs }, error)
    }
  }
}

/** An operator that acts on time, with the time as it sees it. */
export interface TimedOperator {
  readonly name: string
  readonly operator: Required<Pick<Operator, 'nextDeadlineMs' | 'advance'>>
  readonly output: NodeOutput
  readonly time: NodeTime
}

/** An operator that acts on the wall clock. */
export interface TickingOperator {
  readonly name: string
  readonly operator: Required<Pick<Operator, 'nextTickMs' | 'tick'>>
  readonly output: NodeOutput
}

/** An operator that has something open outside. */
export type ClosingOperator = Required<Pick<Operator, 'close'>>

export interface TaskOperators {
  /** Where the records of each source go in. */
  receiver(source: PlannedSource): Receiver
  /** In topological order. */
  readonly timed: readonly TimedOperator[]
  readonly ticking: readonly TickingOperator[]
  readonly waiting: WaitingOperators
  readonly closing: readonly ClosingOperator[]
  /** Time as what reads the node sees it. */
  timeBelow(node: GraphNode, delayMs: number): NodeTime
  readonly outputs: ReadonlyMap<GraphNode, NodeOutput>
  readonly stores: ReadonlyMap<string, StateStore>
}

export interface OperatorsOptions {
  readonly part: SubTopology
  readonly time: TaskTime
  readonly answers: AnswerContext
  /** Takes a late record, with the stream time of the operator that it is late for. */
  readonly late: (record: LateRecord, streamTimeMs: number) => void
  /** Takes what an operator could not make because a function of the user failed when its time had come. */
  readonly refused: (operator: string, result: EmittedRecord, error: unknown) => void
  /** A view of the record that is being processed. */
  readonly record: CurrentRecord
  readonly requestCommit: () => void
  readonly wallClockMs: () => number
  /** What takes the records of each sink. */
  readonly sinkReceiver: (node: GraphNode) => Receiver
}

export function buildOperators(options: OperatorsOptions): TaskOperators {
  const { part } = options
  const outputs = new Map<GraphNode, NodeOutput>()
  const stores = new Map<string, StateStore>()
  for (const { spec } of part.stores) stores.set(spec.name, spec.create())
  for (const source of part.sources) outputs.set(source.node, new NodeOutput())
  for (const node of part.operators) outputs.set(node, new NodeOutput())
  for (const sink of part.sinks) outputOf(outputs, sink.node.input).add(options.sinkReceiver(sink.node))

  const delays = inputDelays(part)
  /** What holds time back for those that read a node. */
  const holdersBelow = new Map<GraphNode, readonly Holder[]>()
  const timed: TimedOperator[] = []
  const ticking: TickingOperator[] = []
  const waiting: NamedWaiting[] = []
  const closing: ClosingOperator[] = []
  for (const node of part.operators) {
    const inputDelayMs = delays.get(node) ?? 0
    const holders = node.inputs.flatMap((input) => holdersBelow.get(input) ?? [])
    const time = new NodeTime(options.time, inputDelayMs, holders)
    const context: OperatorContext = {
      streamTimeMs: () => time.now(),
      late: (record) => options.late(record, time.now()),
      refused: (result, error) => options.refused(node.name, result, error),
      record: options.record,
      withHeaders: (headers, act) => options.record.withHeaders(headers, act),
      requestCommit: options.requestCommit,
      wallClockMs: options.wallClockMs,
      answers: options.answers,
      store<S extends StateStore>(spec: StoreSpec<S>): S {
        const store = stores.get(spec.name)
        invariant(store !== undefined, `store "${spec.name}" is part of the sub-topology`)
        return store as S
      },
    }
    const output = outputOf(outputs, node)
    const operator = node.spec.create(node.name, context, output)
    connect(node, operator, outputs)
    const { nextDeadlineMs, advance, answering } = operator
    if (nextDeadlineMs !== undefined && advance !== undefined)
      timed.push({ name: node.name, operator: operator as TimedOperator['operator'], output, time })
    if (operator.nextTickMs !== undefined && operator.tick !== undefined)
      ticking.push({ name: node.name, operator: operator as TickingOperator['operator'], output })
    if (operator.close !== undefined) closing.push(operator as ClosingOperator)
    if (answering !== undefined) waiting.push({ name: node.name, operator: answering, inputDelayMs })
    holdersBelow.set(node, [
      ...holders.map((holder) => ({ ...holder, delayMs: holder.delayMs + node.spec.outputDelayMs })),
      ...(answering === undefined ? [] : [{ operator: answering, delayMs: 0 }]),
    ])
  }
  return {
    receiver: (source) => outputOf(outputs, source.node),
    timeBelow: (node, delayMs) => new NodeTime(options.time, delayMs, holdersBelow.get(node) ?? []),
    waiting: new WaitingOperators(waiting),
    closing,
    timed,
    ticking,
    outputs,
    stores,
  }
}

function connect(node: OperatorNode, operator: Operator, outputs: Map<GraphNode, NodeOutput>): void {
  const inputs = inputsOf(node)
  invariant(
    operator.inputs.length === inputs.length,
    `operator "${node.name}" takes as many inputs as it has`,
  )
  inputs.forEach((input, at) => {
    outputOf(outputs, input).add(operator.inputs[at]!)
  })
}

function outputOf(outputs: Map<GraphNode, NodeOutput>, node: GraphNode): NodeOutput {
  const output = outputs.get(node)
  invariant(output !== undefined, `node "${node.name}" is part of the sub-topology`)
  return output
}

/** How far the timestamps of an operator's input may lie behind stream time. */
function inputDelays(part: SubTopology): Map<GraphNode, number> {
  const into = new Map<GraphNode, number>()
  const outOf = new Map<GraphNode, number>()
  for (const node of part.operators) {
    const above = Math.max(0, ...node.inputs.map((input) => outOf.get(input) ?? 0))
    into.set(node, above)
    outOf.set(node, above + node.spec.outputDelayMs)
  }
  return into
}
