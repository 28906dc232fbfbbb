/**
 * One edge: a line as thick as its rate, dashes that move along it while records do, rate above and lag below.
 */
import { type ReadonlySignal, useComputed } from '@preact/signals'
import type { JSX } from 'preact'
import type { FlowEdge } from '../../../src/server/flow.ts'
import { formatCompact, formatRate } from '../format.ts'
import { pointedId, selectedId } from './selection.ts'
import type { PlacedEdge } from './spread.ts'

interface EdgeProps {
  readonly placed: PlacedEdge
  readonly figures: ReadonlySignal<FlowEdge>
}

/** A reader that would need this long for what waits is said to be behind. */
const BEHIND_SECONDS = 10
const BEHIND_RECORDS_MIN = 1_000

/** True when more waits along the edge than its reader takes in ten seconds. */
export function behind(edge: FlowEdge): boolean {
  const lag = edge.lagRecords ?? 0
  return lag >= BEHIND_RECORDS_MIN && lag > edge.recordsPerSecond * BEHIND_SECONDS
}

/** True when what waits is read within a second. */
const calm = (edge: FlowEdge): boolean => (edge.lagRecords ?? 0) <= Math.max(edge.recordsPerSecond, 1)

/** 1.2 pixels for nothing, about 2.5 for ten records a second, 5 for ten thousand. */
const thickness = (perSecond: number): number => Math.min(1.2 + Math.log10(1 + perSecond) * 0.95, 6)

/** Dashes move in three speeds, so that a rate that trembles does not restart them. */
const speed = (perSecond: number): string =>
  perSecond <= 0 ? 'speed-0' : perSecond < 10 ? 'speed-1' : perSecond < 1_000 ? 'speed-2' : 'speed-3'

export function lagText(edge: FlowEdge): string {
  if (edge.lagRecords === null) return ''
  return `${behind(edge) ? 'behind' : 'lag'} ${formatCompact(edge.lagRecords)}`
}

export function EdgeView({ placed, figures }: EdgeProps): JSX.Element {
  const { edge, path, arrow } = placed
  const state = useComputed(() => {
    const ends = [edge.from, edge.to]
    const near = ends.includes(pointedId.value ?? '') || ends.includes(selectedId.value ?? '')
    const late = behind(figures.value) ? 'behind' : ''
    return `edge ${speed(figures.value.recordsPerSecond)} ${late} ${near ? 'near' : ''}`
  })
  const width = useComputed(() => thickness(figures.value.recordsPerSecond).toFixed(1))
  return (
    <g class={state} data-edge={`${edge.from} ${edge.to}`}>
      <path class="line" d={path} stroke-width={width} />
      {arrow !== undefined && <path class="dashes" d={path} />}
      {arrow !== undefined && <path class="arrow" d={arrow} />}
    </g>
  )
}

/** Above all lines, so that no line crosses a figure. */
export function EdgeFigures({ placed, figures }: EdgeProps): JSX.Element | null {
  const { label, edge } = placed
  const rate = useComputed(() => formatRate(figures.value.recordsPerSecond))
  const lag = useComputed(() => lagText(figures.value))
  const state = useComputed(() => {
    const near = [pointedId.value, selectedId.value].some((id) => id === edge.from || id === edge.to)
    const haste = behind(figures.value) ? 'behind' : calm(figures.value) ? 'calm' : ''
    return `figures ${haste} ${near ? 'near' : ''} ${edge.queued ? 'queued' : ''}`
  })
  if (label === undefined) return null
  return (
    <g class={state} transform={`translate(${label.x} ${label.y})`}>
      <text class="edge-rate" y={-6}>
        {rate}
      </text>
      <text class="lag" y={15}>
        {lag}
      </text>
    </g>
  )
}
