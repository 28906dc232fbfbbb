/**
 * Prometheus' text format 0.0.4: per metric its meaning and type, then a line per series.
 *
 * Only names that are in the table given to it can be written, each in one piece, as the format asks.
 */
import { invariant } from '../../core/invariant.ts'

export type MetricType = 'counter' | 'gauge' | 'summary' | 'histogram'

export interface MetricKind {
  readonly type: MetricType
  readonly help: string
  /** In the order in which values are given to `add`. */
  readonly labels: readonly string[]
}

export type LabelValue = string | number

const escaped = (text: string): string =>
  text.replaceAll(/[\\"\n]/g, (one) => (one === '\n' ? '\\n' : `\\${one}`))

function formatted(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf'
}

export class PrometheusText<Name extends string> {
  private readonly table: Readonly<Record<Name, MetricKind>>
  private readonly lines: string[] = []
  private current: Name | undefined
  private readonly begun = new Set<Name>()

  constructor(table: Readonly<Record<Name, MetricKind>>) {
    this.table = table
  }

  /** One series of a metric. The series of a metric follow each other. */
  add(name: Name, value: number, ...labels: readonly LabelValue[]): void {
    this.sample(name, '', value, labels)
  }

  /** A line of a summary or histogram: `suffix` as `_sum`, and a label more, as `['quantile', '0.99']`. */
  addPart(
    name: Name,
    part: { readonly suffix: string; readonly extra?: readonly [name: string, value: LabelValue] },
    value: number,
    ...labels: readonly LabelValue[]
  ): void {
    this.sample(name, part.suffix, value, labels, part.extra)
  }

  toString(): string {
    return `${this.lines.join('\n')}\n`
  }

  private sample(
    name: Name,
    suffix: string,
    value: number,
    labels: readonly LabelValue[],
    extra?: readonly [string, LabelValue],
  ): void {
    const kind = this.table[name]
    if (this.current !== name) this.begin(name, kind)
    let text = ''
    // A series may leave out its last labels: of all topics together, say.
    for (let at = 0; at < labels.length; at++) text += `${kind.labels[at]}="${escaped(String(labels[at]))}",`
    if (extra !== undefined) text += `${extra[0]}="${extra[1]}",`
    const within = text === '' ? '' : `{${text.slice(0, -1)}}`
    this.lines.push(`${name}${suffix}${within} ${formatted(value)}`)
  }

  private begin(name: Name, { help, type }: MetricKind): void {
    invariant(!this.begun.has(name), 'the series of a metric are written in one piece')
    this.begun.add(name)
    this.current = name
    this.lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
  }
}
