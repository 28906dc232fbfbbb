/**
 * One node of the drawing. It is built once for its place and size; its figures are signals bound to single texts.
 *
 * On it, from the top: late and bad records (only when there are any, as words), label, rate and count, watermark;
 * of a drawing made smaller the watermark without its year instead of the count, then neither.
 */
import { type ReadonlySignal, useComputed } from '@preact/signals'
import type { JSX } from 'preact'
import type { FlowNode, FlowNodeKind } from '../../../src/server/flow.ts'
import { formatCompact, formatRate, formatTime } from '../format.ts'
import { NODE_HEIGHT } from './layout.ts'
import { matches, pointedId, search, select, selectedId } from './selection.ts'
import { inline, KindMark, outline } from './shapes.tsx'
import type { PlacedNode } from './spread.ts'
import { fitText, fitTwoLines } from './text-width.ts'
import type { Detail } from './viewport.ts'

interface NodeProps {
  readonly placed: PlacedNode
  readonly figures: ReadonlySignal<FlowNode>
  readonly detail: ReadonlySignal<Detail>
  /** The one node that Tab leads to; the arrow keys lead to the others. */
  readonly tabId: ReadonlySignal<string | undefined>
}

interface Lettering {
  readonly labelPx: number
  /** Where the lines of text stand. */
  readonly labelY: number
  readonly rateY: number
  readonly watermarkY: number
}

/** The smaller the drawing, the larger its letters: on the screen they stay readable. */
const lettering: Readonly<Record<Detail, Lettering>> = {
  full: { labelPx: 12.5, labelY: 18, rateY: 34, watermarkY: 48 },
  medium: { labelPx: 16, labelY: 22, rateY: 43, watermarkY: 0 },
  low: { labelPx: 20, labelY: 23, rateY: 45, watermarkY: 0 },
}
/** Of a tall node, whose label has two lines. */
const tallLettering: Readonly<Record<Detail, Lettering>> = {
  full: { labelPx: 12.5, labelY: 18, rateY: 50, watermarkY: 65 },
  medium: { labelPx: 16, labelY: 21, rateY: 63, watermarkY: 0 },
  low: { labelPx: 18, labelY: 23, rateY: 66, watermarkY: 0 },
}
const STORE_TEXT_Y = 19

export function NodeView({ placed, figures, detail, tabId }: NodeProps): JSX.Element {
  const { node, x, y, width, height } = placed
  const { id, kind, label, group } = node
  const state = useComputed(() => {
    const picked = selectedId.value === id
    const faded = !matches(node, search.value)
    const { badRecords, lateRecords } = figures.value
    const health = badRecords > 0 ? 'has-bad' : lateRecords > 0 ? 'has-late' : ''
    return `node kind-${kind} ${height > NODE_HEIGHT ? 'tall' : ''} ${health} ${picked ? 'selected' : ''} ${faded ? 'faded' : ''}`
  })
  const tabIndex = useComputed(() => (tabId.value === id ? 0 : -1))
  const pressed = useComputed(() => (selectedId.value === id ? 'true' : 'false'))
  const second = inline(kind, width, height)
  const texts = { placed, figures, detail }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a button element cannot stand in an SVG drawing.
    <g
      class={state}
      transform={`translate(${x} ${y})`}
      role="button"
      tabindex={tabIndex}
      aria-label={`${kind} ${label}${group === '' ? '' : ` in ${group}`}`}
      aria-pressed={pressed}
      data-node={id}
      onClick={() => select(id)}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return
        event.preventDefault()
        select(id)
      }}
      onPointerEnter={() => {
        pointedId.value = id
      }}
      onPointerLeave={() => {
        pointedId.value = undefined
      }}
    >
      <title>{`${kind} ${label}`}</title>
      <path class="focus-ring" d={outline('operator', width + 8, height + 8)} transform="translate(-4 -4)" />
      <path class="body" d={outline(kind, width, height)} />
      {second !== undefined && <path class="second" d={second} />}
      {kind === 'store' ? <StoreTexts {...texts} /> : <NodeTexts {...texts} />}
      <NodeTrouble width={width} height={height} figures={figures} detail={detail} />
    </g>
  )
}

type TextProps = Omit<NodeProps, 'tabId'>

/** Where text may begin and end on a shape. */
function textRoom(kind: FlowNodeKind, width: number): { readonly left: number; readonly right: number } {
  const left = kind === 'sink' ? 20 : 11
  const right = width - (kind === 'topic' || kind === 'source' ? 16 : 10)
  return { left, right }
}

const ICON_ROOM = 19
/** For a rate and a watermark without its year in one line of a drawing made smaller. */
const WATERMARK_ROOM = 158

function NodeTexts({ placed, figures, detail }: TextProps): JSX.Element {
  const { node, width, height } = placed
  const { left, right } = textRoom(node.kind, width)
  const tall = height > NODE_HEIGHT
  // Left of the far end of a pipe.
  const countX = node.kind === 'topic' ? right - 5 : right
  const letters = useComputed(() => (tall ? tallLettering : lettering)[detail.value])
  const labelX = useComputed(() => (detail.value === 'full' ? left + ICON_ROOM : left))
  const labelY = useComputed(() => letters.value.labelY)
  const secondY = useComputed(() => letters.value.labelY + letters.value.labelPx * 1.05)
  const rateY = useComputed(() => letters.value.rateY)
  const watermarkY = useComputed(() => letters.value.watermarkY)
  const lines = useComputed(() => {
    const [room, { labelPx }] = [right - labelX.value, letters.value]
    return tall ? fitTwoLines(node.label, room, labelPx) : [fitText(node.label, room, labelPx), '']
  })
  const label = useComputed(() => lines.value[0])
  const second = useComputed(() => lines.value[1])
  const rate = useComputed(() => formatRate(figures.value.recordsPerSecond))
  const corner = useComputed(() => {
    const { watermarkMs, records } = figures.value
    // Without its year a watermark fits where otherwise the count stands.
    if (detail.value === 'medium' && watermarkMs !== null && right - left >= WATERMARK_ROOM)
      return formatTime(watermarkMs).slice(5)
    return formatCompact(records)
  })
  const time = useComputed(() => {
    const { watermarkMs } = figures.value
    return watermarkMs === null ? '' : formatTime(watermarkMs)
  })
  return (
    <>
      <g class="node-icon at-full" transform={`translate(${left} 7) scale(0.82)`}>
        <KindMark kind={node.kind} />
      </g>
      <text class="label" x={labelX} y={labelY}>
        {label}
      </text>
      {tall && (
        <text class="label" x={labelX} y={secondY}>
          {second}
        </text>
      )}
      <text class="rate" x={left} y={rateY}>
        {rate}
      </text>
      <text class="count" x={countX} y={rateY}>
        {corner}
      </text>
      <text class="watermark at-full" x={left} y={watermarkY}>
        {time}
      </text>
    </>
  )
}

/** A narrower store of a drawing made smaller has room for its label only. */
const STORE_AMOUNT_FROM = 170

/** A store is one line: label and how many entries it holds. */
function StoreTexts({ placed, figures, detail }: TextProps): JSX.Element {
  const { node, width } = placed
  const labelX = useComputed(() => (detail.value === 'full' ? 27 : 8))
  const amountRoom = useComputed(() => {
    if (detail.value === 'full') return 48
    return detail.value === 'medium' && width >= STORE_AMOUNT_FROM ? 56 : 0
  })
  const label = useComputed(() => {
    return fitText(
      node.label,
      width - labelX.value - amountRoom.value - 8,
      lettering[detail.value].labelPx - 1,
    )
  })
  const amount = useComputed(() => {
    const { entries } = figures.value.details
    if (amountRoom.value === 0) return ''
    return typeof entries === 'number' ? formatCompact(entries) : formatRate(figures.value.recordsPerSecond)
  })
  return (
    <>
      <g class="node-icon at-full" transform="translate(9 9) scale(0.78)">
        <KindMark kind="store" />
      </g>
      <text class="label store-label" x={labelX} y={STORE_TEXT_Y}>
        {label}
      </text>
      <text class="count store-rate" x={width - 8} y={STORE_TEXT_Y}>
        {amount}
      </text>
    </>
  )
}

const BADGE_LETTER = 6.1
const BADGE_HEIGHT = 15
type TroubleProps = Pick<NodeProps, 'figures' | 'detail'> & {
  readonly width: number
  readonly height: number
}

/** `3 late` and `1 bad` on the upper edge; of a small drawing only the worse, where the count would stand. */
function NodeTrouble({ width, height, figures, detail }: TroubleProps): JSX.Element {
  const bad = useComputed(() => badge(figures.value.badRecords, 'bad'))
  const late = useComputed(() => badge(figures.value.lateRecords, 'late'))
  const low = useComputed(() => detail.value === 'low')
  const transform = useComputed(() => {
    if (low.value) return `translate(${width - 20} ${height - 14}) scale(1.5)`
    return `translate(${width - 6} 0) scale(${detail.value === 'full' ? 1 : 1.3})`
  })
  const badWidth = badgeWidth(bad.value)
  return (
    <g transform={transform}>
      {bad.value !== '' && <Badge tone="bad" text={bad.value} right={0} />}
      {late.value !== '' && (badWidth === 0 || !low.value) && (
        <Badge tone="late" text={late.value} right={badWidth === 0 ? 0 : -badWidth - 4} />
      )}
    </g>
  )
}

interface BadgeProps {
  readonly tone: 'late' | 'bad'
  readonly text: string
  readonly right: number
}

function Badge({ tone, text, right }: BadgeProps): JSX.Element {
  const width = badgeWidth(text)
  return (
    <g class={`badge ${tone}`}>
      <rect x={right - width} y={-8} width={width} height={BADGE_HEIGHT} rx={BADGE_HEIGHT / 2} />
      <text x={right - width / 2} y={3}>
        {text}
      </text>
    </g>
  )
}

const badgeWidth = (text: string): number => (text === '' ? 0 : text.length * BADGE_LETTER + 12)

const badge = (records: number, word: string): string =>
  records === 0 ? '' : `${formatCompact(records)} ${word}`
