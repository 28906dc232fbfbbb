/** Looks for a schedule of faults that breaks something, and makes it as small as it can. */
import { AssertionError } from 'node:assert/strict'
import { messageOf } from '../../core/errors.ts'
import { type SimulatedRandom, simulatedRandom } from '../../platform/simulated/random.ts'
import { describeFault, type Fault } from './fault.ts'

export interface SearchOptions {
  /** Tried one after the other. */
  readonly seeds: Iterable<number>
  /** What goes wrong in the run of a seed. */
  readonly faults: (chance: SimulatedRandom) => readonly Fault[]
  /** Runs, and throws when what must hold does not. It depends on nothing but seed and faults. */
  readonly run: (seed: number, faults: readonly Fault[]) => Promise<unknown>
}

export interface Breakage {
  readonly seed: number
  /** Without any one of them the run of the seed does not fail. */
  readonly faults: readonly Fault[]
  readonly error: unknown
}

/** The first seed whose run fails, with as few of its faults as it takes; undefined when none fails. */
export async function findBreakage({ seeds, faults, run }: SearchOptions): Promise<Breakage | undefined> {
  const attempt = (seed: number, schedule: readonly Fault[]): Promise<Breakage | undefined> =>
    run(seed, schedule).then(
      () => undefined,
      (error: unknown) => ({ seed, faults: schedule, error }),
    )
  for (const seed of seeds) {
    let found = await attempt(seed, faults(simulatedRandom(seed).fork('faults')))
    if (found === undefined) continue
    for (let at = 0; at < found.faults.length; ) {
      const smaller: Breakage | undefined = await attempt(seed, found.faults.toSpliced(at, 1))
      if (smaller === undefined) at++
      else {
        found = smaller
        at = 0
      }
    }
    return found
  }
  return undefined
}

/** @throws AssertionError with the seed, the fewest faults and what they break */
export async function assertSurvives(options: SearchOptions): Promise<void> {
  const found = await findBreakage(options)
  if (found === undefined) return
  const { seed, faults, error } = found
  const lines = [
    `seed ${seed}: ${messageOf(error)}`,
    ...(faults.length === 0 ? ['  without any fault'] : faults.map((fault) => `  ${describeFault(fault)}`)),
    `  again with seeds: [${seed}]`,
  ]
  throw Object.assign(new AssertionError({ message: lines.join('\n') }), { cause: error })
}
