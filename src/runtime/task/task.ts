/**
 * A task: one sub-topology bound to one partition number of each of its sources.
 *
 * `process` takes records in the order of `TaskInputs`, moves stream time on, lets operators act on time, and pushes
 * each record through the operators. Everything is synchronous; the thread that owns the task feeds it batches,
 * hands its outputs to a producer and commits.
 *
 * Rules:
 * - Stream time moves before the record that moved it is processed: windows that it closes are emitted first. It moves
 *   from one thing that is due to the next, however far a record jumps ahead: what a window gives is on time for the
 *   windows below it, and for the tasks below, who are told no later time before they have it.
 * - A record that a function of the user refuses is put aside by its source's policy; what its earlier operators
 *   did stays done (as Kafka Streams' processing exception handler, KIP-1033). What an operator emits because its
 *   time has come, and a function below refuses, is put aside in the same way, unless a source says to fail.
 * - `flush` writes time markers last, so that they follow the records they speak of.
 */

import { invariant } from '../../core/invariant.ts'
import type { Headers } from '../../core/record.ts'
import { noHeaders } from '../../core/record.ts'
import { json, stringSerde } from '../../core/serde.ts'
import type { Receiver, RecordMetadata } from '../../operators/operator.ts'
import type { GraphNode, InvalidPolicy } from '../../plan/graph.ts'
import type { PhysicalPlan, PlannedSource, SubTopology } from '../../plan/plan.ts'
import { headDecoder } from './head-decoder.ts'
import { InputPartition } from './input-partition.ts'
import { Lane } from './lane.ts'
import { SetAside } from './set-aside.ts'
import { TaskInputs } from './task-inputs.ts'
import { buildOperators, type NodeOutput, type TaskOperators } from './task-operators.ts'
import { InternalOutput, type OutputTransport, TopicOutput } from './task-output.ts'
import type { LaneState } from './time-marker.ts'

export interface TaskId {
  readonly subTopology: number
  readonly partition: number
}

/** `0_3`: sub-topology 0, partition 3. */
export function taskName(id: TaskId): string {
  return `${id.subTopology}_${id.partition}`
}

export interface TaskOptions {
  readonly plan: PhysicalPlan
  readonly part: SubTopology
  readonly partition: number
  /** How many tasks write to each internal topic that this task reads. */
  readonly upstreamTasks: (topic: string) => number
  /** False for a source topic with fewer partitions than the task's number. */
  readonly reads: (topic: string) => boolean
  readonly transport: OutputTransport
  readonly batchBytesMax?: number
  /** How many bytes of undecoded batches one lane keeps. */
  readonly laneBytesMax?: number
}

const BATCH_BYTES_MAX = 64 * 1024
const LANE_BYTES_MAX = 8 * 1024 * 1024

interface LaneBinding {
  readonly lane: Lane
  readonly receiver: Receiver
  readonly source: PlannedSource
}

export class Task {
  readonly id: TaskId
  readonly part: SubTopology
  readonly partitions: readonly InputPartition[]
  /** Records processed so far. */
  processed = 0
  /** Something happened that a commit must keep; whoever commits sets it back. */
  dirty = false
  private readonly inputs: TaskInputs
  private readonly bindings: ReadonlyMap<Lane, LaneBinding>
  private readonly operators: TaskOperators
  private readonly outputs: readonly TopicOutput[]
  private readonly setAside: SetAside
  private readonly emitPolicy: InvalidPolicy
  private readonly record = new CurrentRecord()
  /** The stream time at which operators act: on the way to that of the inputs. */
  private timeMs = Number.NEGATIVE_INFINITY
  private wallClockMs = 0
  private finished = false

  constructor(options: TaskOptions) {
    this.part = options.part
    this.id = { subTopology: options.part.index, partition: options.partition }
    const nodes = options.plan.subTopologies.flatMap(({ sources }) => sources.map(({ node }) => node))
    const fails = nodes.some((node) => node.kind === 'source' && node.onInvalid === 'fail')
    this.emitPolicy = fails ? 'fail' : 'dead-letter'
    const topics = this.makeOutputs(options)
    this.outputs = topics.outputs
    this.setAside = topics.setAside
    this.operators = buildOperators({
      part: options.part,
      streamTimeMs: () => this.timeMs,
      wallClockMs: () => this.wallClockMs,
      record: this.record,
      late: (record) => this.setAside.putLate(record, this.timeMs),
      sinkReceiver: (node) => topics.receiver(node),
    })
    const bindings = new Map<Lane, LaneBinding>()
    const partitions: InputPartition[] = []
    for (const source of options.part.sources) {
      if (!options.reads(source.topic)) continue
      const lanes = this.makeLanes(source, options)
      for (const lane of lanes)
        bindings.set(lane, { lane, receiver: this.operators.receiver(source), source })
      const bytesMax = options.laneBytesMax ?? LANE_BYTES_MAX
      partitions.push(new InputPartition(source.topic, options.partition, lanes, bytesMax))
    }
    invariant(partitions.length > 0, `task ${taskName(this.id)} reads something`)
    this.partitions = partitions
    this.bindings = bindings
    this.inputs = new TaskInputs(partitions.flatMap((partition) => partition.lanes))
  }

  get streamTimeMs(): number {
    return this.inputs.streamTimeMs
  }

  get stores(): TaskOperators['stores'] {
    return this.operators.stores
  }

  get nodeOutputs(): ReadonlyMap<GraphNode, NodeOutput> {
    return this.operators.outputs
  }

  get badRecords(): number {
    return this.setAside.badRecords
  }

  get lateRecords(): number {
    return this.setAside.lateRecords
  }

  get lateByOperator(): ReadonlyMap<string, number> {
    return this.setAside.lateByOperator
  }

  /** True once the end of bounded input was reached and everything was emitted. */
  get ended(): boolean {
    return this.finished
  }

  /** Processes up to `recordsMax` records; returns how many. Fewer means that the task waits for input. */
  process(recordsMax: number): number {
    const { inputs } = this
    let count = 0
    while (count < recordsMax) {
      const lane = inputs.next()
      if (lane === undefined) break
      this.dirty = true
      this.advanceOperators()
      if (!lane.headMarker) {
        this.push(lane)
        count++
      }
      lane.pop()
    }
    this.processed += count
    if (!this.finished && count < recordsMax && inputs.ended) this.finish()
    return count
  }

  /** Moves stream time on without a record, as the test driver does. */
  advanceTo(streamTimeMs: number): void {
    if (streamTimeMs <= this.inputs.streamTimeMs) return
    this.inputs.streamTimeMs = streamTimeMs
    this.dirty = true
    this.advanceOperators()
  }

  /**
   * The members of the group have changed: what tasks above said before does not count any more, and the tasks below
   * must hear again where this one is.
   */
  enter(epoch: number): void {
    for (const { lanes, internal } of this.partitions)
      if (internal) for (const lane of lanes) lane.epoch = epoch
    for (const output of this.outputs) if (output instanceof InternalOutput) output.enter(epoch)
    this.dirty = true
  }

  /** Tells the operators that asked for it what the wall clock shows. Never called while a record is processed. */
  tick(wallClockMs: number): void {
    this.wallClockMs = wallClockMs
    for (const { name, operator, output } of this.operators.ticking) {
      if (operator.nextTickMs() > wallClockMs) continue
      this.dirty = true
      this.emit(name, output, () => operator.tick(wallClockMs))
    }
  }

  /** Hands all outputs to the transport, time markers last. */
  flush(): void {
    const state: LaneState = this.finished ? 'ended' : this.inputs.idle ? 'idle' : 'active'
    for (const output of this.outputs) if (output instanceof InternalOutput) output.mark(state)
    for (const output of this.outputs) output.flush()
  }

  /** True when flushing would tell the tasks below something new: everything here has gone quiet. */
  get quiet(): boolean {
    return this.inputs.idle
  }

  private finish(): void {
    this.finished = true
    this.dirty = true
    this.inputs.streamTimeMs = Number.POSITIVE_INFINITY
    this.advanceOperators()
    for (const { name, operator, output } of this.operators.timed)
      this.emit(name, output, () => operator.advance(Number.POSITIVE_INFINITY))
  }

  private advanceOperators(): void {
    const targetMs = this.inputs.streamTimeMs
    const { timed } = this.operators
    let acted = false
    for (;;) {
      let nextMs = Number.POSITIVE_INFINITY
      for (let at = 0; at < timed.length; at++) {
        const { operator, inputDelayMs } = timed[at]!
        const dueMs = operator.nextDeadlineMs() + inputDelayMs
        if (dueMs < nextMs && (!acted || dueMs > this.timeMs)) nextMs = dueMs
      }
      if (nextMs > targetMs || nextMs === Number.POSITIVE_INFINITY) break
      if (nextMs > this.timeMs) this.timeMs = nextMs
      // In topological order, so that what one emits is seen by those below before they act at the same time.
      this.actOnTime()
      acted = true
    }
    this.timeMs = targetMs
    // A deadline that is not met by acting on it hides what else its operator has to do.
    if (acted) this.actOnTime()
  }

  private actOnTime(): void {
    for (const { name, operator, output, inputDelayMs } of this.operators.timed) {
      const timeMs = this.timeMs - inputDelayMs
      if (operator.nextDeadlineMs() <= timeMs) this.emit(name, output, () => operator.advance(timeMs))
    }
  }

  /** Lets an operator act on time. There is no record to blame for what a function below it throws. */
  private emit(name: string, output: NodeOutput, act: () => void): void {
    this.record.lane = undefined
    output.onRefused = (record, error) => this.setAside.putEmitted(this.emitPolicy, name, record, error)
    try {
      act()
    } finally {
      output.onRefused = undefined
    }
  }

  private push(lane: Lane): void {
    const binding = this.bindings.get(lane) as LaneBinding
    this.record.lane = lane
    try {
      binding.receiver.process(lane.headKey, lane.headValue, lane.headTimestampMs)
    } catch (error) {
      const { node } = binding.source
      lane.putAside(this.setAside, node.kind === 'source' ? node.onInvalid : 'dead-letter', error)
    }
  }

  private makeLanes(source: PlannedSource, options: TaskOptions): Lane[] {
    const decode = headDecoder(source, this.setAside)
    const latenessMs = source.node.kind === 'source' ? source.node.latenessMs : 0
    const { topic } = source
    const { partition } = options
    if (!source.internal) return [new Lane({ topic, partition, upstreamPartition: -1, latenessMs }, decode)]
    return Array.from(
      { length: options.upstreamTasks(topic) },
      (_, upstreamPartition) => new Lane({ topic, partition, upstreamPartition, latenessMs }, decode),
    )
  }

  private makeOutputs(options: TaskOptions): {
    readonly outputs: TopicOutput[]
    readonly setAside: SetAside
    receiver(node: GraphNode): Receiver
  } {
    const { plan, transport } = options
    const outputOptions = {
      transport,
      taskPartition: options.partition,
      batchBytesMax: options.batchBytesMax ?? BATCH_BYTES_MAX,
    }
    const byNode = new Map<GraphNode, TopicOutput>()
    for (const sink of options.part.sinks) {
      const passedOn = (): number => this.timeMs - sink.outputDelayMs
      const output = sink.internal
        ? new InternalOutput(sink.topic, outputOptions, passedOn)
        : new TopicOutput(sink.topic, outputOptions)
      byNode.set(sink.node, output)
    }
    const deadLetters = new TopicOutput(plan.deadLetterTopic, outputOptions)
    const late = new TopicOutput(plan.lateTopic, outputOptions)
    return {
      outputs: [...byNode.values(), deadLetters, late],
      setAside: new SetAside(deadLetters, late),
      receiver: (node) => this.sinkReceiver(node, byNode.get(node) as TopicOutput),
    }
  }

  private sinkReceiver(node: GraphNode, output: TopicOutput): Receiver {
    const { keySerde, valueSerde } =
      node.kind === 'sink' || node.kind === 'repartition'
        ? node
        : { keySerde: stringSerde, valueSerde: json() }
    const internal = node.kind === 'repartition'
    const broadcast = internal && node.broadcast === true
    return {
      process: (key, value, timestampMs) => {
        // A record without a key belongs to no task below, as in Kafka Streams.
        if (internal && (key === null || key === undefined)) return
        const record = { key, value, timestampMs, headers: this.record.headers }
        if (broadcast) output.writeToAll(record, keySerde as never, valueSerde as never)
        else output.write(record, keySerde as never, valueSerde as never)
      },
    }
  }
}

/** The record at the head of a lane, as functions of the user see it; none while operators act on time. */
class CurrentRecord implements RecordMetadata {
  lane: Lane | undefined

  get topic(): string {
    return this.lane?.topic ?? ''
  }

  get partition(): number {
    return this.lane?.partition ?? -1
  }

  get offset(): number {
    return this.lane?.headOffset ?? -1
  }

  get headers(): Headers {
    return this.lane?.headHeaders ?? noHeaders
  }
}
