/**
 * Programs at random, the same for the same seed: two to eight steps over two streams, two tables and a global table,
 * or over one stream whose records come later than windows wait.
 */
import { chanceOf } from '../inputs.ts'
import { both, type Kind, type Known, moved, through, windowed } from './known.ts'
import type { RandomProgram, Step, WindowStep } from './program.ts'

export function randomProgram(seed: number): RandomProgram {
  return new Maker(seed).make()
}

type Made = readonly [Step, Known]

const made = (step: Step, known: Known): Made => [step, known]

type KeyedOp = 'to-table' | 'aggregate' | 'window' | 'cogroup'

class Maker {
  private readonly chance: () => number
  private readonly steps: Step[] = []
  private readonly nodes: Known[] = []
  private readonly windows: WindowStep[] = []
  private readonly lateMs: number
  /** No joins of what comes of one record in two ways whose order is open: all is compared. */
  private readonly strict: boolean
  /**
   * Records may be later than the grace: of one stream, in windows that every record reaches, since in Kafka Streams
   * they know no other time than that of their records.
   */
  private readonly late: boolean

  constructor(seed: number) {
    this.chance = chanceOf(seed ^ 0x2f6e)
    this.late = this.chance() < 0.2
    this.lateMs = this.late ? 60 : this.one([0, 6, 30])
    this.strict = this.chance() < 0.8
  }

  make(): RandomProgram {
    for (const topic of this.late ? ['a'] : ['a', 'b', 't', 'u', 'g']) this.source(topic)
    const wanted = this.nodes.length + 2 + this.whole(7)
    for (let tries = 0; tries < 200 && this.nodes.length < wanted; tries++) this.next()
    const outputs = [this.nodes.length - 1]
    if (this.chance() < 0.4) {
      const other = this.whole(this.nodes.length)
      if (other !== outputs[0] && this.steps[other]!.op !== 'global') outputs.push(other)
    }
    return this.pruned(outputs)
  }

  private pruned(outputs: readonly number[]): RandomProgram {
    const used = new Set<number>()
    const visit = (at: number): void => {
      if (used.has(at)) return
      used.add(at)
      for (const above of this.steps[at]!.in ?? []) visit(above)
    }
    outputs.forEach(visit)
    const kept = [...used].sort((a, b) => a - b)
    const place = new Map(kept.map((at, now) => [at, now]))
    const steps = kept.map((at): Step => {
      const step = this.steps[at]!
      return step.in === undefined ? step : { ...step, in: step.in.map((above) => place.get(above)!) }
    })
    const sources = steps.filter(({ topic }) => topic !== undefined)
    return {
      program: { steps, outputs: outputs.map((at) => place.get(at)!) },
      promises: outputs.map((at) => this.nodes[at]!),
      topics: sources.map(({ topic }) => topic as string),
      tables: sources.filter(({ op }) => op !== 'stream').map(({ topic }) => topic as string),
      versioned: sources.some(({ op }) => op === 'versioned'),
      lateMs: this.lateMs,
    }
  }

  private source(topic: string): void {
    const stream = topic === 'a' || topic === 'b'
    const versioned = !stream && topic !== 'g' && this.chance() < 0.15
    const op = stream ? 'stream' : topic === 'g' ? 'global' : versioned ? 'versioned' : 'table'
    this.add(versioned ? { op, topic, history: 30 } : { op, topic }, {
      kind: stream ? 'stream' : topic === 'g' ? 'global' : 'table',
      order: 'same',
      latenessMs: this.lateMs,
      // What comes to a global table causes nothing.
      from: new Map(topic === 'g' ? [] : [[topic, false]]),
      rekeyed: false,
      nullKeys: stream,
      leads: true,
      leaps: true,
      headers: true,
      kept: true,
      twice: false,
      fans: false,
      changes: false,
    })
  }

  private next(): void {
    const at = this.pick()
    const node = this.nodes[at]!
    const over = {
      stream: this.overStream,
      table: this.overTable,
      windowed: this.overWindows,
      global: undefined,
    }
    const made = over[node.kind]?.call(this, at, node)
    if (made !== undefined) this.add(...made)
  }

  /** One that is made already; the last ones more often. */
  private pick(): number {
    return this.chance() < 0.6 && this.nodes.length > 5
      ? this.nodes.length - 1 - this.whole(3)
      : this.whole(this.nodes.length)
  }

  private overStream(at: number, node: Known): Made | undefined {
    const op = this.one([
      ...['filter', 'map-values', 'map', 'select-key', 'flat-map', 'flat-map-values', 'merge', 'repartition'],
      ...['to-table', 'aggregate', 'aggregate', 'window', 'window', 'window', 'cogroup'],
      ...['join', 'join', 'join', 'join', 'join', 'global-join'],
    ])
    switch (op) {
      case 'filter':
        return made({ op, in: [at], not: this.chance() < 0.4 }, { ...node, leads: false })
      case 'map-values':
        return made({ op, in: [at] }, node)
      case 'flat-map-values':
        return made({ op, in: [at] }, { ...node, fans: true })
      case 'flat-map':
        return made({ op, in: [at] }, { ...node, rekeyed: true, nullKeys: false, fans: true })
      case 'map':
      case 'select-key': {
        const key = this.one(['prefix', 'prefix', this.late ? 'prefix' : 'maybe'])
        return made({ op, in: [at], key }, { ...node, rekeyed: true, nullKeys: key === 'maybe' })
      }
      case 'merge': {
        const other = this.other('stream')
        const joint = this.both(at, other)
        // Kafka Streams reads a stream that is merged with itself once.
        if (other === undefined || other === at || joint === undefined) return undefined
        return made({ op, in: [at, other] }, joint)
      }
      case 'repartition':
        if (node.nullKeys) return undefined
        return made({ op, in: [at] }, through({ ...node, rekeyed: false }))
      case 'global-join': {
        // A result that comes later there may find another row.
        if (node.order !== 'same' || this.late) return undefined
        const kind = this.one(['inner', 'left'])
        return made(
          { op: 'join', kind, in: [at, 4] },
          {
            ...(this.both(at, 4) as Known),
            leaps: node.leaps && kind === 'left',
          },
        )
      }
      case 'join':
        return this.streamJoin(at, node)
    }
    return this.byKey(op as KeyedOp, at, node)
  }

  /** What needs the records of a key together. */
  private byKey(op: KeyedOp, at: number, node: Known): Made | undefined {
    if (node.order !== 'same') return undefined
    const table: Partial<Known> = { kind: 'table', rekeyed: false, nullKeys: false }
    if (op === 'to-table') return made({ op, in: [at] }, { ...moved(node), ...table })
    const key = this.one([undefined, undefined, 'prefix', this.late ? 'prefix' : 'maybe'])
    const grouped = moved(key === undefined ? node : { ...node, rekeyed: true })
    const group = key === undefined ? {} : { key }
    const how = this.one(['text', 'text', 'forget', 'count', 'reduce'])
    // Of a number it is not known that filters let it through.
    const leaps = node.leaps && how !== 'count'
    if (op === 'aggregate')
      return made(
        { op, in: [at], how, ...group },
        { ...grouped, ...table, leaps, leads: node.leads && how !== 'forget' },
      )
    if (op === 'window') {
      if (this.late && !node.leads) return undefined
      const window = this.window(node)
      return made(
        { op: 'aggregate', in: [at], how, ...group, window },
        windowed({ ...grouped, leaps, leads: node.leads && how !== 'forget' }, window),
      )
    }
    const other = this.other('stream')
    if (this.late || other === undefined || other === at || this.nodes[other]!.order !== 'same')
      return undefined
    const joint = this.both(
      at,
      other,
      node.rekeyed || key !== undefined,
      this.nodes[other]!.rekeyed || key !== undefined,
    )
    if (joint === undefined || joint.order !== 'same') return undefined
    const all = key === undefined ? moved(joint) : through(joint)
    const cogrouped = how === 'reduce' ? 'text' : how
    if (this.chance() < 0.5)
      return made({ op, in: [at, other], how: cogrouped, ...group }, { ...all, ...table, leaps: false })
    const window: WindowStep = { ...this.window(joint), emit: 'update' }
    // Kafka Streams cannot look up windows of a cogroup.
    return made(
      { op, in: [at, other], how: cogrouped, ...group, window },
      { ...windowed(all, window), leaps: false, windows: 'cogroup' },
    )
  }

  private streamJoin(at: number, node: Known): Made | undefined {
    if (this.late) return undefined
    const table = this.chance() < 0.5
    const other = this.other(table ? 'table' : 'stream')
    if (other === undefined) return undefined
    const partner = this.nodes[other]!
    const alone = !table && node.leaps && partner.leaps
    const kind = this.one(table ? ['inner', 'left'] : alone ? ['inner', 'left', 'outer'] : ['inner'])
    const loses = (one: Known): boolean => one.rekeyed && one.nullKeys
    if (kind !== 'inner' && (loses(node) || (kind === 'outer' && loses(partner)))) return undefined
    if (table && (node.order !== 'same' || partner.order !== 'same')) return undefined
    const joint = this.both(at, other, node.rekeyed, table ? false : partner.rekeyed)
    if (joint === undefined) return undefined
    const joined = { ...joint, rekeyed: false }
    if (table)
      return made(
        { op: 'join', kind, in: [at, other] },
        { ...joined, kind: 'stream', latenessMs: node.latenessMs, nullKeys: node.nullKeys },
      )
    if (joint.order !== 'same') return undefined
    const grace = joint.latenessMs + this.one([0, 5])
    // What is later than its window's end Kafka Streams gives out alone at once.
    const least = kind === 'inner' ? 1 : Math.max(1, joint.latenessMs)
    const [before, after] = [least + this.whole(15), least + this.whole(15)]
    const latenessMs = joint.latenessMs + (kind === 'inner' ? 0 : before + after + grace)
    return made(
      { op: 'join', kind, in: [at, other], before, after, grace },
      { ...joined, latenessMs, fans: true, order: kind === 'inner' ? 'same' : 'set' },
    )
  }

  private overTable(at: number, node: Known): Made | undefined {
    const op = this.one([
      ...['filter', 'filter', 'map-values', 'to-stream', 'to-stream', 'table-aggregate'],
      ...['join', 'join', 'foreign-key-join'],
    ])
    switch (op) {
      case 'filter':
        return made(
          { op, in: [at], not: this.chance() < 0.4, stored: this.chance() < 0.3 },
          { ...node, leads: false },
        )
      case 'map-values':
        return made({ op, in: [at], stored: this.chance() < 0.3 }, { ...node, leads: false })
      case 'to-stream':
        return made({ op, in: [at] }, { ...node, kind: 'stream', changes: true })
      case 'table-aggregate': {
        if (node.order !== 'same') return undefined
        const how = this.one(['text', 'forget', 'count', 'reduce'])
        const key = this.one(['prefix', 'maybe'])
        return made(
          { op, in: [at], how, key },
          {
            ...through(node),
            leads: node.leads && how !== 'forget',
            leaps: node.leaps && how !== 'count',
            fans: true,
          },
        )
      }
    }
    const other = this.other('table')
    if (other === undefined) return undefined
    if (op === 'foreign-key-join') {
      const joint = this.both(at, other, true, true)
      // An answer that comes after two changes of its key Kafka Streams may drop for good. A table joined with itself
      // does not say that a key is gone.
      if (joint === undefined || joint.order === 'last' || node.fans || this.nodes[other]!.twice)
        return undefined
      const kind = this.one(['inner', 'left'])
      // Of several changes at once, results for several keys come as they like, and some for one key not at all.
      const order = joint.fans ? 'last' : joint.order
      const leaps = node.leaps && kind === 'left'
      return made({ op, kind, in: [at, other] }, { ...joint, order, leaps, fans: true, kept: false })
    }
    const joint = this.both(at, other)
    if (joint === undefined) return undefined
    return made({ op, kind: this.one(['inner', 'left', 'outer']), in: [at, other] }, joint)
  }

  private overWindows(at: number, node: Known): Made | undefined {
    // What a change of the others replaced Kafka Streams does not always know.
    const known = node.windows?.startsWith('time') === true ? ['filter', 'join', 'table-aggregate'] : []
    const op = this.one(['map-values', 'to-stream', 'to-stream', ...known])
    switch (op) {
      case 'filter':
        return made({ op, in: [at], not: this.chance() < 0.4 }, { ...node, leads: false })
      case 'map-values':
        return made({ op, in: [at] }, { ...node, leads: false })
      case 'to-stream':
        return made(
          { op, in: [at] },
          { ...node, kind: 'stream', rekeyed: true, nullKeys: false, changes: true },
        )
      case 'table-aggregate': {
        if (node.order !== 'same') return undefined
        const how = this.one(['text', 'forget', 'count', 'reduce'])
        return made(
          { op, in: [at], how },
          {
            ...through(node),
            kind: 'table',
            leads: node.leads && how !== 'forget',
            leaps: node.leaps && how !== 'count',
            rekeyed: false,
          },
        )
      }
    }
    const other = this.other('windowed')
    if (other === undefined || this.nodes[other]!.windows !== node.windows) return undefined
    if (node.order !== 'same' || this.nodes[other]!.order !== 'same') return undefined
    const joint = this.both(at, other)
    if (joint === undefined) return undefined
    return made({ op, kind: this.one(['inner', 'left', 'outer']), in: [at, other] }, joint)
  }

  private window(node: Known): WindowStep {
    const emit = node.leaps && !this.late ? this.one(['update', 'update', 'close']) : 'update'
    const again = this.one(this.windows)
    if (again !== undefined && again.grace > node.latenessMs && this.chance() < 0.5) return { ...again, emit }
    const kind = this.one(['time', 'time', 'sliding', this.late ? 'time' : 'session'] as const)
    const size = this.one([1, 7, 10, 20])
    const hop = Math.max(1 + this.whole(size), Math.ceil(size / 4))
    const every = kind === 'time' && this.chance() < 0.5 ? hop : size
    const grace = this.late
      ? this.one([0, 0, 3, 20])
      : node.latenessMs + (kind === 'session' ? 1 : 0) + this.one([0, 5, 1000])
    const window = { kind, size, every, grace, emit }
    this.windows.push(window)
    return window
  }

  /** What is known of something made of both; undefined where less is promised than can be compared. */
  private both(at: number, other: number | undefined, moves = false, otherMoves = false): Known | undefined {
    if (other === undefined) return undefined
    const [one, two] = [this.nodes[at]!, this.nodes[other]!]
    const { meets, open, ...known } = both(one, two, [moves, otherMoves])
    if (open) return undefined
    return meets && (this.strict || one.kind !== 'table' || two.kind !== 'table') ? undefined : known
  }

  private other(kind: Kind): number | undefined {
    const all = this.nodes.flatMap((node, at) => (node.kind === kind ? [at] : []))
    return all.length === 0 ? undefined : this.chance() < 0.5 ? all.at(-1) : this.one(all)
  }

  private add(step: Step, node: Known): void {
    this.steps.push(step)
    this.nodes.push(node)
  }

  private whole(below: number): number {
    return Math.floor(this.chance() * below)
  }

  private one<const T>(from: readonly T[]): T {
    return from[this.whole(from.length)] as T
  }
}
