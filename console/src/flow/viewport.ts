/**
 * What part of the drawing is seen: offset and scale, as one signal.
 *
 * Until the user moves it, the view keeps the whole drawing fitted when the window or the drawing changes its size.
 */
import { computed, signal } from '@preact/signals'
import type { Box } from './spread.ts'

export interface View {
  /** Screen position of the drawing's origin. */
  readonly x: number
  readonly y: number
  readonly scale: number
}

export interface Size {
  readonly width: number
  readonly height: number
}

const SCALE_MIN = 0.15
/** A large drawing is shown in part at first, so that it can be read; `fit` shows all of it. */
const FIRST_SCALE_MIN = 0.36
const SCALE_MAX = 2.5
/** A small drawing is not blown up further than this to fill the window. */
const FIT_SCALE_MAX = 1.15
const MARGIN = 28
/** Below the drawing, for the buttons. */
const MARGIN_BOTTOM = 52
/** This much of the drawing stays in sight however far it is dragged. */
const KEPT_IN_SIGHT = 80

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high)

/** The part of the screen that a fitted drawing may fill. */
function roomOf(screen: Size): Size {
  return {
    width: Math.max(screen.width - 2 * MARGIN, 1),
    height: Math.max(screen.height - MARGIN - MARGIN_BOTTOM, 1),
  }
}

/** The view in which all of `drawing` is seen, in the middle of `screen`, unless that needs less than `scaleMin`. */
export function fitted(drawing: Size, screen: Size, scaleMin = SCALE_MIN): View {
  const room = roomOf(screen)
  const whole = Math.min(room.width / Math.max(drawing.width, 1), room.height / Math.max(drawing.height, 1))
  const scale = clamp(whole, scaleMin, FIT_SCALE_MAX)
  return {
    scale,
    // What does not fit begins at its upper left.
    x: MARGIN + Math.max(0, (room.width - drawing.width * scale) / 2),
    y: MARGIN + Math.max(0, (room.height - drawing.height * scale) / 2),
  }
}

/** The same view, scaled about a point of the screen that stays where it is. */
export function zoomed(view: View, factor: number, atX: number, atY: number): View {
  const scale = clamp(view.scale * factor, SCALE_MIN, SCALE_MAX)
  const grown = scale / view.scale
  return { scale, x: atX - (atX - view.x) * grown, y: atY - (atY - view.y) * grown }
}

/** The view, pulled back when the drawing would be out of sight. */
export function kept(view: View, drawing: Size, screen: Size): View {
  return {
    scale: view.scale,
    x: clamp(view.x, KEPT_IN_SIGHT - drawing.width * view.scale, screen.width - KEPT_IN_SIGHT),
    y: clamp(view.y, KEPT_IN_SIGHT - drawing.height * view.scale, screen.height - KEPT_IN_SIGHT),
  }
}

/** How far the view must move so that `box` is seen beside what covers `coveredRight` pixels of the screen. */
export function revealed(view: View, box: Box, screen: Size, coveredRight: number): View {
  const left = view.x + box.x * view.scale
  const top = view.y + box.y * view.scale
  const right = left + box.width * view.scale
  const bottom = top + box.height * view.scale
  const roomRight = screen.width - coveredRight - MARGIN
  const roomBottom = screen.height - MARGIN
  let { x, y } = view
  if (right > roomRight) x -= right - roomRight
  if (left < MARGIN) x += MARGIN - left
  if (bottom > roomBottom) y -= bottom - roomBottom
  if (top < MARGIN) y += MARGIN - top
  return { x, y, scale: view.scale }
}

/** The view of the page, with the drawing and the screen that it is of. */
export class Viewport {
  readonly view = signal<View>({ x: 0, y: 0, scale: 1 })
  readonly transform = computed(() => {
    const { x, y, scale } = this.view.value
    return `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${scale.toFixed(4)})`
  })
  /** How much is written on nodes, and how large: the smaller the drawing, the larger its letters. */
  readonly detail = computed<Detail>(() => {
    const { scale } = this.view.value
    return scale >= 0.82 ? 'full' : scale >= 0.52 ? 'medium' : 'low'
  })
  /** Width by height of the room for the drawing. */
  readonly aspect = signal(2)
  private drawing: Size = { width: 0, height: 0 }
  private screen: Size = { width: 0, height: 0 }
  private following: 'first' | 'fit' | 'user' = 'first'

  setDrawing(drawing: Size): void {
    this.drawing = drawing
    this.settle()
  }

  setScreen(screen: Size): void {
    this.screen = screen
    const room = roomOf(screen)
    this.aspect.value = room.width / room.height
    this.settle()
  }

  fit(): void {
    this.following = 'fit'
    this.settle()
  }

  /** About the middle of the screen unless a point is given. */
  zoom(factor: number, atX = this.screen.width / 2, atY = this.screen.height / 2): void {
    this.move(zoomed(this.view.peek(), factor, atX, atY))
  }

  pan(byX: number, byY: number): void {
    const { x, y, scale } = this.view.peek()
    this.move({ x: x + byX, y: y + byY, scale })
  }

  reveal(box: Box, coveredRight: number): void {
    const view = revealed(this.view.peek(), box, this.screen, coveredRight)
    if (view.x !== this.view.peek().x || view.y !== this.view.peek().y) this.move(view)
  }

  private move(view: View): void {
    this.following = 'user'
    this.view.value = kept(view, this.drawing, this.screen)
  }

  private settle(): void {
    const { drawing, screen } = this
    if (screen.width === 0 || drawing.width === 0) return
    const scaleMin = this.following === 'first' ? FIRST_SCALE_MIN : SCALE_MIN
    const asked = this.following === 'user'
    this.view.value = asked ? kept(this.view.peek(), drawing, screen) : fitted(drawing, screen, scaleMin)
  }
}

export type Detail = 'full' | 'medium' | 'low'
