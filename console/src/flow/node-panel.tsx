/** The side panel: all that is known of one node. */
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { FlowNode } from '../../../src/server/flow.ts'
import { formatCount, formatRate, formatTime } from '../format.ts'
import { edgeKey, type FlowModel, type LiveNode } from '../live/flow-model.ts'
import { lagText } from './edge-view.tsx'
import { select } from './selection.ts'
import { KindIcon } from './shapes.tsx'
import { Sparkline } from './sparkline.tsx'

/** As in panel.css. */
export const PANEL_WIDTH = 328
const SPARK = { width: 296, height: 64 }

interface PanelProps {
  readonly id: string
  readonly live: LiveNode
  readonly model: FlowModel
  readonly close: () => void
}

export function NodePanel({ id, live, model, close }: PanelProps): JSX.Element {
  const node = live.figures.value
  const heading = useRef<HTMLHeadingElement>(null)
  // The focus moves when another node is shown.
  useEffect(() => heading.current?.focus({ preventScroll: true }), [id])
  return (
    <aside class="panel" aria-label={`${node.kind} ${node.label}`}>
      <header class="panel-head">
        <KindIcon kind={node.kind} />
        <div class="panel-name">
          <h2 ref={heading} tabIndex={-1}>
            {node.label}
          </h2>
          <p>{node.group === '' ? node.kind : `${node.kind} in ${node.group}`}</p>
        </div>
        <button
          type="button"
          class="plain panel-close"
          aria-label="Close"
          title="Close (Esc)"
          onClick={close}
        >
          <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d="M4 4l8 8M12 4l-8 8" />
          </svg>
        </button>
      </header>
      <div class="panel-rate">
        <strong>{formatRate(node.recordsPerSecond)}</strong>
        <span>{formatCount(node.records)} records</span>
      </div>
      <Sparkline series={live.history.series()} {...SPARK} />
      <Counters node={node} />
      <Details node={node} />
      <Links title="Reads from" model={model} id={id} side="from" />
      <Links title="Leads to" model={model} id={id} side="to" />
    </aside>
  )
}

function Counters({ node }: { readonly node: FlowNode }): JSX.Element {
  const { watermarkMs, lateRecords, badRecords } = node
  return (
    <dl class="facts">
      <dt>Watermark</dt>
      <dd>
        {watermarkMs === null ? <span class="none">none</span> : `${formatTime(watermarkMs, 'second')} UTC`}
      </dd>
      <dt>Late records</dt>
      <dd class={lateRecords > 0 ? 'late' : ''}>{formatCount(lateRecords)}</dd>
      <dt>Bad records</dt>
      <dd class={badRecords > 0 ? 'bad' : ''}>{formatCount(badRecords)}</dd>
    </dl>
  )
}

function Details({ node }: { readonly node: FlowNode }): JSX.Element | null {
  const details = Object.entries(node.details)
  if (details.length === 0) return null
  return (
    <>
      <h3>Details</h3>
      <dl class="facts">
        {details.map(([name, value]) => (
          <div key={name} class="fact-row">
            <dt>{name}</dt>
            <dd>{typeof value === 'number' ? formatCount(value) : value}</dd>
          </div>
        ))}
      </dl>
    </>
  )
}

interface LinksProps {
  readonly title: string
  readonly model: FlowModel
  readonly id: string
  /** Which end of the edge the other node is. */
  readonly side: 'from' | 'to'
}

function Links({ title, model, id, side }: LinksProps): JSX.Element | null {
  const own = side === 'from' ? 'to' : 'from'
  const edges = model.structure.value.edges.filter((edge) => edge[own] === id)
  if (edges.length === 0) return null
  return (
    <>
      <h3>{title}</h3>
      <ul class="links">
        {edges.map((edge) => {
          const other = model.node(edge[side])?.figures.value
          const figures = model.edge(edgeKey(edge))?.value
          if (other === undefined || figures === undefined) return null
          return (
            <li key={other.id}>
              <button type="button" onClick={() => select(other.id)}>
                <KindIcon kind={other.kind} />
                <span class="name">{other.label}</span>
                <span class="figure">{lagText(figures)}</span>
                <span class="figure">{formatRate(figures.recordsPerSecond)}</span>
              </button>
            </li>
          )
        })}
      </ul>
    </>
  )
}
