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
 * - Records may wait in an operator for answers from outside. What is below it sees no time later than theirs, the task
 *   is neither idle nor at its end while they do, and takes no more records when too many wait. Answers are given out
 *   between records, when the thread ticks.
 * - `flush` writes time markers last, so that they follow the records they speak of.
 */

import { isMillraceError, MillraceError, messageOf } from '../../core/errors.ts'
import { invariant } from '../../core/invariant.ts'
import { json, stringSerde } from '../../core/serde.ts'
import type { ParkedDecision, ParkedKey, Receiver } from '../../operators/operator.ts'
import type { GraphNode, InvalidPolicy } from '../../plan/graph.ts'
import type { PhysicalPlan, PlannedSink, PlannedSource, SubTopology } from '../../plan/plan.ts'
import { AnswerHost } from './answer-host.ts'
import { CurrentRecord } from './current-record.ts'
import { headDecoder } from './head-decoder.ts'
import { InputPartition } from './input-partition.ts'
import { Lane } from './lane.ts'
import type { NodeTime, TaskTime } from './node-time.ts'
import { ProduceFailure, SetAside } from './set-aside.ts'
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
  /** Something happened that a commit must keep. */
  dirty = false
  /** A processor wants what it did to be committed soon. */
  commitRequested = false
  private readonly inputs: TaskInputs
  private readonly bindings: ReadonlyMap<Lane, LaneBinding>
  private readonly operators: TaskOperators
  private readonly outputs: readonly TopicOutput[]
  /** The time that is passed on through each internal topic. */
  private readonly sinkTimes: ReadonlyMap<PlannedSink, NodeTime>
  private readonly setAside: SetAside
  private readonly emitPolicy: InvalidPolicy
  private readonly record = new CurrentRecord()
  /** The stream time at which operators act: on the way to that of the inputs. */
  private readonly time: TaskTime & { timeMs: number; sweepMs: number } = {
    timeMs: Number.NEGATIVE_INFINITY,
    sweepMs: Number.NEGATIVE_INFINITY,
  }
  private wallClockMs = 0
  private restored = false
  private finished = false
  private closed = false

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
      time: this.time,
      wallClockMs: () => this.wallClockMs,
      record: this.record,
      requestCommit: () => {
        this.commitRequested = true
      },
      answers: this.makeAnswerHost(options),
      late: (record, streamTimeMs) => this.setAside.putLate(record, streamTimeMs),
      refused: (name, result, error) => this.setAside.putEmitted(this.emitPolicy, name, result, error),
      sinkReceiver: (node) => topics.receiver(node),
    })
    this.sinkTimes = new Map(
      options.part.sinks.map((sink) => [sink, this.operators.timeBelow(sink.node.input, sink.outputDelayMs)]),
    )
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

  /** The stores are restored and the task has begun its rounds. */
  get ready(): boolean {
    return this.restored
  }

  /** An answer may come at any moment. */
  get asking(): boolean {
    return this.operators.waiting.asking
  }

  /** How many failing records are parked, each with those behind it. */
  get parkedCount(): number {
    return this.operators.waiting.parkedCount
  }

  /** Keys whose records wait for one that fails: the first so many. */
  parked(most: number): readonly ParkedKey[] {
    return this.operators.waiting.parked(most)
  }

  /**
   * Decides about a parked key of an operator; returns how many failing records that was for. Behind the end of bounded
   * input it is too late: what is parked stays for the next run.
   */
  decide(operator: string, key: unknown, decision: ParkedDecision): number {
    if (this.finished) return 0
    const records = this.operators.waiting.decide(operator, key, decision)
    if (records > 0) {
      this.dirty = true
      // Who decided waits until it is kept.
      this.commitRequested = true
    }
    return records
  }

  /** Processes up to `recordsMax` records; returns how many. Fewer means that the task waits for input or answers. */
  process(recordsMax: number): number {
    const { inputs } = this
    const { waiting } = this.operators
    let count = 0
    while (count < recordsMax && !waiting.full) {
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
    if (!this.finished && count < recordsMax && inputs.ended && !waiting.busy) this.finish()
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

  /**
   * Tells the operators that asked for it what the wall clock shows, and gives out the answers that have come. Called
   * before each `process`, never while a record is processed.
   */
  tick(wallClockMs: number): void {
    this.wallClockMs = wallClockMs
    if (!this.restored) this.restoreTime()
    // What is parked at the end of bounded input stays for the next run.
    if (!this.finished && this.operators.waiting.poll(wallClockMs)) this.dirty = true
    for (const { name, operator, output } of this.operators.ticking) {
      if (operator.nextTickMs() > wallClockMs) continue
      this.dirty = true
      this.emit(name, output, () => operator.tick(wallClockMs))
    }
  }

  /** The wall clock at which a tick has something to do though no answer has come; Infinity for none. */
  get nextTickMs(): number {
    const ticks = this.operators.ticking.map(({ operator }) => operator.nextTickMs())
    return Math.min(this.operators.waiting.nextPollMs(), ...ticks)
  }

  /** Hands all outputs to the transport, time markers last. */
  flush(): void {
    const state: LaneState = this.finished ? 'ended' : this.quiet ? 'idle' : 'active'
    for (const output of this.outputs) if (output instanceof InternalOutput) output.mark(state)
    for (const output of this.outputs) output.flush()
  }

  /** True when flushing would tell the tasks below something new: everything here has gone quiet. */
  get quiet(): boolean {
    return this.inputs.idle && !this.operators.waiting.busy
  }

  /** What was flushed is kept now. */
  committed(): void {
    this.dirty = false
    this.commitRequested = false
  }

  /**
   * The task is given up: answers that are still under way count no more, and processors let go of what they hold.
   * A second call does nothing.
   * @throws the first error of a processor, after all have been asked
   */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.operators.waiting.close()
    const errors: unknown[] = []
    for (const operator of this.operators.closing) {
      try {
        operator.close()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors[0]
  }

  /** The time at which records came that wait since before a restart is known to have been. */
  private restoreTime(): void {
    this.restored = true
    this.inputs.streamTimeMs = Math.max(this.inputs.streamTimeMs, this.operators.waiting.restoredMs())
    this.advanceOperators()
  }

  /** Nothing will come any more. What this brings forth may wait for answers; the end is then come to again. */
  private finish(): void {
    this.dirty = true
    this.inputs.streamTimeMs = Number.POSITIVE_INFINITY
    this.advanceOperators()
    for (const { name, operator, output, time } of this.operators.timed) {
      if (time.limitMs === Number.POSITIVE_INFINITY)
        this.emit(name, output, () => operator.advance(Number.POSITIVE_INFINITY))
    }
    this.finished = !this.operators.waiting.busy
  }

  /** Goes to the time of the inputs; nodes that were held back before go through the time that they have missed. */
  private advanceOperators(): void {
    const targetMs = this.inputs.streamTimeMs
    const { time } = this
    const { timed } = this.operators
    let acted = false
    for (;;) {
      let nextMs = Number.POSITIVE_INFINITY
      for (let at = 0; at < timed.length; at++) {
        const { operator, time: seen } = timed[at]!
        const deadlineMs = operator.nextDeadlineMs()
        const dueMs = deadlineMs + seen.delayMs
        if (dueMs < nextMs && (!acted || dueMs > time.sweepMs) && deadlineMs <= seen.limitMs) nextMs = dueMs
      }
      if (nextMs > targetMs || nextMs === Number.POSITIVE_INFINITY) break
      time.sweepMs = nextMs
      if (nextMs > time.timeMs) time.timeMs = nextMs
      // In topological order, so that what one emits is seen by those below before they act at the same time.
      this.actOnTime()
      acted = true
    }
    time.timeMs = targetMs
    time.sweepMs = targetMs
    // A deadline that is not met by acting on it hides what else its operator has to do.
    if (acted) this.actOnTime()
  }

  private actOnTime(): void {
    for (const { name, operator, output, time } of this.operators.timed) {
      const timeMs = time.now()
      if (operator.nextDeadlineMs() <= timeMs) this.emit(name, output, () => operator.advance(timeMs))
    }
  }

  /** Lets an operator act on time. There is no record to blame for what a function below it throws. */
  private emit(name: string, output: NodeOutput, act: () => void): void {
    this.record.show(undefined)
    output.onRefused = (record, error) => this.setAside.putEmitted(this.emitPolicy, name, record, error)
    try {
      act()
    } catch (error) {
      if (isMillraceError(error)) throw error
      throw new MillraceError('MR_FUNCTION_FAILED', messageOf(error), {
        cause: error,
        where: `operator "${name}"`,
        hint: 'A function of the pipeline failed when time moved. Mend it, and start the pipeline again.',
      })
    } finally {
      output.onRefused = undefined
    }
  }

  private push(lane: Lane): void {
    const binding = this.bindings.get(lane) as LaneBinding
    this.record.showHead(lane)
    try {
      binding.receiver.process(lane.headKey, lane.headValue, lane.headTimestampMs)
    } catch (error) {
      lane.putAside(this.setAside, policyOf(binding.source), error)
    }
  }

  private makeAnswerHost({ part }: TaskOptions): AnswerHost {
    return new AnswerHost({
      record: this.record,
      setAside: this.setAside,
      policyOf: (topic) => {
        const source = part.sources.find((one) => one.topic === topic)
        return source === undefined ? this.emitPolicy : policyOf(source)
      },
      timeMoved: () => this.advanceOperators(),
    })
  }

  private makeLanes(source: PlannedSource, options: TaskOptions): Lane[] {
    const decode = headDecoder(source, this.setAside)
    const latenessMs = source.node.kind === 'source' ? source.node.latenessMs : 0
    const { topic } = source
    const { partition } = options
    if (source.node.kind === 'source') {
      const { bootstrap = false, priority = 0 } = source.node
      const place = { topic, partition, upstreamPartition: -1, latenessMs, bootstrap, priority }
      return [new Lane(place, decode)]
    }
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
    // Streams that are written to one topic share its batches: what came first is written first.
    const byTopic = new Map<string, TopicOutput>()
    for (const sink of options.part.sinks) {
      const output =
        byTopic.get(sink.topic) ??
        (sink.internal
          ? new InternalOutput(sink.topic, outputOptions, () => (this.sinkTimes.get(sink) as NodeTime).now())
          : new TopicOutput(sink.topic, outputOptions))
      byTopic.set(sink.topic, output)
      byNode.set(sink.node, output)
    }
    const deadLetters = new TopicOutput(plan.deadLetterTopic, outputOptions)
    const late = new TopicOutput(plan.lateTopic, outputOptions)
    return {
      outputs: [...byTopic.values(), deadLetters, late],
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
        try {
          if (broadcast) output.writeToAll(record, keySerde as never, valueSerde as never)
          else output.write(record, keySerde as never, valueSerde as never)
        } catch (error) {
          throw new ProduceFailure(output.topic, error)
        }
      },
    }
  }
}

/** What happens to a record of a source that cannot be processed. */
function policyOf({ node }: PlannedSource): InvalidPolicy {
  return node.kind === 'source' ? node.onInvalid : 'dead-letter'
}
