/** What a seed makes of a run: how much there is of everything, where it runs, and what goes wrong when. */
import type { CrashKind } from '../../../src/platform/simulated/disk.ts'
import type { Simulation } from '../../../src/platform/simulated/platform.ts'

export type Place = 'server' | 'worker'

export interface Crash {
  /** How long everything runs before it. */
  readonly afterMs: number
  readonly kind: CrashKind
  /** The machines that go down. */
  readonly places: readonly Place[]
  /** Starts that are cut off by another crash, each after so many milliseconds. */
  readonly failedStarts: readonly { readonly afterMs: number; readonly kind: CrashKind }[]
}

export interface Scenario {
  readonly partitions: number
  /** Members of the pipeline's group. */
  readonly threads: number
  /** The pipeline is on a machine of its own and reaches the broker over the network. */
  readonly apart: boolean
  readonly crashes: readonly Crash[]
}

export function drawScenario({ chance }: Simulation): Scenario {
  const apart = chance.chance(0.4)
  const kind = (): CrashKind => (chance.chance(0.5) ? 'process' : 'power')
  const crash = (): Crash => ({
    afterMs: chance.within([1, 700]),
    kind: kind(),
    places: apart ? drawPlaces(chance.within([0, 3])) : ['server'],
    failedStarts: chance.chance(0.3)
      ? Array.from({ length: chance.within([1, 2]) }, () => ({
          afterMs: chance.within([0, 30]),
          kind: kind(),
        }))
      : [],
  })
  return {
    partitions: chance.within([1, 3]),
    threads: chance.within([1, 2]),
    apart,
    crashes: Array.from({ length: chance.within([1, 5]) }, crash),
  }
}

/** Mostly the broker alone: its clients live on and are in the middle of something. */
function drawPlaces(number: number): readonly Place[] {
  if (number === 0) return ['worker']
  return number === 1 ? ['server', 'worker'] : ['server']
}

/** One line for people. */
export function describeScenario({ partitions, threads, apart, crashes }: Scenario): string {
  const where = apart ? 'on two machines' : 'in one process'
  const falls = crashes.map(({ kind, places, failedStarts }) => {
    const what = apart ? `${kind} of ${places.join(' and ')}` : kind
    return failedStarts.length === 0 ? what : `${what}, ${failedStarts.length} more while it starts`
  })
  return `${partitions} partitions, ${threads} threads, ${where}; crashes: ${falls.join('; ')}`
}
