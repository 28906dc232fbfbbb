/** Runs the simulation of the log for many seeds, and says of a failure which command repeats it. */
import type { LogRun } from './simulation.ts'
import { simulateLog } from './simulation.ts'

export interface SeedsOptions {
  readonly from: number
  readonly count: number
  readonly keepGoing?: boolean
  readonly verbose?: boolean
  readonly print: (line: string) => void
}

export interface SeedFailure {
  readonly seed: number
  readonly error: Error
}

export interface SeedsOutcome {
  readonly runs: number
  readonly lives: number
  readonly crashes: number
  readonly faults: number
  readonly records: number
  readonly reads: number
  readonly failures: readonly SeedFailure[]
}

const PROGRESS_EVERY = 1000

export const repeatCommand = (seed: number): string => `npm run sim -- log --seed ${seed}`

export async function simulateSeeds(options: SeedsOptions): Promise<SeedsOutcome> {
  const { from, count, print, verbose = false, keepGoing = false } = options
  const sums = { lives: 0, crashes: 0, faults: 0, records: 0, reads: 0 }
  const failures: SeedFailure[] = []
  let runs = 0
  for (let seed = from; seed < from + count; seed++) {
    try {
      const run = await simulateLog({ seed: String(seed), ...(verbose ? { trace: print } : {}) })
      for (const name of Object.keys(sums) as (keyof LogRun & keyof typeof sums)[]) sums[name] += run[name]
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      failures.push({ seed, error })
      print(`seed ${seed}: ${error.message}\n  ${repeatCommand(seed)}`)
      if (verbose) print(`${error.stack}${error.cause instanceof Error ? `\n${error.cause.stack}` : ''}`)
      if (!keepGoing) break
    }
    runs++
    if (runs % PROGRESS_EVERY === 0) print(`${runs} seeds`)
  }
  const { lives, crashes, faults, records, reads } = sums
  print(
    `${runs} seeds, ${lives} lives, ${crashes} crashes, ${faults} faults of the disk, ${records} records, ${reads} reads: ${failures.length} anomalies`,
  )
  return { runs, ...sums, failures }
}
