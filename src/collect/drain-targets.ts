/** Who waits until a delivery has come to certain offsets. */
import type { MillraceError } from '../core/errors.ts'

interface DrainTarget {
  /** By `topic/partition`. */
  readonly ends: ReadonlyMap<string, number>
  readonly reached: PromiseWithResolvers<void>
}

/** The next offset of a partition; undefined while it is not known. */
export type NextOffset = (name: string) => number | undefined

export class DrainTargets {
  private readonly targets = new Set<DrainTarget>()

  add(ends: ReadonlyMap<string, number>): Promise<void> {
    const target = { ends, reached: Promise.withResolvers<void>() }
    target.reached.promise.catch(() => {})
    this.targets.add(target)
    return target.reached.promise
  }

  /** One of them waits only for the commit. */
  anyReached(next: NextOffset): boolean {
    for (const target of this.targets) if (hasReached(target, next)) return true
    return false
  }

  /** Everything up to the next offsets is committed. */
  resolveReached(next: NextOffset): void {
    for (const target of this.targets) {
      if (!hasReached(target, next)) continue
      this.targets.delete(target)
      target.reached.resolve()
    }
  }

  rejectAll(error: MillraceError): void {
    for (const target of this.targets) target.reached.reject(error)
    this.targets.clear()
  }
}

function hasReached(target: DrainTarget, next: NextOffset): boolean {
  for (const [name, end] of target.ends) if ((next(name) ?? -1) < end) return false
  return true
}
