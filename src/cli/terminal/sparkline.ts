/** A row of bars for the last values of a rate. */

const bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const

/** One bar per value, scaled to the largest; nothing at all is the lowest bar. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(...values, 0)
  return values
    .map((value) => bars[most === 0 ? 0 : Math.min(7, Math.floor((value / most) * 7.999))])
    .join('')
}
