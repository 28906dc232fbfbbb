/**
 * What `dev` shows: each part as it comes up, then one line per agent, pipeline, result and delivery with its rate,
 * event time, late and bad records. On a terminal the lines are redrawn in place twice a second; elsewhere a line is
 * written every ten seconds.
 */
import { formatDuration } from '../core/duration.ts'
import type { Clock } from '../platform/clock.ts'
import { every } from '../platform/clock.ts'
import type { Terminal } from '../platform/terminal.ts'
import type { FlowNode, FlowPart, FlowSnapshot } from '../server/flow.ts'
import { styler } from './output.ts'
import { Screen } from './terminal/screen.ts'
import { sparkline } from './terminal/sparkline.ts'
import { formatCount, padText } from './terminal/text.ts'

const REDRAW_MS = 500
const LINE_MS = 10_000
const SPARK_VALUES = 12

export interface LiveViewOptions {
  readonly terminal: Terminal
  readonly clock: Clock
  readonly title: string
  readonly version: string
  readonly quiet: boolean
  /** The last line: keys, and where the data lies. */
  readonly footer: string
}

interface ViewRow {
  readonly name: string
  readonly node: FlowNode
}

export class LiveView {
  private readonly options: LiveViewOptions
  private readonly screen: Screen
  private readonly history = new Map<string, number[]>()
  private readonly bold: (text: string) => string
  private readonly dim: (text: string) => string
  private readonly warn: (text: string) => string
  private timer: { cancel(): void } | undefined

  constructor(options: LiveViewOptions) {
    this.options = options
    const { err } = options.terminal
    this.screen = new Screen(err)
    this.bold = styler(err, '1')
    this.dim = styler(err, '2')
    this.warn = styler(err, '33')
  }

  part({ name, detail, readyMs }: FlowPart): void {
    if (this.options.quiet) return
    const line = `  up  ${padText(name, 10, false)} ${padText(detail, 52, false)} ${padText(formatDuration(readyMs), 8, true)}`
    this.screen.print(line)
  }

  /** Everything is up. */
  ready(uptimeMs: number): void {
    if (this.options.quiet) return
    const { title, version } = this.options
    this.screen.print(
      `\n  ${this.bold(`millrace ${version}`)}   ${title}   ready in ${formatDuration(uptimeMs)}\n`,
    )
  }

  /** Shows snapshots from now on. */
  follow(snapshot: () => FlowSnapshot): void {
    const { terminal, clock, quiet } = this.options
    if (quiet) return
    const live = terminal.err.isTerminal
    const show = (): void => {
      const current = snapshot()
      if (live) this.screen.draw([...this.lines(current), '', `  ${this.dim(this.options.footer)}`])
      else this.screen.print(oneLine(current))
    }
    if (live) show()
    this.timer = every(clock, live ? REDRAW_MS : LINE_MS, show)
  }

  /** Draws a last time and lets go of the terminal. */
  end(snapshot?: FlowSnapshot): void {
    this.timer?.cancel()
    this.timer = undefined
    if (this.options.quiet) return
    if (snapshot !== undefined && this.options.terminal.err.isTerminal) this.screen.draw(this.lines(snapshot))
    this.screen.release()
  }

  private lines(snapshot: FlowSnapshot): string[] {
    const rows = rowsOf(snapshot)
    const width = Math.max(12, ...rows.map(({ name }) => name.length))
    return rows.map(({ name, node }) => {
      const history = this.history.get(node.id) ?? []
      history.push(node.recordsPerSecond)
      if (history.length > SPARK_VALUES) history.shift()
      this.history.set(node.id, history)
      const rate = padText(`${formatCount(node.recordsPerSecond)}/s`, 10, true)
      const total = padText(formatCount(node.records), 11, true)
      const time = node.watermarkMs === null ? '' : `event time ${formatTime(node.watermarkMs)}`
      const parts = [
        `  ${padText(name, width, false)} ${rate}`,
        padText(sparkline(history), SPARK_VALUES, false),
        total,
        padText(time, 27, false),
        node.lateRecords > 0 ? this.warn(`late ${formatCount(node.lateRecords)}`) : '',
        node.badRecords > 0 ? this.warn(`bad ${formatCount(node.badRecords)}`) : '',
      ]
      return parts.join('  ').trimEnd()
    })
  }
}

/** What a person follows: agents, pipelines as a whole, result topics, deliveries. */
function rowsOf(snapshot: FlowSnapshot): ViewRow[] {
  const { nodes, edges } = snapshot
  const sources = nodes.filter(({ kind }) => kind === 'source')
  const sinks = nodes.filter(({ kind }) => kind === 'sink')
  const groups = [...new Set(nodes.filter(({ kind }) => kind === 'operator').map(({ group }) => group))]
  const results = snapshot.results.flatMap(({ topic }) => nodes.filter(({ id }) => id === `topic:${topic}`))
  return [
    ...sources.map((node) => ({ name: node.label, node })),
    ...groups.map((group) => ({ name: group, node: pipelineNode(group, nodes, edges) })),
    ...results.map((node) => ({ name: node.label, node })),
    ...sinks.map((node) => ({ name: node.label, node })),
  ]
}

/** A pipeline as one node: what went in, its slowest time, all late and bad records. */
function pipelineNode(group: string, nodes: readonly FlowNode[], edges: FlowSnapshot['edges']): FlowNode {
  const own = nodes.filter((node) => node.group === group && node.kind === 'operator')
  const ids = new Set(own.map(({ id }) => id))
  const inside = new Set(nodes.filter((node) => node.group === group).map(({ id }) => id))
  const into = edges.filter(({ from, to }) => ids.has(to) && !inside.has(from))
  const counted = [...new Map(into.map((edge) => [edge.from, edge])).values()]
  const times = own.flatMap(({ watermarkMs }) => (watermarkMs === null ? [] : [watermarkMs]))
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
  return {
    id: `pipeline:${group}`,
    kind: 'operator',
    label: group,
    group,
    records: sum(counted.map(({ records }) => records)),
    recordsPerSecond: sum(counted.map(({ recordsPerSecond }) => recordsPerSecond)),
    lateRecords: sum(own.map(({ lateRecords }) => lateRecords)),
    badRecords: sum(own.map(({ badRecords }) => badRecords)),
    watermarkMs: times.length === 0 ? null : Math.min(...times),
    details: {},
  }
}

function oneLine(snapshot: FlowSnapshot): string {
  const rows = rowsOf(snapshot).map(({ name, node }) => {
    const late = node.lateRecords > 0 ? ` late ${node.lateRecords}` : ''
    const bad = node.badRecords > 0 ? ` bad ${node.badRecords}` : ''
    return `${name} ${formatCount(node.records)} (${formatCount(node.recordsPerSecond)}/s)${late}${bad}`
  })
  return `  ${rows.join(' · ')}`
}

/** `2013-01-01 14:18`, UTC. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}
