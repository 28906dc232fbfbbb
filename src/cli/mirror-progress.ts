/**
 * How far a mirror has come, on one line of a terminal: a bar with rate and remaining time when the end is known, a
 * counter with the lag when it goes on and on. Nothing is shown in the first moments, or elsewhere than on a terminal.
 */
import { formatDuration } from '../core/duration.ts'
import { type Clock, every } from '../platform/clock.ts'
import type { Terminal } from '../platform/terminal.ts'
import { Screen } from './terminal/screen.ts'
import { countOf, formatCount } from './terminal/text.ts'

const QUIET_MS = 300
const REDRAW_MS = 250
const BAR_WIDTH = 20
/** The rate is that of the last moments. */
const SAMPLES_MAX = 20

export interface MirrorState {
  readonly records: number
  readonly lagRecords: number
}

export interface MirrorProgressOptions {
  readonly terminal: Terminal
  readonly clock: Clock
  readonly shown: boolean
  readonly follow: boolean
  readonly state: () => MirrorState
}

/** Shows progress until the result is called, which takes the line away. */
export function showMirrorProgress(options: MirrorProgressOptions): () => void {
  const { clock, shown, state, terminal } = options
  if (!shown || !terminal.err.isTerminal) return () => {}
  const screen = new Screen(terminal.err)
  const startMs = clock.monotonicMs()
  const samples: { readonly atMs: number; readonly records: number }[] = [{ atMs: startMs, records: 0 }]
  const timer = every(clock, REDRAW_MS, () => {
    const nowMs = clock.monotonicMs()
    const current = state()
    const oldest = samples[0]!
    const rate = ((current.records - oldest.records) / Math.max(1, nowMs - oldest.atMs)) * 1000
    samples.push({ atMs: nowMs, records: current.records })
    if (samples.length > SAMPLES_MAX) samples.shift()
    if (nowMs - startMs >= QUIET_MS) screen.draw([progressLine(current, { ...options, rate })])
  })
  return () => {
    timer.cancel()
    screen.draw([])
  }
}

/** @param options.rate records per second */
export function progressLine(
  { records, lagRecords }: MirrorState,
  { follow, rate }: { readonly follow: boolean; readonly rate: number },
): string {
  const speed = `${formatCount(rate)}/s`
  if (follow)
    return `  ${countOf(records, 'record')} copied  ${speed}  lag ${formatCount(lagRecords)}  Ctrl-C stops`
  const total = records + lagRecords
  const share = total === 0 ? 1 : records / total
  const full = Math.floor(share * BAR_WIDTH)
  const bar = `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)}`
  const left = rate > 0 ? `  ${formatDuration(Math.ceil(lagRecords / rate) * 1000)} left` : ''
  const percent = `${Math.floor(share * 100)}`.padStart(3)
  return `  ${bar} ${percent} %  ${formatCount(records)} of ${formatCount(total)}  ${speed}${left}`
}
