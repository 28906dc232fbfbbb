/**
 * A live picture that moves like the flights demo, made from a clock: the same time gives the same picture.
 *
 * `pipelines` repeats the processing part, for drawings of other sizes.
 */
import type { Clock } from '../../src/platform/clock.ts'
import type {
  FlowEdge,
  FlowNode,
  FlowNodeKind,
  FlowObserver,
  FlowSnapshot,
  ResultTable,
} from '../../src/server/flow.ts'

const HOUR_MS = 3_600_000
/** A day of the year 2013 passes in ten seconds. */
const SPEED = 8_640
const FIRST_DEPARTURE_MS = Date.UTC(2013, 0, 1, 10, 15)

export interface FakeFlowOptions {
  readonly clock: Clock
  /** How often the processing is repeated; 1 gives the flights demo. */
  readonly copies?: number
  readonly change?: Partial<FlowSnapshot>
}

interface NodeSketch {
  readonly id: string
  readonly kind: FlowNodeKind
  readonly label: string
  readonly group: string
  /** Its part of the flights' rate. */
  readonly share: number
  readonly late?: number
  readonly bad?: number
  readonly details?: Readonly<Record<string, string | number>>
}

class Sketch {
  readonly nodes: NodeSketch[] = []
  readonly edges: { readonly from: string; readonly to: string; readonly lagging: number }[] = []

  node(sketch: NodeSketch, ...from: readonly string[]): string {
    this.nodes.push(sketch)
    for (const id of from) this.edge(id, sketch.id)
    return sketch.id
  }

  edge(from: string, to: string, lagging = 0): void {
    this.edges.push({ from, to, lagging })
  }

  topic(name: string, share: number, ...from: readonly string[]): string {
    const details = { partitions: 4, 'size on disk': '12.4 MB', retention: '7 days' }
    return this.node({ id: `topic:${name}`, kind: 'topic', label: name, group: '', share, details }, ...from)
  }

  operator(
    group: string,
    name: string,
    share: number,
    from: readonly string[],
    more: Partial<NodeSketch> = {},
  ): string {
    const details = { tasks: 4, code: `src/${group}.ts:14` }
    const id = `operator:${group}/${name}`
    return this.node({ id, kind: 'operator', label: name, group, share, details, ...more }, ...from)
  }

  store(operator: string, name: string, share: number): void {
    const group = operator.slice('operator:'.length).split('/')[0]!
    const details = { keys: 1_204, changelog: `${group}-${name}-changelog` }
    const id = this.node({ id: `store:${group}/${name}`, kind: 'store', label: name, group, share, details })
    this.edge(operator, id)
  }
}

function collect(sketch: Sketch): void {
  const agent = (name: string, share: number, bad = 0): string => {
    const details = { directory: `data/${name}`, files: '1 of 1', delivery: 'at-least-once' }
    const source: NodeSketch = {
      id: `source:${name}`,
      kind: 'source',
      label: name,
      group: 'agent nyc',
      share,
      bad,
    }
    return sketch.node({ ...source, details })
  }
  const flights = agent('flights.csv.gz', 1, 3)
  const parse = sketch.operator('agent nyc', 'departures and arrivals', 1.97, [flights])
  sketch.topic('departed', 0.98, parse)
  sketch.topic('arrived', 0.97, parse)
  sketch.topic('cancelled', 0.02, parse)
  sketch.topic('flights-dead-letters', 0, flights)
  sketch.topic('weather', 0.05, agent('weather.csv.gz', 0.05))
  sketch.topic('planes', 0, agent('planes.csv.gz', 0))
}

function process(sketch: Sketch, suffix: string): void {
  const named = (name: string): string => `${name}${suffix}`
  const hourly = named('hourly-delays')
  const groupBy = sketch.operator(hourly, 'group by origin, carrier', 0.98, ['topic:departed'])
  const window = sketch.operator(hourly, 'tumbling 1 hour', 0.98, [groupBy], { late: 12 })
  sketch.store(window, 'windows', 0.98)
  const hourlyTopic = sketch.topic(hourly, 0.2, window)

  const enriched = named('enriched')
  const planes = sketch.operator(enriched, 'join planes', 0.98, ['topic:departed', 'topic:planes'])
  sketch.store(planes, 'planes', 0)
  const weather = sketch.operator(enriched, 'join weather as of', 0.98, [planes, 'topic:weather'])
  sketch.store(weather, 'weather by origin', 0.05)
  const enrichedTopic = sketch.topic(named('departures-enriched'), 0.98, weather)

  const madeUp = named('made-up')
  const join = sketch.operator(madeUp, 'join within 24 hours', 1.95, ['topic:departed', 'topic:arrived'], {
    late: 3,
  })
  sketch.store(join, 'departed', 0.98)
  sketch.store(join, 'arrived', 0.97)
  const madeUpTopic = sketch.topic(named('made-up-minutes'), 0.96, join)

  const rotations = named('rotations')
  const merge = sketch.operator(rotations, 'merge', 1.95, ['topic:departed', 'topic:arrived'])
  const session = sketch.operator(rotations, 'session, gap 10 hours', 1.95, [merge])
  sketch.store(session, 'sessions', 1.95)
  const rotationsTopic = sketch.topic(rotations, 0.3, session)

  const alerts = named('alerts')
  const pattern = sketch.operator(alerts, 'three late in a row', 0.98, ['topic:departed'])
  sketch.store(pattern, 'runs', 0.98)
  const alertsTopic = sketch.topic(named('delay-alerts'), 0.004, pattern)

  const file = {
    kind: 'sink',
    group: named('deliver'),
    details: { directory: 'out/', roll: '1 hour' },
  } as const
  const jsonLines = sketch.node({ ...file, id: `sink:files${suffix}`, label: 'JSON Lines files', share: 2.4 })
  for (const topic of [hourlyTopic, enrichedTopic, madeUpTopic, rotationsTopic])
    sketch.edge(topic, jsonLines, topic === enrichedTopic ? 40 : 0)
  const alertFile = { ...file, id: `sink:alerts${suffix}`, label: 'alerts.jsonl', share: 0.004 }
  sketch.node(alertFile, alertsTopic)
}

/** Between 0.7 and 1.3, different for each place and moment. */
function sway(seed: number, seconds: number): number {
  return 1 + 0.2 * Math.sin(seconds / 7 + seed) + 0.1 * Math.sin(seconds / 1.7 + seed * 3)
}

const FLIGHTS_PER_SECOND = 87

function nodeAt(sketch: NodeSketch, seed: number, seconds: number): FlowNode {
  const perSecond = sketch.share * FLIGHTS_PER_SECOND
  const timed = sketch.kind !== 'store' && sketch.share > 0
  const eventTimeMs = FIRST_DEPARTURE_MS + seconds * 1000 * SPEED
  return {
    id: sketch.id,
    kind: sketch.kind,
    label: sketch.label,
    group: sketch.group,
    records: Math.floor(perSecond * seconds),
    recordsPerSecond: perSecond * sway(seed, seconds),
    lateRecords: Math.floor(((sketch.late ?? 0) * seconds) / 10),
    badRecords: Math.min(sketch.bad ?? 0, Math.floor(seconds)),
    watermarkMs: timed ? Math.floor(eventTimeMs / 60_000) * 60_000 : null,
    details: sketch.details ?? {},
  }
}

function edgesAt(sketch: Sketch, seconds: number): FlowEdge[] {
  const kinds = new Map(sketch.nodes.map((node) => [node.id, node]))
  return sketch.edges.map(({ from, to, lagging }, index) => {
    const share = Math.min(kinds.get(from)!.share, kinds.get(to)!.share)
    const perSecond = share * FLIGHTS_PER_SECOND
    const queued = kinds.get(from)!.kind === 'topic'
    const lag = Math.floor((8 + lagging * seconds) * sway(index, seconds) * Math.min(perSecond, 1))
    return {
      from,
      to,
      records: Math.floor(perSecond * seconds),
      recordsPerSecond: perSecond * sway(index, seconds),
      lagRecords: queued ? lag : null,
    }
  })
}

const carriers = ['UA', 'B6', 'EV', 'DL', 'AA', 'MQ', 'US', '9E', 'WN']
const origins = ['EWR', 'JFK', 'LGA']

function hourlyRows(seconds: number): ResultTable {
  const lastHour = Math.floor((FIRST_DEPARTURE_MS + seconds * 1000 * SPEED) / HOUR_MS) * HOUR_MS
  const rows = Array.from({ length: 50 }, (_, index) => [
    lastHour - Math.floor(index / 9) * HOUR_MS,
    origins[index % 3]!,
    carriers[index % carriers.length]!,
    1 + ((index * 7) % 23),
    index % 11 === 5 ? null : Math.round((Math.sin(index) * 20 + 12) * 100) / 100,
    (index * 37) % 1_320,
  ])
  return {
    topic: 'hourly-delays',
    title: 'Hourly delays',
    columns: [
      { name: 'hour', type: 'time' },
      { name: 'origin', type: 'text' },
      { name: 'carrier', type: 'text' },
      { name: 'departures', type: 'number' },
      { name: 'mean delay min', type: 'number' },
      { name: 'max delay min', type: 'number' },
    ],
    rows,
    rowCount: 50 + Math.floor(seconds * 17),
  }
}

function alertRows(seconds: number): ResultTable {
  const rows = Array.from({ length: Math.min(50, Math.floor(seconds / 3)) }, (_, index) => [
    FIRST_DEPARTURE_MS + (seconds - index * 3) * 1000 * SPEED,
    carriers[index % 5]!,
    origins[index % 3]!,
    `N${24_128 + index * 311}, N${51_007 + index * 97}, N${33_284 + index * 53}`,
    61 + ((index * 13) % 200),
  ])
  return {
    topic: 'delay-alerts',
    title: 'Delay alerts',
    columns: [
      { name: 'at', type: 'time' },
      { name: 'carrier', type: 'text' },
      { name: 'origin', type: 'text' },
      { name: 'planes', type: 'text' },
      { name: 'least delay min', type: 'number' },
    ],
    rows,
    rowCount: Math.floor(seconds / 3),
  }
}

const emptyTable = (topic: string, title: string): ResultTable => ({
  topic,
  title,
  columns: [{ name: 'plane', type: 'text' }],
  rows: [],
  rowCount: 0,
})

export function fakeFlow({ clock, copies = 1, change = {} }: FakeFlowOptions): FlowObserver {
  const sketch = new Sketch()
  collect(sketch)
  for (let copy = 1; copy <= copies; copy++) process(sketch, copy === 1 ? '' : `-${copy}`)
  const startMs = clock.monotonicMs()
  return {
    snapshot() {
      const uptimeMs = clock.monotonicMs() - startMs
      const seconds = uptimeMs / 1000
      return {
        title: 'flights',
        version: '0.1.0',
        nowMs: clock.nowMs(),
        uptimeMs,
        state: 'running',
        nodes: sketch.nodes.map((node, index) => nodeAt(node, index, seconds)),
        edges: edgesAt(sketch, seconds),
        results: [
          hourlyRows(seconds),
          alertRows(seconds),
          emptyTable('made-up-minutes', 'Made up in the air'),
          emptyTable('rotations', 'Rotations'),
        ],
        parts: [
          { name: 'broker', detail: '127.0.0.1:9092, 14 topics', readyMs: 112 },
          { name: 'agent', detail: 'nyc: 3 sources', readyMs: 24 },
          { name: 'pipelines', detail: '5 pipelines, 20 tasks, 7 stores', readyMs: 203 },
          { name: 'console', detail: 'http://127.0.0.1:7070', readyMs: 18 },
        ],
        ...change,
      }
    },
  }
}
