/** The live picture: the sketch of a configuration with the numbers of the moment. */
import type { AgentSnapshot } from '../../collect/agent-counters.ts'
import type { DeliverySnapshot } from '../../collect/delivery-counters.ts'
import type { Clock } from '../../platform/clock.ts'
import type { ThreadSnapshot } from '../../runtime/thread/thread-snapshot.ts'
import type { FlowEdge, FlowNode, FlowPart, FlowSnapshot, FlowState, ResultTable } from '../flow.ts'
import type { FlowSketch, SketchNode } from './flow-sketch.ts'
import { nodeCounter } from './flow-sketch.ts'
import { Rates } from './rates.ts'

/** Everything that moves, at one moment. */
export interface FlowNumbers {
  readonly state: FlowState
  readonly message?: string
  readonly uptimeMs: number
  readonly agents: readonly AgentSnapshot[]
  readonly pipelines: readonly { readonly name: string; readonly threads: readonly ThreadSnapshot[] }[]
  readonly deliveries: readonly DeliverySnapshot[]
  readonly results: readonly ResultTable[]
  readonly parts: readonly FlowPart[]
}

export class FlowPicture {
  private readonly sketch: FlowSketch
  private readonly title: string
  private readonly version: string
  private readonly clock: Clock
  private readonly rates = new Rates()

  constructor(options: {
    readonly sketch: FlowSketch
    readonly title: string
    readonly version: string
    readonly clock: Clock
  }) {
    this.sketch = options.sketch
    this.title = options.title
    this.version = options.version
    this.clock = options.clock
  }

  draw(numbers: FlowNumbers): FlowSnapshot {
    const { counters, lags } = countersOf(numbers)
    this.rates.sample(this.clock.monotonicMs(), counters)
    const sum = (names: readonly string[], of: (name: string) => number): number =>
      names.reduce((total, name) => total + of(name), 0)
    const nodes = this.sketch.nodes.map((node): FlowNode => {
      const { id, kind, label, group } = node
      return {
        id,
        kind,
        label,
        group,
        records: sum(node.counters, (name) => counters.get(name) ?? 0),
        recordsPerSecond: sum(node.counters, (name) => this.rates.of(name)),
        ...momentOf(node, numbers),
      }
    })
    const edges = this.sketch.edges.map(
      ({ from, to, counters: names, reader, topic }): FlowEdge => ({
        from,
        to,
        records: sum(names, (name) => counters.get(name) ?? 0),
        recordsPerSecond: sum(names, (name) => this.rates.of(name)),
        lagRecords: reader === undefined ? null : (lags.get(`${reader} ${topic}`) ?? null),
      }),
    )
    const { state, message, uptimeMs, results, parts } = numbers
    const { title, version } = this
    const nowMs = this.clock.nowMs()
    return {
      title,
      version,
      nowMs,
      uptimeMs,
      state,
      nodes,
      edges,
      results,
      parts,
      ...(message === undefined ? {} : { message }),
    }
  }
}

function countersOf(numbers: FlowNumbers): { counters: Map<string, number>; lags: Map<string, number> } {
  const counters = new Map<string, number>()
  const lags = new Map<string, number>()
  const add = (map: Map<string, number>, name: string, value: number): void =>
    void map.set(name, (map.get(name) ?? 0) + value)
  for (const agent of numbers.agents) {
    for (const { topic, records } of [...agent.channels, agent.deadLetterTopic]) {
      add(counters, `channel:${agent.name}/${topic}`, records)
    }
  }
  for (const { name, threads } of numbers.pipelines) {
    for (const thread of threads) {
      for (const task of thread.tasks) {
        for (const [node, records] of Object.entries(task.nodeRecords))
          add(counters, nodeCounter(name, node), records)
      }
      for (const { topic, position, endOffset } of thread.inputs) {
        add(lags, `pipeline:${name} ${topic}`, Math.max(0, endOffset - position))
      }
    }
  }
  for (const { name, records } of numbers.deliveries) add(counters, `delivery:${name}`, records)
  return { counters, lags }
}

type Moment = Pick<FlowNode, 'lateRecords' | 'badRecords' | 'watermarkMs' | 'details'>

/** Watermark, late and bad records, and what the side panel shows. */
function momentOf(node: SketchNode, numbers: FlowNumbers): Moment {
  if (node.kind === 'source') {
    const agent = numbers.agents.find(({ name }) => node.id === `source:${name}`)
    if (agent !== undefined) return agentMoment(agent)
  }
  const delivery = node.kind === 'sink' && numbers.deliveries.find(({ name }) => node.id === `sink:${name}`)
  if (delivery) return deliveryMoment(delivery)
  const { pipeline, subTopology } = node
  if (pipeline === undefined || subTopology === undefined)
    return { lateRecords: 0, badRecords: 0, watermarkMs: null, details: {} }
  const threads = numbers.pipelines.find(({ name }) => name === pipeline)?.threads ?? []
  const tasks = threads.flatMap((thread) => thread.tasks).filter((task) => task.subTopology === subTopology)
  const times = tasks.flatMap(({ streamTimeMs }) => (streamTimeMs === null ? [] : [streamTimeMs]))
  const watermarkMs = times.length === 0 ? null : Math.min(...times)
  if (node.kind === 'store') {
    const entries = tasks.reduce((total, task) => total + (task.storeEntries[node.label] ?? 0), 0)
    return { lateRecords: 0, badRecords: 0, watermarkMs, details: { entries } }
  }
  const lateRecords = tasks.reduce((total, task) => total + (task.lateByOperator[node.label] ?? 0), 0)
  const badRecords = node.showsBad === true ? tasks.reduce((total, task) => total + task.badRecords, 0) : 0
  return { lateRecords, badRecords, watermarkMs, details: { tasks: tasks.length } }
}

function agentMoment(agent: AgentSnapshot): Moment {
  const details: Record<string, string | number> = { connector: agent.connector, state: agent.state }
  details['rows read'] = agent.rowsIn
  if (agent.unit !== null) details['reading'] = agent.unit
  if (agent.replay !== null) {
    details['replay'] = agent.replay.speed === 0 ? 'as fast as possible' : `${agent.replay.speed} × real time`
    details['played'] =
      `${agent.replay.played.toLocaleString('en-US')} of ${agent.replay.records.toLocaleString('en-US')}`
  }
  return { lateRecords: 0, badRecords: agent.deadLetters, watermarkMs: agent.eventTimeMs, details }
}

function deliveryMoment(delivery: DeliverySnapshot): Moment {
  const { connector, state, deadLetters, eventTimeMs, lagRecords, committedRecords } = delivery
  const details = { connector, state, 'waiting records': lagRecords, 'committed records': committedRecords }
  return { lateRecords: 0, badRecords: deadLetters, watermarkMs: eventTimeMs, details }
}
