/** A simulation that is run with one seed after the other: what it is, how many are run, and what repeats a failure. */
import { nodeClock } from '../../../src/platform/node/clock.ts'

/** What happened, as numbers that can be added. */
export type Counts<Run> = { readonly [Name in keyof Run]: number }

export interface SeedOptions<Plant> {
  readonly seed: number | string
  /** Is given a line for each thing that happens. */
  readonly tell?: ((line: string) => void) | undefined
  /** A fault to be found. */
  readonly plant?: Plant | undefined
}

export interface Simulation<Run extends Counts<Run>, Plant> {
  /** As `npm run sim -- NAME` knows it. */
  readonly name: string
  /** What happens when nothing does. */
  readonly nothing: Run
  /** Runs one seed. @throws Anomaly */
  readonly run: (options: SeedOptions<Plant>) => Promise<Run>
  /** What happened, for people. */
  readonly summary: (sums: Run) => string
}

export interface SeedsOptions {
  readonly from: number
  readonly count: number
  /** Goes on after a failure. */
  readonly keepGoing?: boolean
  readonly print: (line: string) => void
}

export interface SeedFailure {
  readonly seed: number
  readonly error: Error
}

export interface SeedsOutcome<Run> {
  readonly runs: number
  readonly sums: Run
  readonly failures: readonly SeedFailure[]
}

const PROGRESS_EVERY = 500

export const repeatCommand = ({ name }: { readonly name: string }, seed: number): string =>
  `npm run sim -- ${name} --seed ${seed}`

/** Runs many seeds and tells of each failure which command repeats it. */
export async function simulateSeeds<Run extends Counts<Run>, Plant>(
  simulation: Simulation<Run, Plant>,
  options: SeedsOptions,
): Promise<SeedsOutcome<Run>> {
  const { from, count, print, keepGoing = false } = options
  let sums = simulation.nothing
  const failures: SeedFailure[] = []
  let runs = 0
  for (let seed = from; seed < from + count; seed++) {
    try {
      sums = add(sums, await watched(() => simulation.run({ seed })))
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      failures.push({ seed, error })
      print(`seed ${seed}: ${error.message}\n  ${repeatCommand(simulation, seed)}`)
    }
    runs++
    if (failures.length > 0 && !keepGoing) break
    if (runs % PROGRESS_EVERY === 0) print(`${runs} seeds, ${failures.length} with an anomaly`)
  }
  print(`${runs} seeds, ${simulation.summary(sums)}: ${failures.length} anomalies`)
  return { runs, sums, failures }
}

function add<Run extends Counts<Run>>(a: Run, b: Run): Run {
  const sums = Object.entries<number>(a).map(([name, count]) => [name, count + b[name as keyof Run]])
  return Object.fromEntries(sums) as Run
}

/** Runs it to its end. An error that nobody waits for is its failure too, and not the end of the process. */
export async function watched<T>(run: () => Promise<T>): Promise<T> {
  const strays: unknown[] = []
  const note = (error: unknown): void => void strays.push(error)
  process.on('unhandledRejection', note)
  const [outcome] = await Promise.allSettled([run()])
  // Node tells of a rejection a turn after it.
  await nodeClock.nextTurn()
  process.off('unhandledRejection', note)
  if (outcome.status === 'rejected') throw outcome.reason
  if (strays.length > 0) throw strays[0]
  return outcome.value
}
