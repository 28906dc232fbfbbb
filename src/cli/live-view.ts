/**
 * What `dev` shows: each part as it comes up, then one line per agent, pipeline, result and delivery with its rate,
 * watermark, late and bad records, and above them what somebody should know: warnings and errors. On a terminal the lines are redrawn in place twice a second; elsewhere a line is
 * written every ten seconds.
 */
import { formatDuration } from '../core/duration.ts'
import { type LogFields, type Logger, silentLogger } from '../core/logger.ts'
import type { Clock } from '../platform/clock.ts'
import { every } from '../platform/clock.ts'
import type { Terminal } from '../platform/terminal.ts'
import type { FlowNode, FlowPart, FlowSnapshot } from '../server/flow.ts'
import { styler } from './output.ts'
import { type LiveRow, liveTable, SPARK_WIDTH_MAX } from './terminal/live-table.ts'
import { Screen } from './terminal/screen.ts'
import { cutText, formatCount, padText, printable } from './terminal/text.ts'

const REDRAW_MS = 500
const LINE_MS = 10_000
const PART_NAME_WIDTH = 10
const PART_DETAIL_WIDTH_MIN = 20
const PART_DETAIL_WIDTH = 52
const PART_DETAIL_WIDTH_MAX = 84
const PART_TIME_WIDTH = 8
/** What stands before, between and behind the columns of a part. */
const PART_SPACES = 9
/** The same warning is not shown again within this time. */
const NOTICE_AGAIN_MS = 60_000
const NOTICES_KNOWN_MAX = 100
/** Lines of the live view that are no rows: head, footer and the empty lines around. */
const OTHER_LINES = 4

export interface LiveViewOptions {
  readonly terminal: Terminal
  readonly clock: Clock
  readonly title: string
  readonly version: string
  readonly quiet: boolean
  /** The last line: keys, and where page and data are. */
  readonly footer: () => string
}

interface ViewRow {
  readonly name: string
  readonly node: FlowNode
}

export class LiveView {
  /** Shows what goes wrong without ending the run; the rest is for -v. */
  readonly logger: Logger
  private readonly options: LiveViewOptions
  private readonly screen: Screen
  private readonly history = new Map<string, number[]>()
  private readonly bold: (text: string) => string
  private readonly dim: (text: string) => string
  private readonly warn: (text: string) => string
  private readonly noticed = new Map<string, number>()
  private readonly bad: (text: string) => string
  private timer: { cancel(): void } | undefined
  private offResize: () => void = () => {}
  private redraw: () => void = () => {}

  constructor(options: LiveViewOptions) {
    this.options = options
    const { err } = options.terminal
    this.screen = new Screen(err)
    this.bold = styler(err, '1')
    this.dim = styler(err, '2')
    this.warn = styler(err, '33')
    this.bad = styler(err, '31;1')
    this.logger = {
      ...silentLogger,
      warn: (fields, message) => this.notice(this.warn('!'), fields, message),
      error: (fields, message) => this.notice(this.bad('✗'), fields, message),
    }
  }

  part({ name, detail, readyMs }: FlowPart): void {
    if (this.options.quiet) return
    const { isTerminal, columns } = this.options.terminal.err
    const room = columns - PART_NAME_WIDTH - PART_TIME_WIDTH - PART_SPACES
    const width = Math.max(PART_DETAIL_WIDTH_MIN, Math.min(room, PART_DETAIL_WIDTH_MAX))
    const shown = isTerminal
      ? padText(cutText(detail, width), width, false)
      : padText(detail, PART_DETAIL_WIDTH, false)
    const shownMs = readyMs < 10 ? readyMs : Math.round(readyMs)
    const time = padText(formatDuration(shownMs), PART_TIME_WIDTH, true)
    this.screen.print(`  up  ${padText(name, PART_NAME_WIDTH, false)} ${shown} ${time}`)
  }

  /** Everything is up. */
  ready(uptimeMs: number): void {
    if (this.options.quiet) return
    const { title, version } = this.options
    this.screen.print(
      `\n  ${this.bold(`millrace ${version}`)}   ${title}   ready in ${formatDuration(uptimeMs)}\n`,
    )
  }

  private notice(mark: string, { where, code, ...facts }: LogFields, message: string): void {
    const { clock, quiet, terminal } = this.options
    const lastMs = this.noticed.get(message)
    if (quiet || (lastMs !== undefined && clock.monotonicMs() - lastMs < NOTICE_AGAIN_MS)) return
    if (this.noticed.size >= NOTICES_KNOWN_MAX) this.noticed.clear()
    this.noticed.set(message, clock.monotonicMs())
    const rest = Object.entries(facts).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    const place = typeof where === 'string' ? [`at ${where}`] : rest
    const below = [...place, ...(typeof code === 'string' ? [code] : [])].join('   ')
    const details = below === '' ? '' : `\n     ${printable(below)}`
    this.screen.print(`  ${mark}  ${printable(message)}${details}`)
    if (terminal.err.isTerminal) this.redraw()
  }

  /** Shows snapshots from now on. */
  follow(snapshot: () => FlowSnapshot): void {
    const { terminal, clock, quiet } = this.options
    if (quiet) return
    const live = terminal.err.isTerminal
    const draw = (current: FlowSnapshot): void =>
      this.screen.draw([...this.lines(current), '', `  ${this.dim(this.options.footer())}`])
    const show = (): void => {
      const current = snapshot()
      if (!live) {
        this.screen.print(oneLine(current))
        return
      }
      this.remember(current)
      draw(current)
    }
    if (live) {
      show()
      this.redraw = () => draw(snapshot())
      this.offResize = terminal.err.onResize(() => this.redraw())
    }
    this.timer = every(clock, live ? REDRAW_MS : LINE_MS, show)
  }

  /** Draws a last time and lets go of the terminal. */
  end(snapshot?: FlowSnapshot): void {
    this.timer?.cancel()
    this.timer = undefined
    this.redraw = () => {}
    this.offResize()
    if (this.options.quiet) return
    if (snapshot !== undefined && this.options.terminal.err.isTerminal) this.screen.draw(this.lines(snapshot))
    this.screen.release()
  }

  /** Everything has stopped as it should. */
  stopped(where: string): void {
    if (!this.options.quiet) this.screen.print(`\n  stopped   ${where}`)
  }

  /** Keeps the rates for the bars. */
  private remember(snapshot: FlowSnapshot): void {
    for (const { node } of rowsOf(snapshot)) {
      const history = this.history.get(node.id) ?? []
      history.push(node.recordsPerSecond)
      if (history.length > SPARK_WIDTH_MAX) history.shift()
      this.history.set(node.id, history)
    }
  }

  private lines(snapshot: FlowSnapshot): string[] {
    const { columns, rows: height } = this.options.terminal.err
    const all = rowsOf(snapshot)
    const room = Math.max(1, height - OTHER_LINES)
    const shown = all.length <= room ? all : all.slice(0, Math.max(1, room - 1))
    const rows = shown.map(({ name, node }): LiveRow => {
      const { id, kind, records, recordsPerSecond, watermarkMs, lateRecords, badRecords } = node
      return {
        name,
        recordsPerSecond,
        history: this.history.get(id) ?? [],
        records,
        watermark: watermarkMs === null ? '' : formatTime(watermarkMs),
        ...(kind === 'operator' ? { lateRecords } : {}),
        ...(kind === 'topic' ? {} : { badRecords }),
      }
    })
    const lines = liveTable(rows, { columns, dim: this.dim, warn: this.warn })
    if (shown.length < all.length)
      lines.push(this.dim(`  … and ${all.length - shown.length} more on the page`))
    return lines
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
    const time = node.watermarkMs === null ? '' : ` at ${formatTime(node.watermarkMs)}`
    const late = node.lateRecords > 0 ? ` late ${node.lateRecords}` : ''
    const bad = node.badRecords > 0 ? ` bad ${node.badRecords}` : ''
    return `${name} ${formatCount(node.records)} (${formatCount(node.recordsPerSecond)}/s)${time}${late}${bad}`
  })
  return `  ${rows.join(' · ')}`
}

/** `2013-01-01 14:18`, UTC. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}
