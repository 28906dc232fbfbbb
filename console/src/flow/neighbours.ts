/** Where the arrow keys lead in the drawing. */
import type { FlowLayout, PlacedNode } from './spread.ts'

export type Direction = 'left' | 'right' | 'up' | 'down'

export const directionOfKey: Readonly<Record<string, Direction>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
}

/**
 * The node to go to: along an edge to the left and right, to the nearest above and below in the same column.
 * Undefined at the border.
 */
export function neighbour(layout: FlowLayout, id: string, direction: Direction): PlacedNode | undefined {
  const from = layout.nodes.find((placed) => placed.node.id === id)
  if (from === undefined) return undefined
  const along = direction === 'left' || direction === 'right'
  const linked = along ? linkedTo(layout, id, direction) : new Set<string>()
  const ahead = layout.nodes
    .filter((placed) => placed !== from && beyond(from, placed, direction))
    .map((placed) => ({ placed, cost: cost(from, placed, along) }))
    .sort((a, b) => a.cost - b.cost)
  return (ahead.find(({ placed }) => linked.has(placed.node.id)) ?? ahead[0])?.placed
}

function linkedTo(layout: FlowLayout, id: string, direction: 'left' | 'right'): ReadonlySet<string> {
  const edges = layout.edges.map(({ edge }) => edge)
  return new Set(
    direction === 'right'
      ? edges.filter((edge) => edge.from === id).map((edge) => edge.to)
      : edges.filter((edge) => edge.to === id).map((edge) => edge.from),
  )
}

const centreX = (box: PlacedNode): number => box.x + box.width / 2
const centreY = (box: PlacedNode): number => box.y + box.height / 2

function beyond(from: PlacedNode, to: PlacedNode, direction: Direction): boolean {
  const byX = centreX(to) - centreX(from)
  const byY = centreY(to) - centreY(from)
  // Up and down stay in the column: boxes that overlap in x.
  if (direction === 'up' || direction === 'down') {
    const sameColumn = Math.abs(byX) < (from.width + to.width) / 2
    return sameColumn && (direction === 'up' ? byY < -1 : byY > 1)
  }
  return direction === 'left' ? byX < -1 : byX > 1
}

/** Steps across the way count more than steps along it. */
function cost(from: PlacedNode, to: PlacedNode, along: boolean): number {
  const byX = Math.abs(centreX(to) - centreX(from))
  const byY = Math.abs(centreY(to) - centreY(from))
  return along ? byX + 2 * byY : byY + 2 * byX
}
