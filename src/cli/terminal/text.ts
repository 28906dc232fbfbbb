/** Text on a terminal: how wide it is, cutting and padding it, and keeping control characters out. */

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** Cells that a text takes: wide characters (East Asian, emoji) take two, combining marks none. */
export function textWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += graphemeWidth(segment)
  return width
}

function graphemeWidth(grapheme: string): number {
  const code = grapheme.codePointAt(0) ?? 0
  if (/\p{Extended_Pictographic}/u.test(grapheme) && code > 0xff) return 2
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x20000 && code <= 0x3fffd)
  return wide ? 2 : 1
}

/** The text in at most `width` cells, with `…` where it was cut. */
export function cutText(text: string, width: number): string {
  if (textWidth(text) <= width) return text
  let cut = ''
  let used = 0
  for (const { segment } of segmenter.segment(text)) {
    const next = graphemeWidth(segment)
    if (used + next > width - 1) break
    cut += segment
    used += next
  }
  return `${cut}…`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: this is what begins an escape sequence.
const styles = /(\x1b\[[\d;]*m)/

/** The same for text with colours: escape sequences take no room, and none is cut off. */
export function cutStyled(text: string, width: number): string {
  let left = width
  return text
    .split(styles)
    .map((part) => {
      if (styles.test(part)) return part
      const cut = left <= 0 ? '' : cutText(part, left)
      left -= cut === part ? textWidth(part) : left
      return cut
    })
    .join('')
}

export function padText(text: string, width: number, toTheRight: boolean): string {
  const space = ' '.repeat(Math.max(0, width - textWidth(text)))
  return toTheRight ? space + text : text + space
}

/** Control characters, line separators and marks that turn the direction of text around. */
const acting = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu
const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/**
 * The text with everything that acts on a terminal written as in JSON, so that data cannot move the cursor, change
 * colours, or show itself in another order than it has.
 */
export function printable(text: string): string {
  return text.replaceAll(
    acting,
    (control) => short[control] ?? `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** `12345.6` → `12,346`; small numbers keep a digit. */
export function formatCount(value: number): string {
  const rounded =
    Math.abs(value) < 10 && !Number.isInteger(value) ? Math.round(value * 10) / 10 : Math.round(value)
  return rounded.toLocaleString('en-US')
}

/** The same in at most `width` cells: `27,004`, `27k`, `1.2M`. */
export function formatCountWithin(value: number, width: number): string {
  const full = formatCount(value)
  if (full.length <= width) return full
  let scaled = value
  for (const unit of ['k', 'M', 'G']) {
    scaled /= 1000
    if (scaled < 999.5) return `${scaled.toFixed(scaled < 9.95 ? 1 : 0)}${unit}`
  }
  return `${Math.round(scaled / 1000)}T`
}

/** `1 record`, `12,346 records`. */
export function countOf(count: number, unit: string): string {
  return `${formatCount(count)} ${unit}${count === 1 ? '' : 's'}`
}
