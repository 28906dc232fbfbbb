/** How wide text is in the page's letters, measured by the browser once per text. */
import { shorten } from '../format.ts'

const TEXTS_KEPT_MAX = 5_000

let context: CanvasRenderingContext2D | null | undefined
const shortened = new Map<string, string>()

/** Where a label may go on in the next line. */
const breaks = /(?<=[-_./ ])/

/** The text in one line or two, broken where a word ends if that is possible; the second is cut to the width. */
export function fitTwoLines(text: string, widthMax: number, fontPx: number): readonly [string, string] {
  const fits = (part: string): boolean => fitText(part, widthMax, fontPx) === part
  if (fits(text)) return [text, '']
  let first = ''
  for (const part of text.split(breaks)) {
    if (!fits((first + part).trimEnd())) break
    first += part
  }
  // A single long word is broken where the line ends.
  if (first === '') first = fitText(text, widthMax, fontPx).slice(0, -1)
  return [first.trimEnd(), fitText(text.slice(first.length), widthMax, fontPx)]
}

/** The text cut to the width in a bold font of `fontPx`. */
export function fitText(text: string, widthMax: number, fontPx: number): string {
  const key = `${fontPx} ${widthMax} ${text}`
  let fitted = shortened.get(key)
  if (fitted === undefined) {
    context ??= document.createElement('canvas').getContext('2d')
    const font = `600 ${fontPx}px ${getComputedStyle(document.body).fontFamily}`
    fitted = shorten(text, widthMax, (part) => {
      if (context === null || context === undefined) return part.length * fontPx * 0.6
      context.font = font
      return context.measureText(part).width
    })
    if (shortened.size >= TEXTS_KEPT_MAX) shortened.clear()
    shortened.set(key, fitted)
  }
  return fitted
}
