/** The rate of the last five minutes as a small area; what is not known stays empty. */
import type { JSX } from 'preact'
import { formatRate } from '../format.ts'

interface SparklineProps {
  readonly series: readonly number[]
  readonly width: number
  readonly height: number
}

/** 1, 2 or 5 times a power of ten, at least `value`. */
export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value) ?? value
}

/** Runs of known values as [index, value] pairs. */
export function runsOf(series: readonly number[]): [number, number][][] {
  const runs: [number, number][][] = []
  let open: [number, number][] | undefined
  series.forEach((value, index) => {
    if (Number.isNaN(value)) open = undefined
    else if (open === undefined) {
      open = [[index, value]]
      runs.push(open)
    } else open.push([index, value])
  })
  return runs
}

export function Sparkline({ series, width, height }: SparklineProps): JSX.Element {
  const known = series.filter((value) => !Number.isNaN(value))
  const highest = Math.max(0, ...known)
  const ceiling = niceCeiling(highest)
  const x = (index: number): string => ((index / Math.max(series.length - 1, 1)) * width).toFixed(1)
  const y = (value: number): string => (height - 1 - (value / ceiling) * (height - 4)).toFixed(1)
  const runs = runsOf(series)
  const lines = runs.map((run) => run.map(([index, value]) => `${x(index)} ${y(value)}`).join('L'))
  const now = known.at(-1) ?? 0
  const label = `Rate over the last five minutes: now ${formatRate(now)}, highest ${formatRate(highest)}`
  return (
    <figure class="sparkline">
      <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={label}>
        <path class="scale" d={`M0 ${y(ceiling)}H${width}M0 ${y(ceiling / 2)}H${width}`} />
        {runs.map((run, index) => (
          <path
            key={run[0]![0]}
            class="area"
            d={`M${x(run[0]![0])} ${height}L${lines[index]}L${x(run.at(-1)![0])} ${height}Z`}
          />
        ))}
        {lines.map((line) => (
          <path key={line.slice(0, 12)} class="rate-line" d={`M${line}`} />
        ))}
        <path class="scale" d={`M0 ${height - 0.5}H${width}`} />
      </svg>
      <figcaption>
        <span>5 min ago</span>
        <span>top line {formatRate(ceiling)}</span>
        <span>now</span>
      </figcaption>
    </figure>
  )
}
