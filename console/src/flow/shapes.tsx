/** The outlines and icons of the kinds of nodes: each is told by its shape, colour only helps. */
import type { JSX } from 'preact'
import type { FlowNodeKind } from '../../../src/server/flow.ts'

export const kinds: readonly FlowNodeKind[] = ['source', 'topic', 'operator', 'store', 'sink']

const CORNER = 7
const POINT = 11
const ROUND = 9
const LID = 4

/** The outline of a node of this kind as an SVG path, from 0, 0. */
export function outline(kind: FlowNodeKind, width: number, height: number): string {
  const middle = height / 2
  switch (kind) {
    case 'source':
      return `M${CORNER} 0H${width - POINT}L${width} ${middle}L${width - POINT} ${height}H${CORNER}Q0 ${height} 0 ${height - CORNER}V${CORNER}Q0 0 ${CORNER} 0Z`
    case 'sink':
      return `M0 0H${width - CORNER}Q${width} 0 ${width} ${CORNER}V${height - CORNER}Q${width} ${height} ${width - CORNER} ${height}H0L${POINT} ${middle}Z`
    case 'topic':
      return `M${ROUND} 0H${width - ROUND}A${ROUND} ${middle} 0 0 1 ${width - ROUND} ${height}H${ROUND}A${ROUND} ${middle} 0 0 1 ${ROUND} 0Z`
    case 'store':
      return `M0 ${LID}A${width / 2} ${LID} 0 0 1 ${width} ${LID}V${height - LID}A${width / 2} ${LID} 0 0 1 0 ${height - LID}Z`
    case 'operator':
      return `M${CORNER} 0H${width - CORNER}Q${width} 0 ${width} ${CORNER}V${height - CORNER}Q${width} ${height} ${width - CORNER} ${height}H${CORNER}Q0 ${height} 0 ${height - CORNER}V${CORNER}Q0 0 ${CORNER} 0Z`
  }
}

/** The second line of the shapes that have one: the far end of a pipe, the lid of a drum. */
export function inline(kind: FlowNodeKind, width: number, height: number): string | undefined {
  if (kind === 'topic') {
    return `M${width - ROUND} 0A${ROUND} ${height / 2} 0 0 0 ${width - ROUND} ${height}`
  }
  if (kind === 'store') return `M0 ${LID}A${width / 2} ${LID} 0 0 0 ${width} ${LID}`
  return undefined
}

const iconPaths: Readonly<Record<FlowNodeKind, string>> = {
  source: 'M2 3.5V12.5M4.5 8H13.5M10 4.5L13.5 8L10 11.5',
  topic: 'M2 4.5H14M2 8H10.5M2 11.5H14',
  operator: 'M8 5.2A2.8 2.8 0 1 0 8 10.8A2.8 2.8 0 1 0 8 5.2M1.5 8H5.2M10.8 8H14.5',
  store:
    'M2.5 4.5A5.5 2 0 0 1 13.5 4.5A5.5 2 0 0 1 2.5 4.5V11.5A5.5 2 0 0 0 13.5 11.5V4.5M2.5 8A5.5 2 0 0 0 13.5 8',
  sink: 'M14 3.5V12.5M2 8H11M7.5 4.5L11 8L7.5 11.5',
}

/** 16 by 16, in the colour of the text. */
export function KindIcon({ kind }: { readonly kind: FlowNodeKind }): JSX.Element {
  return (
    <svg class={`icon kind-${kind}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={iconPaths[kind]} />
    </svg>
  )
}

/** The same icon inside another drawing. */
export function KindMark({ kind }: { readonly kind: FlowNodeKind }): JSX.Element {
  return <path d={iconPaths[kind]} />
}
