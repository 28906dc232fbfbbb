/**
 * The drawing of the topology: frames, lines, nodes, figures; with zoom, pan and keys.
 *
 * Zooming and panning change one attribute of one element. Wheel: zoom about the pointer; drag: pan; Tab: into the
 * drawing; arrow keys: from node to node; Enter: side panel.
 */
import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type { FlowModel } from '../live/flow-model.ts'
import { EdgeFigures, EdgeView } from './edge-view.tsx'
import { directionOfKey, neighbour } from './neighbours.ts'
import { NodeView } from './node-view.tsx'
import { selectedId } from './selection.ts'
import type { FlowLayout, PlacedGroup, PlacedNode } from './spread.ts'
import { fitText } from './text-width.ts'
import type { Viewport } from './viewport.ts'

interface GraphProps {
  readonly layout: ReadonlySignal<FlowLayout>
  readonly model: FlowModel
  readonly viewport: Viewport
  /** Pixels on the right that the side panel covers. */
  readonly coveredRight: number
}

/** A press that moves less than this is a click. */
const DRAG_FROM_PX = 4
const ZOOM_PER_PIXEL = 0.0016
const PIXELS_PER_LINE = 16

export function GraphView({ layout: shown, model, viewport, coveredRight }: GraphProps): JSX.Element {
  const layout = shown.value
  const frame = useRef<HTMLDivElement>(null)
  const focusedId = useSignal<string | undefined>(undefined)
  const tabId = useComputed(() => focusedId.value ?? selectedId.value ?? shown.value.nodes[0]?.node.id)
  useEffect(() => viewport.setDrawing(layout), [layout, viewport])
  useEffect(() => followScreen(frame.current!, viewport), [viewport])

  const goTo = (id: string): void => {
    const placed = layout.nodes.find(({ node }) => node.id === id)
    if (placed === undefined) return
    focusedId.value = id
    frame.current
      ?.querySelector<SVGGElement>(`[data-node="${CSS.escape(id)}"]`)
      ?.focus({ preventScroll: true })
    viewport.reveal(placed, coveredRight)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const direction = directionOfKey[event.key]
    const id = (event.target as Element).closest('[data-node]')?.getAttribute('data-node')
    if (direction === undefined || id === null || id === undefined) return
    event.preventDefault()
    const next = neighbour(layout, id, direction)
    if (next !== undefined) goTo(next.node.id)
  }
  const live = layout.nodes.flatMap((placed) => {
    const node = model.node(placed.node.id)
    return node === undefined ? [] : [{ placed, figures: node.figures }]
  })
  const edges = layout.edges.flatMap((placed) => {
    const figures = model.edge(placed.key)
    return figures === undefined ? [] : [{ placed, figures }]
  })
  const drawingClass = useComputed(() => `drawing detail-${viewport.detail.value}`)
  return (
    <div class="graph" ref={frame}>
      {/* biome-ignore lint/a11y/useSemanticElements: a drawing with nodes that can be chosen is no fieldset. */}
      <svg class={drawingClass} role="group" aria-label="Topology" onKeyDown={onKeyDown}>
        <title>Topology</title>
        <g transform={viewport.transform}>
          {layout.groups.map((group) => (
            <Frame key={group.name} group={group} />
          ))}
          {edges.map((edge) => (
            <EdgeView key={edge.placed.key} {...edge} />
          ))}
          {live.map((node) => (
            <NodeView key={keyOf(node.placed)} {...node} detail={viewport.detail} tabId={tabId} />
          ))}
          {edges.map((edge) => (
            <EdgeFigures key={edge.placed.key} {...edge} />
          ))}
        </g>
      </svg>
    </div>
  )
}

/** A node of another size or name is another one: what is written on it is measured once. */
const keyOf = ({ node, width }: PlacedNode): string => [node.id, node.kind, node.label, width].join('\0')

function Frame({ group }: { readonly group: PlacedGroup }): JSX.Element {
  return (
    <g class="frame" transform={`translate(${group.x} ${group.y})`}>
      <title>{group.name}</title>
      <rect width={group.width} height={group.height} rx={10} />
      <text x={12} y={19}>
        {fitText(group.name, group.width - 24, 12.5)}
      </text>
    </g>
  )
}

/** Size, wheel and drag of the element; returns what undoes it. */
function followScreen(element: HTMLElement, viewport: Viewport): () => void {
  const stop = new AbortController()
  const { signal } = stop
  const resize = new ResizeObserver(() =>
    viewport.setScreen({ width: element.clientWidth, height: element.clientHeight }),
  )
  resize.observe(element)
  element.addEventListener('wheel', (event) => onWheel(event, element, viewport), { signal, passive: false })

  let last: { x: number; y: number } | undefined
  let dragging = false
  element.addEventListener(
    'pointerdown',
    (event) => {
      if (event.button === 0) last = { x: event.clientX, y: event.clientY }
    },
    { signal },
  )
  element.addEventListener(
    'pointermove',
    (event) => {
      if (last === undefined) return
      const byX = event.clientX - last.x
      const byY = event.clientY - last.y
      if (!dragging && Math.hypot(byX, byY) < DRAG_FROM_PX) return
      if (!dragging) element.setPointerCapture(event.pointerId)
      dragging = true
      element.classList.add('dragging')
      last = { x: event.clientX, y: event.clientY }
      viewport.pan(byX, byY)
    },
    { signal },
  )
  const release = (): void => {
    last = undefined
    dragging = false
    element.classList.remove('dragging')
  }
  element.addEventListener('pointerup', release, { signal })
  element.addEventListener('pointercancel', release, { signal })
  return () => {
    resize.disconnect()
    stop.abort()
  }
}

function onWheel(event: WheelEvent, element: HTMLElement, viewport: Viewport): void {
  event.preventDefault()
  const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? PIXELS_PER_LINE : 1
  const bounds = element.getBoundingClientRect()
  if (event.shiftKey) {
    viewport.pan(-(event.deltaX + event.deltaY) * pixels, 0)
    return
  }
  // A pinch on a touchpad comes as a wheel with Ctrl and small steps.
  const perPixel = event.ctrlKey ? ZOOM_PER_PIXEL * 6 : ZOOM_PER_PIXEL
  const factor = Math.exp(-event.deltaY * pixels * perPixel)
  viewport.zoom(factor, event.clientX - bounds.left, event.clientY - bounds.top)
}
