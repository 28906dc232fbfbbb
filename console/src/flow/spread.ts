/**
 * From columns and heights to the drawing: boxes, frames, curves and the places of their figures.
 *
 * 1. Where the columns are too many for the screen, boxes are narrow and tall: their labels take two lines.
 *    Boxes and the gaps between columns are as wide as the screen has room for.
 * 2. An edge is one curve from gap to gap, horizontal where it leaves, passes a column and arrives.
 * 3. The figures of an edge stand on it where they do not cover those of another one.
 */
import { edgeKey, type StructureEdge, type StructureNode } from '../live/flow-model.ts'
import {
  FRAME_PADDING,
  FRAME_TITLE,
  NODE_HEIGHT,
  type Point,
  type Skeleton,
  type Span,
  STORE_GAP,
  STORE_HEIGHT,
  type Stand,
} from './layout.ts'

/** x and y are of the upper left corner. */
export interface Box extends Point {
  readonly width: number
  readonly height: number
}

export interface PlacedNode extends Box {
  readonly node: StructureNode
}

export interface PlacedGroup extends Box {
  readonly name: string
}

export interface PlacedEdge {
  readonly key: string
  readonly edge: StructureEdge
  readonly path: string
  /** An SVG path of the arrow's head; undefined on the short line from an operator to a store below it. */
  readonly arrow?: string
  /** Where its figures stand, if it has some. */
  readonly label?: Point
}

export interface FlowLayout {
  readonly nodes: readonly PlacedNode[]
  readonly edges: readonly PlacedEdge[]
  readonly groups: readonly PlacedGroup[]
  readonly width: number
  readonly height: number
}

export interface Stretch {
  readonly nodeWidth: number
  /** Between two columns. */
  readonly gap: number
}

const NODE_WIDTH_MIN = 164
const NODE_WIDTH_MAX = 272
/** Steps, so that a window that is being resized is not laid out anew for each pixel. */
const NODE_WIDTH_STEP = 12
const GAP_MIN = 92
const TALL_NODE_WIDTH_MIN = 160
const TALL_GAP_MIN = 72

/** True when boxes of one line would make the drawing wider, for its height, than the screen. */
export function needsTallBoxes({ columnCount, height }: Skeleton, aspect: number): boolean {
  return widthOf(columnCount, { nodeWidth: NODE_WIDTH_MIN, gap: GAP_MIN }) > height * aspect
}

function widthOf(columnCount: number, { nodeWidth, gap }: Stretch): number {
  return columnCount * (nodeWidth + gap) - gap + 2 * FRAME_PADDING
}

/** The widest boxes with which the drawing is not wider, for its height, than the screen. */
export function stretchFor(skeleton: Skeleton, aspect: number): Stretch {
  const tall = skeleton.nodeHeight > NODE_HEIGHT
  const widthMin = tall ? TALL_NODE_WIDTH_MIN : NODE_WIDTH_MIN
  const gapMin = tall ? TALL_GAP_MIN : GAP_MIN
  let fitting: Stretch = { nodeWidth: widthMin, gap: gapMin }
  for (let nodeWidth = widthMin; nodeWidth <= NODE_WIDTH_MAX; nodeWidth += NODE_WIDTH_STEP) {
    const gap = gapMin + (nodeWidth - widthMin) / 2
    if (widthOf(skeleton.columnCount, { nodeWidth, gap }) > skeleton.height * aspect) break
    fitting = { nodeWidth, gap }
  }
  return fitting
}

export function spread(skeleton: Skeleton, stretch: Stretch): FlowLayout {
  const { nodeWidth, gap } = stretch
  const xOf = (column: number): number => column * (nodeWidth + gap)
  const raw = skeleton.stands.flatMap((stand) =>
    boxesOf(stand, xOf(stand.column), nodeWidth, skeleton.nodeHeight),
  )
  const frames = framesAround(raw)
  const all: readonly Box[] = [...raw, ...frames]
  const left = Math.min(0, ...all.map((box) => box.x))
  const top = all.length === 0 ? 0 : Math.min(...all.map((box) => box.y))
  const moved = <T extends Point>(point: T): T => ({ ...point, x: point.x - left, y: point.y - top })
  const nodes = raw.map(moved)
  const groups = frames.map(moved)
  const boxes = new Map(nodes.map((placed) => [placed.node.id, placed]))

  const figures = new Figures(skeleton.spans)
  const spanning = skeleton.spans.map(({ edge, passed }) => {
    const stops = passed.map(({ column, y }) => moved({ x: xOf(column), y }))
    return route(edge, boxes.get(edge.from)!, boxes.get(edge.to)!, stops, nodeWidth, figures)
  })
  const hung = skeleton.hung.map((edge) => drop(edge, boxes.get(edge.from)!, boxes.get(edge.to)!))
  return {
    nodes,
    groups,
    edges: [...spanning, ...hung],
    width: Math.max(0, ...all.map((box) => box.x + box.width - left)),
    height: Math.max(0, ...all.map((box) => box.y + box.height - top)),
  }
}

const STORE_INSET = 8

function boxesOf(stand: Stand, x: number, width: number, nodeHeight: number): PlacedNode[] {
  const { node, y, stores } = stand
  const height = node.kind === 'store' ? STORE_HEIGHT : nodeHeight
  const below = stores.map((store, index) => ({
    node: store,
    x: x + STORE_INSET,
    y: y + nodeHeight + STORE_GAP + index * (STORE_HEIGHT + STORE_GAP),
    width: width - 2 * STORE_INSET,
    height: STORE_HEIGHT,
  }))
  return [{ node, x, y, width, height }, ...below]
}

function framesAround(nodes: readonly PlacedNode[]): PlacedGroup[] {
  const members = Map.groupBy(nodes, (placed) => placed.node.group)
  members.delete('')
  return [...members].map(([name, placed]) => {
    const left = Math.min(...placed.map((box) => box.x)) - FRAME_PADDING
    const top = Math.min(...placed.map((box) => box.y)) - FRAME_PADDING - FRAME_TITLE
    const right = Math.max(...placed.map((box) => box.x + box.width)) + FRAME_PADDING
    const bottom = Math.max(...placed.map((box) => box.y + box.height)) + FRAME_PADDING
    return { name, x: left, y: top, width: right - left, height: bottom - top }
  })
}

const FIGURES_WIDTH = 64
const FIGURES_HEIGHT = 32

/** Finds places for figures, one edge after the other. */
class Figures {
  private readonly taken: Point[] = []
  private readonly leaving = new Map<string, number>()
  private readonly arriving = new Map<string, number>()

  constructor(spans: readonly Span[]) {
    for (const { edge } of spans) {
      this.leaving.set(edge.from, (this.leaving.get(edge.from) ?? 0) + 1)
      this.arriving.set(edge.to, (this.arriving.get(edge.to) ?? 0) + 1)
    }
  }

  /** Of a fan-out the ends stand apart, of a fan-in the beginnings: they are tried first. */
  place(edge: StructureEdge, from: Point, to: Point): Point {
    const fanOut = (this.leaving.get(edge.from) ?? 0) >= (this.arriving.get(edge.to) ?? 0)
    const parts = fanOut ? [0.5, 0.72, 0.28, 0.6, 0.85, 0.4] : [0.5, 0.28, 0.72, 0.4, 0.15, 0.6]
    const spots = parts.map((part) => onCurve(from, to, part))
    const covered = (spot: Point): number =>
      this.taken.reduce((most, other) => Math.max(most, overlap(spot, other)), 0)
    const best = spots.reduce((best, spot) => (covered(spot) < covered(best) ? spot : best))
    this.taken.push(best)
    return best
  }
}

/** The part of one place for figures that another one covers. */
function overlap(a: Point, b: Point): number {
  const wide = Math.max(0, FIGURES_WIDTH - Math.abs(a.x - b.x))
  const high = Math.max(0, FIGURES_HEIGHT - Math.abs(a.y - b.y))
  return (wide * high) / (FIGURES_WIDTH * FIGURES_HEIGHT)
}

/** The point of the curve that `towards` draws, at a part of its way. */
function onCurve(from: Point, to: Point, part: number): Point {
  const rest = 1 - part
  const x = 1.5 * rest * rest * part + 1.5 * rest * part * part + part ** 3
  const y = 3 * rest * part * part + part ** 3
  return { x: from.x + (to.x - from.x) * x, y: from.y + (to.y - from.y) * y }
}

const round = (coordinate: number): number => Math.round(coordinate * 10) / 10

/** From the end of the path so far to a point: straight when level, else a curve that is horizontal at both ends. */
function towards(from: Point, to: Point): string {
  if (Math.abs(from.y - to.y) < 0.5) return `H${round(to.x)}`
  const middle = round((from.x + to.x) / 2)
  return `C${middle} ${round(from.y)} ${middle} ${round(to.y)} ${round(to.x)} ${round(to.y)}`
}

const ARROW = 7
const portY = (box: Box): number => box.y + box.height / 2

/** `stops`: the left ends of the columns that the edge passes. */
function route(
  edge: StructureEdge,
  from: Box,
  to: Box,
  stops: readonly Point[],
  nodeWidth: number,
  figures: Figures,
): PlacedEdge {
  if (to.x <= from.x) return loop(edge, from, to)
  const start = { x: from.x + from.width, y: portY(from) }
  const tip = { x: to.x, y: portY(to) }
  const gaps = [...stops, { x: tip.x - ARROW, y: tip.y }]
  let path = `M${round(start.x)} ${round(start.y)}`
  let at = start
  gaps.forEach((end, index) => {
    path += towards(at, end)
    at = end
    if (index === gaps.length - 1) return
    at = { x: end.x + nodeWidth, y: end.y }
    path += `H${round(at.x)}`
  })
  const [first] = stops
  const label =
    first === undefined
      ? figures.place(edge, start, tip)
      : figures.place(edge, first, { x: first.x + nodeWidth, y: first.y })
  const arrow = `M${round(tip.x)} ${round(tip.y)}l-8 -4.5v9z`
  return { key: edgeKey(edge), edge, path, arrow, label }
}

const LOOP_RISE = 46

/** An edge to the same or an earlier column, as a loop of events has: over the tops. */
function loop(edge: StructureEdge, from: Box, to: Box): PlacedEdge {
  const start = { x: round(from.x + from.width * 0.7), y: round(from.y) }
  const tip = { x: round(to.x + to.width * 0.3), y: round(to.y) }
  const top = round(Math.min(start.y, tip.y) - LOOP_RISE)
  const path = `M${start.x} ${start.y}C${start.x} ${top} ${tip.x} ${top} ${tip.x} ${tip.y - ARROW}`
  const label = { x: (start.x + tip.x) / 2, y: top + LOOP_RISE / 4 }
  return { key: edgeKey(edge), edge, path, arrow: `M${tip.x} ${tip.y}l-4.5 -8h9z`, label }
}

function drop(edge: StructureEdge, from: Box, to: Box): PlacedEdge {
  const [upper, lower] = from.y < to.y ? [from, to] : [to, from]
  const x = round(lower.x + lower.width / 2)
  return { key: edgeKey(edge), edge, path: `M${x} ${round(upper.y + upper.height)}V${round(lower.y)}` }
}
