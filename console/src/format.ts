/** Numbers, times and durations as the console writes them: one way each, the same width where they change. */

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** `27,004` */
export function formatCount(count: number): string {
  return grouped.format(count)
}

/** At most four characters and a unit: `0`, `7.5`, `340`, `1.2k`, `27k`, `1.2M`. */
export function formatCompact(amount: number): string {
  let scaled = amount
  for (const unit of ['', 'k', 'M', 'G']) {
    const digits = scaled < 9.95 && !(unit === '' && Number.isInteger(scaled)) ? 1 : 0
    if (scaled < 999.5) return `${scaled.toFixed(digits)}${unit}`
    scaled /= 1000
  }
  return `${scaled.toFixed(0)}T`
}

/** `1.2k/s`. A rate too small to show is not shown as none: `<0.1/s`. */
export function formatRate(perSecond: number): string {
  if (perSecond > 0 && perSecond < 0.05) return '<0.1/s'
  return `${formatCompact(perSecond)}/s`
}

export type TimePrecision = 'minute' | 'second' | 'millisecond'

const timeLength: Readonly<Record<TimePrecision, number>> = { minute: 16, second: 19, millisecond: 23 }

/** `2013-01-03 07:12`, in UTC. */
export function formatTime(timeMs: number, precision: TimePrecision = 'minute'): string {
  if (!Number.isFinite(timeMs) || Math.abs(timeMs) > 8.64e15) return String(timeMs)
  return new Date(timeMs).toISOString().replace('T', ' ').slice(0, timeLength[precision])
}

/** The coarsest precision that shows all of these times in full. */
export function timePrecision(timesMs: Iterable<number>): TimePrecision {
  let precision: TimePrecision = 'minute'
  for (const timeMs of timesMs) {
    if (timeMs % 1000 !== 0) return 'millisecond'
    if (timeMs % 60_000 !== 0) precision = 'second'
  }
  return precision
}

/** `780 ms`, `4.2 s`, `3 min 12 s`, `2 h 05 min`, `3 d 4 h`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`
  if (durationMs < 10_000) return `${(durationMs / 1000).toFixed(1)} s`
  const seconds = Math.floor(durationMs / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${pad(minutes % 60)} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

const pad = (part: number): string => String(part).padStart(2, '0')

const DECIMALS_MAX = 2

/** How to write all numbers of one column: the same decimals, as few as show them, at most two. */
export function numberFormat(numbers: Iterable<number>): Intl.NumberFormat {
  let decimals = 0
  for (const number of numbers) {
    while (decimals < DECIMALS_MAX && Math.abs(number - Number(number.toFixed(decimals))) > 1e-9)
      decimals += 1
  }
  return new Intl.NumberFormat('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}

/** The text cut to `widthMax` with an ellipsis, as `measure` sees its width. */
export function shorten(text: string, widthMax: number, measure: (text: string) => number): string {
  if (measure(text) <= widthMax) return text
  let low = 0
  let high = text.length
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (measure(`${text.slice(0, middle)}…`) <= widthMax) low = middle
    else high = middle - 1
  }
  return `${text.slice(0, low).trimEnd()}…`
}
