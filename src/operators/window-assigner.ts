/**
 * Which windows hold a time: start included, end excluded.
 *
 * A window is known by its start, so no two windows of one kind begin at the same time, and every window holds its
 * own start: that is how its end is found again after a restart.
 */
import { MillraceError } from '../core/errors.ts'

/** Windows as two lists, filled anew for each record. */
export interface AssignedWindows {
  readonly starts: number[]
  readonly ends: number[]
}

export interface WindowAssigner {
  /** `tumbling`, `hopping`, …: what the picture of the flow calls it. */
  readonly kind: string
  /** Fills `into` with the windows that hold the time, newest start first; returns how many. */
  assign(timestampMs: number, into: AssignedWindows): number
}

/** The end of the window that begins at `startMs`. */
export function windowEnd(assigner: WindowAssigner, startMs: number): number {
  const windows: AssignedWindows = { starts: [], ends: [] }
  const count = assigner.assign(startMs, windows)
  for (let at = 0; at < count; at++) if (windows.starts[at] === startMs) return windows.ends[at]!
  throw new MillraceError('MR_STATE_CORRUPT', `no window begins at ${startMs}`, {
    hint: 'The windows changed? Rename the operator, so that it starts anew. A custom window must hold its own start.',
  })
}

/** Windows of one size that begin every `advanceMs`, aligned to the epoch. */
export function fixedWindows(sizeMs: number, advanceMs: number): WindowAssigner {
  if (advanceMs === sizeMs) {
    return {
      kind: 'tumbling',
      assign(timestampMs, into) {
        const startMs = Math.floor(timestampMs / sizeMs) * sizeMs
        into.starts[0] = startMs
        into.ends[0] = startMs + sizeMs
        return 1
      },
    }
  }
  return {
    kind: 'hopping',
    assign(timestampMs, into) {
      let startMs = Math.floor(timestampMs / advanceMs) * advanceMs
      let count = 0
      for (; startMs > timestampMs - sizeMs; startMs -= advanceMs) {
        // As in Kafka Streams no window begins before the epoch, unless the record does.
        if (startMs < 0 && timestampMs >= 0) break
        into.starts[count] = startMs
        into.ends[count++] = startMs + sizeMs
      }
      return count
    },
  }
}

/** One window from `startMs` on that never ends; times before belong to none. */
export function unlimitedWindow(startMs: number): WindowAssigner {
  return {
    kind: 'unlimited',
    assign(timestampMs, into) {
      if (timestampMs < startMs) return 0
      into.starts[0] = startMs
      into.ends[0] = Number.MAX_SAFE_INTEGER
      return 1
    },
  }
}

export interface CustomWindow {
  /** Included. Milliseconds since the epoch. */
  readonly startMs: number
  /** Excluded. */
  readonly endMs: number
}

/** Windows by a function of the user, which is checked: it must answer alike for every time within a window. */
export function customWindows(windowsFor: (timestampMs: number) => Iterable<CustomWindow>): WindowAssigner {
  return {
    kind: 'custom',
    assign(timestampMs, into) {
      const windows = [...windowsFor(timestampMs)].sort((a, b) => b.startMs - a.startMs)
      windows.forEach(({ startMs, endMs }, at) => {
        const whole = Number.isSafeInteger(startMs) && Number.isSafeInteger(endMs)
        if (!whole || startMs > timestampMs || endMs <= timestampMs || windows[at - 1]?.startMs === startMs) {
          throw new MillraceError(
            'MR_PLAN_INVALID',
            `custom window ${startMs} to ${endMs} for ${timestampMs}`,
            {
              hint: 'A window holds its record, has whole milliseconds, and no two of them begin at the same time.',
            },
          )
        }
        into.starts[at] = startMs
        into.ends[at] = endMs
      })
      return windows.length
    },
  }
}
