/**
 * The states of an agent and of a delivery, as a total table.
 *
 * ```
 *              opened            stop, ended            drained
 *   starting ─────────▶ running ─────────────▶ draining ────────▶ stopped
 *      │  └── stop ────────┼─────────────────────▲ │
 *      └───── fail ────────┴── fail ── fail ───────┴──▶ failed
 * ```
 * Invariants: records are taken in `running` only; `draining` commits what was taken and takes nothing more; nothing
 * leaves `stopped` and `failed`. They are enforced by the runners, which ask for the state before each step.
 */
import { invariant } from '../core/invariant.ts'

export const runnerStates = ['starting', 'running', 'draining', 'stopped', 'failed'] as const
export const runnerEvents = ['opened', 'ended', 'stop', 'drained', 'fail'] as const

export type RunnerState = (typeof runnerStates)[number]
export type RunnerEvent = (typeof runnerEvents)[number]

/** `illegal`: the runner never lets it come to that. */
export const runnerTable: Readonly<
  Record<RunnerState, Readonly<Record<RunnerEvent, RunnerState | 'illegal'>>>
> = {
  starting: { opened: 'running', ended: 'illegal', stop: 'draining', drained: 'illegal', fail: 'failed' },
  running: { opened: 'illegal', ended: 'draining', stop: 'draining', drained: 'illegal', fail: 'failed' },
  draining: { opened: 'draining', ended: 'draining', stop: 'draining', drained: 'stopped', fail: 'failed' },
  stopped: { opened: 'stopped', ended: 'stopped', stop: 'stopped', drained: 'stopped', fail: 'stopped' },
  failed: { opened: 'failed', ended: 'failed', stop: 'failed', drained: 'failed', fail: 'failed' },
}

export function nextRunnerState(state: RunnerState, event: RunnerEvent): RunnerState {
  const next = runnerTable[state][event]
  invariant(next !== 'illegal', `a runner that is ${state} is never ${event}`)
  return next
}
