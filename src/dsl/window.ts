/** Windows over the event time of grouped records. */
import { type Duration, durationMs } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'
import { type CalendarUnit, calendarWindows, type WeekDay, weekDays } from '../operators/calendar-windows.ts'
import type { Triggers } from '../operators/triggered-aggregate.ts'
import {
  type CustomWindow,
  customWindows,
  fixedWindows,
  unlimitedWindow,
  type WindowAssigner,
} from '../operators/window-assigner.ts'
import { checkChoice } from './check-choice.ts'

export interface WindowOptions {
  /** How long after its end a window still takes records that come late. Default 0. */
  readonly grace?: Duration
}

/** `close`: one final result per key and window. `update`: one per record. */
export type Emit = 'close' | 'update'

export interface EmitOptions extends WindowOptions {
  /** Default `close`. */
  readonly emit?: Emit
}

/**
 * Results before a window closes. A pane is what came to a key in a window since its last result; the last pane comes
 * when the window closes, at its end plus grace, if there is something in it.
 */
export interface EmitTriggers {
  /** Before the window's end: after so much stream time since a pane's first record, or so many records. */
  readonly early?: { readonly every?: Duration; readonly records?: number }
  /** A result at the window's end, and within grace one for every so many records that come late. */
  readonly late?: { readonly records: number }
  /** `accumulating`: each result is of the whole window so far. `discarding`: of the pane alone. Default the first. */
  readonly panes?: 'accumulating' | 'discarding'
}

export interface TimeEmitOptions extends WindowOptions {
  /** Default `close`. */
  readonly emit?: Emit | EmitTriggers
}

/** Windows that the time of a record decides. */
export interface TimeWindow {
  readonly kind: 'time'
  readonly windows: WindowAssigner
  readonly graceMs: number
  readonly emit: Emit | Triggers
}

export interface SlidingWindow {
  readonly kind: 'sliding'
  readonly differenceMs: number
  readonly graceMs: number
  readonly emit: Emit
}

export interface SessionWindow {
  readonly kind: 'session'
  readonly gapMs: number
  readonly graceMs: number
  readonly emit: Emit
}

/** Sessions whose results come with every record, and whose keys are deleted when a session grows. */
export interface GrowingSessionWindow extends SessionWindow {
  readonly emit: 'update'
}

export interface CountWindow {
  readonly kind: 'count'
  readonly size: number
  readonly every: number
  readonly emit: Emit
}

/** Any window. */
export type Window = TimeWindow | SlidingWindow | SessionWindow | CountWindow

/**
 * Windows of one size that follow each other without a gap, aligned to the epoch: start included, end excluded.
 *
 * @throws MR_DURATION_INVALID, MR_PLAN_INVALID for a size below 1 ms
 */
export function tumbling(size: Duration, options: TimeEmitOptions = {}): TimeWindow {
  const sizeMs = positive('size', size)
  return timeWindow(fixedWindows(sizeMs, sizeMs), options)
}

/**
 * Windows of one size that begin every so often, aligned to the epoch: a record is in as many as overlap.
 *
 * @throws MR_DURATION_INVALID, MR_PLAN_INVALID for a size below 1 ms, or an advance that is longer than the size
 */
export function hopping(size: Duration, options: TimeEmitOptions & { readonly every: Duration }): TimeWindow {
  const sizeMs = positive('size', size)
  const advanceMs = positive('`every`', options?.every)
  if (advanceMs > sizeMs) {
    throw new MillraceError(
      'MR_PLAN_INVALID',
      `windows of ${sizeMs} ms every ${advanceMs} ms leave records out`,
      {
        hint: 'Let them begin at least once in each size, or write custom windows.',
      },
    )
  }
  return timeWindow(fixedWindows(sizeMs, advanceMs), options)
}

/**
 * Windows that records make: two records of a key are in one window exactly if they are at most `difference` apart.
 * Both ends are included.
 *
 * @throws MR_DURATION_INVALID, MR_PLAN_INVALID for a difference below 1 ms
 */
export function sliding(difference: Duration, options: EmitOptions = {}): SlidingWindow {
  return {
    kind: 'sliding',
    differenceMs: positive('difference', difference),
    graceMs: durationMs(options.grace ?? 0, 'the grace of a window'),
    emit: checkedEmit(options.emit),
  }
}

/**
 * Runs of a key's records with no pause longer than `gap`; both ends are times of records.
 * Records exactly one gap apart are in one session. With `update`, a session that grows is deleted under its old
 * ends and comes again under the new ones.
 *
 * @throws MR_DURATION_INVALID, MR_PLAN_INVALID for a gap below 1 ms
 */
export function session(
  gap: Duration,
  options: EmitOptions & { readonly emit: 'update' },
): GrowingSessionWindow
export function session(gap: Duration, options?: EmitOptions): SessionWindow
export function session(gap: Duration, options: EmitOptions = {}): SessionWindow {
  return {
    kind: 'session',
    gapMs: positive('gap', gap),
    graceMs: durationMs(options.grace ?? 0, 'the grace of a window'),
    emit: checkedEmit(options.emit),
  }
}

/**
 * Every `size` records of a key; a window begins every `every` records, by default when the last one is full.
 *
 * @throws MR_PLAN_INVALID for numbers that are not whole and above 0, or an `every` above the size
 */
export function everyRecords(
  size: number,
  options: { readonly every?: number; readonly emit?: Emit } = {},
): CountWindow {
  const every = options.every ?? size
  if (!(Number.isSafeInteger(size) && Number.isSafeInteger(every) && every >= 1 && every <= size)) {
    throw new MillraceError('MR_PLAN_INVALID', `no windows of ${size} records begin every ${every} records`, {
      hint: 'Write whole numbers from 1, and an `every` that is not above the size.',
    })
  }
  return { kind: 'count', size, every, emit: checkedEmit(options.emit) }
}

export interface CalendarOptions extends TimeEmitOptions {
  /** A zone of the IANA list, such as `Europe/Lisbon`. Default UTC. */
  readonly zone?: string
  /** With which day a week begins. Default Monday, as ISO 8601. */
  readonly weekStart?: WeekDay
}

/**
 * Days, weeks, months or years as the calendar of a time zone has them: a day is 23 or 25 hours long when its clock
 * changes.
 *
 * @throws MR_PLAN_INVALID for an unknown zone, unit or day; MR_DURATION_INVALID
 */
export function calendar(unit: CalendarUnit, options: CalendarOptions = {}): TimeWindow {
  checkChoice('the unit of calendar()', unit, ['day', 'week', 'month', 'year'])
  if (options.weekStart !== undefined) checkChoice('weekStart', options.weekStart, weekDays)
  return timeWindow(calendarWindows(unit, options.zone ?? 'UTC', options.weekStart ?? 'monday'), options)
}

/**
 * One window per key that never closes, from `startMs` on, default the epoch; earlier records belong to none. Its
 * results come with each record, or as triggers say; the last when bounded input has ended.
 *
 * @throws MR_DURATION_INVALID
 */
export function unlimited(
  options: { readonly startMs?: number; readonly emit?: Emit | EmitTriggers } = {},
): TimeWindow {
  return timeWindow(unlimitedWindow(options.startMs ?? 0), { emit: options.emit ?? 'update' })
}

/**
 * Windows of one's own: `windowsFor` lists those that hold a time. It must answer alike for every time within a
 * window, and no two windows may begin at the same time, which is by what they are known.
 *
 * @throws MR_DURATION_INVALID, MR_PLAN_INVALID without a function
 */
export function custom(
  windowsFor: (timestampMs: number) => Iterable<CustomWindow>,
  options: TimeEmitOptions = {},
): TimeWindow {
  if (typeof windowsFor !== 'function') {
    throw new MillraceError('MR_PLAN_INVALID', 'custom() takes a function', {
      hint: 'Write custom((timestampMs) => [{ startMs, endMs }]).',
    })
  }
  return timeWindow(customWindows(windowsFor), options)
}

/** @throws MR_PLAN_INVALID for what none of the functions above has made */
export function checkWindow(window: Window): void {
  const kind: unknown = (window as Window | undefined)?.kind
  if (['time', 'sliding', 'session', 'count'].includes(kind as string)) return
  throw new MillraceError('MR_PLAN_INVALID', 'what was given is no window', {
    hint: "Write tumbling('1 minute'), session('30 minutes') or another of the window functions.",
  })
}

function timeWindow(windows: WindowAssigner, options: TimeEmitOptions): TimeWindow {
  const { emit = 'close' } = options
  return {
    kind: 'time',
    windows,
    graceMs: durationMs(options.grace ?? 0, 'the grace of a window'),
    emit: typeof emit === 'object' ? triggersOf(emit) : checkedEmit(emit),
  }
}

function checkedEmit(emit: Emit = 'close'): Emit {
  return checkChoice('emit', emit, ['close', 'update'])
}

function triggersOf({ early, late, panes = 'accumulating' }: EmitTriggers): Triggers {
  checkChoice('panes', panes, ['accumulating', 'discarding'])
  for (const records of [early?.records, late?.records]) {
    if (records === undefined || (Number.isSafeInteger(records) && records >= 1)) continue
    throw new MillraceError('MR_PLAN_INVALID', `a trigger cannot wait for ${records} records`, {
      hint: 'Write a whole number from 1.',
    })
  }
  return {
    panes,
    ...(late === undefined ? {} : { late }),
    ...(early === undefined
      ? {}
      : {
          early: {
            ...(early.every === undefined ? {} : { everyMs: positive('early trigger', early.every) }),
            ...(early.records === undefined ? {} : { records: early.records }),
          },
        }),
  }
}

function positive(what: string, duration: Duration): number {
  const ms = durationMs(duration, `the ${what} of a window`)
  if (ms >= 1 && Number.isSafeInteger(ms)) return ms
  throw new MillraceError(
    'MR_PLAN_INVALID',
    `the ${what} of a window must be whole milliseconds, at least 1, got ${duration}`,
  )
}
