/** The Flow page: the drawing with its side panel, results below. */
import { useComputed } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import type { FlowModel } from '../live/flow-model.ts'
import { ResultTables } from '../results/result-tables.tsx'
import { addKeys } from '../shell/keyboard.ts'
import { PartsTable } from '../shell/parts-table.tsx'
import { GraphTools, SEARCH_ID, ZOOM_STEP } from './graph-tools.tsx'
import { GraphView } from './graph-view.tsx'
import { layoutFlow, TALL_NODE_HEIGHT } from './layout.ts'
import { NodePanel, PANEL_WIDTH } from './node-panel.tsx'
import { select, selectedId } from './selection.ts'
import { needsTallBoxes, spread, stretchFor } from './spread.ts'
import { Viewport } from './viewport.ts'

/** Closes the side panel; whoever works with keys goes on at the node. */
function closePanel(): void {
  const id = selectedId.peek()
  if (id === undefined) return
  select(undefined)
  document.querySelector<SVGGElement>(`[data-node="${CSS.escape(id)}"]`)?.focus({ preventScroll: true })
}

export function FlowPage({ model }: { readonly model: FlowModel }): JSX.Element {
  const viewport = useMemo(() => new Viewport(), [])
  const flat = useComputed(() => layoutFlow(model.structure.value))
  const tall = useComputed(() => needsTallBoxes(flat.value, viewport.aspect.value))
  const skeleton = useComputed(() =>
    tall.value ? layoutFlow(model.structure.value, TALL_NODE_HEIGHT) : flat.value,
  )
  const stretch = useComputed(() => stretchFor(skeleton.value, viewport.aspect.value))
  const layout = useComputed(() => spread(skeleton.value, stretch.value))
  const id = selectedId.value
  const placed = id === undefined ? undefined : layout.value.nodes.find(({ node }) => node.id === id)
  const live = id === undefined ? undefined : model.node(id)
  useEffect(() => {
    if (placed !== undefined) viewport.reveal(placed, PANEL_WIDTH)
  }, [placed, viewport])
  useEffect(
    () =>
      addKeys({
        '+': () => viewport.zoom(ZOOM_STEP),
        '=': () => viewport.zoom(ZOOM_STEP),
        '-': () => viewport.zoom(1 / ZOOM_STEP),
        f: () => viewport.fit(),
        '/': () => document.getElementById(SEARCH_ID)?.focus(),
        Escape: closePanel,
      }),
    [viewport],
  )
  return (
    <div class="flow-page">
      <section class={live === undefined ? 'canvas' : 'canvas with-panel'} aria-label="Flow">
        {layout.value.nodes.length === 0 ? (
          <Starting model={model} />
        ) : (
          <>
            <GraphView
              layout={layout}
              model={model}
              viewport={viewport}
              coveredRight={live === undefined ? 0 : PANEL_WIDTH}
            />
            <GraphTools layout={layout} viewport={viewport} />
          </>
        )}
        {id !== undefined && live !== undefined && (
          <NodePanel id={id} live={live} model={model} close={closePanel} />
        )}
      </section>
      <ResultTables tables={model.results} />
    </div>
  )
}

/** Before there is a topology: what has come up so far. */
function Starting({ model }: { readonly model: FlowModel }): JSX.Element {
  const summary = model.summary.value
  return (
    <div class="empty">
      {summary === undefined ? (
        <p>Waiting for Millrace…</p>
      ) : (
        <>
          <p>{summary.state === 'starting' ? 'Starting…' : 'No pipeline runs here.'}</p>
          {summary.parts.length > 0 && <PartsTable parts={summary.parts} />}
        </>
      )}
    </div>
  )
}
