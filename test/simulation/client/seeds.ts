/** Runs the simulation of clients for many seeds; of a failure it finds which faults matter, and how to repeat it. */

import { simulatedRandom } from '../../../src/platform/simulated/random.ts'
import { Anomaly } from './anomaly.ts'
import type { Plant } from './plant.ts'
import { type ClientRun, simulateClients } from './run.ts'
import { describeFault, drawScenario } from './scenario.ts'

export interface SeedsOptions {
  readonly from: number
  readonly count: number
  readonly keepGoing?: boolean
  readonly print: (line: string) => void
}

export interface SeedFailure {
  readonly seed: number
  readonly error: Error
}

export interface SeedsOutcome {
  readonly runs: number
  readonly sums: Readonly<Record<keyof ClientRun, number>>
  readonly failures: readonly SeedFailure[]
}

const PROGRESS_EVERY = 500

export const repeatCommand = (seed: number): string => `npm run sim -- client --seed ${seed}`

export async function simulateSeeds(options: SeedsOptions): Promise<SeedsOutcome> {
  const { from, count, print, keepGoing = false } = options
  const sums = {
    acknowledged: 0,
    committed: 0,
    aborted: 0,
    undecided: 0,
    reads: 0,
    copies: 0,
    faults: 0,
    virtualMs: 0,
  }
  const failures: SeedFailure[] = []
  let runs = 0
  for (let seed = from; seed < from + count; seed++) {
    try {
      const run = await simulateClients({ seed })
      for (const name of Object.keys(sums) as (keyof ClientRun)[]) sums[name] += run[name]
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      failures.push({ seed, error })
      print(`seed ${seed}: ${error.message}\n  ${repeatCommand(seed)}`)
      if (!keepGoing) break
    }
    runs++
    if (runs % PROGRESS_EVERY === 0) print(`${runs} seeds, ${failures.length} with an anomaly`)
  }
  const { acknowledged, committed, aborted, undecided, reads, copies, faults, virtualMs } = sums
  print(
    `${runs} seeds, ${acknowledged} records acknowledged, ${reads} read, ${copies} copied; transactions: ` +
      `${committed} committed, ${aborted} aborted, ${undecided} undecided; ${faults} faults, ` +
      `${(virtualMs / 1000).toFixed(0)} s of simulated time: ${failures.length} anomalies`,
  )
  return { runs, sums, failures }
}

/** The numbers of the faults without which the seed shows no anomaly of this kind; the others are left out. */
export async function faultsThatMatter(
  seed: number | string,
  anomaly: Anomaly,
  plant?: Plant,
): Promise<{ readonly without: ReadonlySet<number>; readonly lines: readonly string[] }> {
  const drawn = drawScenario(simulatedRandom(seed).fork('test').fork('scenario'))
  const { faults } = plant?.scenario?.(drawn) ?? drawn
  const without = new Set<number>()
  for (let index = faults.length - 1; index >= 0; index--) {
    without.add(index)
    const still = await simulateClients({ seed, without, plant }).then(
      () => false,
      (error: unknown) => error instanceof Anomaly && error.kind === anomaly.kind,
    )
    if (!still) without.delete(index)
  }
  const lines = faults.flatMap((fault, index) =>
    without.has(index) ? [] : [`fault ${index} ${describeFault(fault)}`],
  )
  return { without, lines }
}
