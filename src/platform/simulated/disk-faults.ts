import type { SimulatedRandom } from './random.ts'

export type FaultyOperation = 'open' | 'read' | 'write' | 'truncate' | 'sync' | 'rename' | 'remove'

/** An operation that fails though the program did nothing wrong. */
export interface DiskFault {
  readonly operation: FaultyOperation
  readonly code: 'ENOSPC' | 'EIO' | 'EMFILE'
  /** The how-manieth matching call from now fails; 1 is the next one. Either this or `chance`. */
  readonly nth?: number
  /** Each matching call fails with this probability. */
  readonly chance?: number
  /** How many calls fail: from the n-th on, or by chance. Default: 1 with `nth`, no end with `chance`. */
  readonly times?: number
  /** Only paths that contain this text. */
  readonly path?: string
}

/** The faults that are planned for a disk. */
export class DiskFaults {
  private readonly planned: { readonly fault: DiskFault; calls: number; left: number }[] = []
  private readonly random: SimulatedRandom

  constructor(random: SimulatedRandom) {
    this.random = random
  }

  plan(fault: DiskFault): void {
    const left = fault.times ?? (fault.nth === undefined ? Number.POSITIVE_INFINITY : 1)
    this.planned.push({ fault, calls: 0, left })
  }

  clear(): void {
    this.planned.length = 0
  }

  /** The code with which this call must fail, if it must. */
  draw(operation: FaultyOperation, path: string): DiskFault['code'] | undefined {
    for (const entry of this.planned) {
      const { fault } = entry
      if (fault.operation !== operation || !path.includes(fault.path ?? '') || entry.left <= 0) continue
      entry.calls++
      const due = fault.nth === undefined ? this.random.chance(fault.chance ?? 0) : entry.calls >= fault.nth
      if (!due) continue
      entry.left--
      return fault.code
    }
    return undefined
  }
}
