/** Runs the simulation of groups and transactions for many seeds; says of a failure which command repeats it. */
import { type GroupsRun, simulateGroups } from './simulation.ts'

export interface SeedsOptions {
  readonly from: number
  readonly count: number
  readonly keepGoing?: boolean
  readonly verbose?: boolean
  readonly print: (line: string) => void
}

export interface SeedsOutcome extends GroupsRun {
  readonly runs: number
  readonly failures: readonly { readonly seed: number; readonly error: Error }[]
}

const PROGRESS_EVERY = 1000

export const repeatCommand = (seed: number): string => `npm run sim -- groups --seed ${seed}`

export async function simulateSeeds(options: SeedsOptions): Promise<SeedsOutcome> {
  const { from, count, print, verbose = false, keepGoing = false } = options
  const sums = { calls: 0, crashes: 0, faults: 0, commits: 0, transactions: 0 }
  const failures: { seed: number; error: Error }[] = []
  let runs = 0
  for (let seed = from; seed < from + count; seed++) {
    try {
      const run = await simulateGroups({ seed: String(seed), ...(verbose ? { trace: print } : {}) })
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += run[name]
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      failures.push({ seed, error })
      print(`seed ${seed}: ${error.message}\n  ${repeatCommand(seed)}`)
      if (verbose) print(`${error.stack}`)
      if (!keepGoing) break
    }
    runs++
    if (runs % PROGRESS_EVERY === 0) print(`${runs} seeds`)
  }
  const { calls, crashes, faults, commits, transactions } = sums
  print(
    `${runs} seeds, ${calls} requests, ${crashes} crashes, ${faults} faults of the disk, ${commits} commits, ${transactions} transactions: ${failures.length} anomalies`,
  )
  return { runs, ...sums, failures }
}
