/** Windows over the event time of grouped records. */
import { type Duration, durationMs } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'

export interface WindowOptions {
  /** How long after its end a window still takes records that come late. Default 0. */
  readonly grace?: Duration
}

export interface EmitOptions extends WindowOptions {
  /** `close`: one final result per key and window. `update`: one per record. Default `close`. */
  readonly emit?: 'close' | 'update'
}

export interface TimeWindow {
  readonly kind: 'time'
  readonly sizeMs: number
  readonly advanceMs: number
  readonly graceMs: number
  readonly emit: 'close' | 'update'
}

export interface SessionWindow {
  readonly kind: 'session'
  readonly gapMs: number
  readonly graceMs: number
}

function positive(what: string, duration: Duration): number {
  const ms = durationMs(duration)
  if (ms >= 1) return ms
  throw new MillraceError('MR_PLAN_INVALID', `the ${what} of a window must be at least 1 ms, got ${duration}`)
}

/**
 * Windows of one size that follow each other without a gap, aligned to the epoch: start included, end excluded.
 *
 * @throws MR_DURATION_INVALID, MR_PLAN_INVALID for a size below 1 ms
 */
export function tumbling(size: Duration, options: EmitOptions = {}): TimeWindow {
  const sizeMs = positive('size', size)
  return {
    kind: 'time',
    sizeMs,
    advanceMs: sizeMs,
    graceMs: durationMs(options.grace ?? 0),
    emit: options.emit ?? 'close',
  }
}

/**
 * Runs of a key's records with no pause longer than `gap`; both ends are times of records.
 * Records exactly one gap apart are in one session.
 *
 * @throws MR_DURATION_INVALID, MR_PLAN_INVALID for a gap below 1 ms
 */
export function session(gap: Duration, options: WindowOptions = {}): SessionWindow {
  return { kind: 'session', gapMs: positive('gap', gap), graceMs: durationMs(options.grace ?? 0) }
}
