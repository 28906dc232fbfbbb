/** `npm run sim -- NAME --seeds 10000 [--from N] [--keep-going]` and `npm run sim -- NAME --seed N`. */
import { parseArgs } from 'node:util'
import { nodeClock } from '../../../src/platform/node/clock.ts'
import { type Counts, type Simulation, simulateSeeds, watched } from './simulation.ts'

const text = { type: 'string' } as const

export const seedArguments = {
  seeds: { ...text, default: '1000' },
  from: { ...text, default: '0' },
  seed: text,
  'keep-going': { type: 'boolean', default: false },
} as const

export interface SeedArguments {
  readonly seeds: string
  readonly from: string
  readonly seed?: string
  readonly 'keep-going': boolean
}

export const print = (line: string): void => void process.stdout.write(`${line}\n`)

/** Does what the command line says. */
export async function runCommand<Run extends Counts<Run>, Plant>(
  simulation: Simulation<Run, Plant>,
): Promise<void> {
  const { values } = parseArgs({ options: seedArguments })
  if (values.seed === undefined) await runMany(simulation, values)
  else await runOne(simulation, Number(values.seed))
}

/** Runs many seeds and says how many per second; the process fails if one does. */
export async function runMany<Run extends Counts<Run>, Plant>(
  simulation: Simulation<Run, Plant>,
  values: SeedArguments,
): Promise<void> {
  const startMs = nodeClock.monotonicMs()
  const { runs, failures } = await simulateSeeds(simulation, {
    from: Number(values.from),
    count: Number(values.seeds),
    keepGoing: values['keep-going'],
    print,
  })
  const sec = (nodeClock.monotonicMs() - startMs) / 1000
  print(`${sec.toFixed(0)} s, ${(runs / sec).toFixed(1)} seeds/s`)
  if (failures.length > 0) process.exitCode = 1
}

/** Runs one seed and says what happens in it; the process fails if it does. */
export async function runOne<Run extends Counts<Run>, Plant>(
  { run, summary }: Pick<Simulation<Run, Plant>, 'run' | 'summary'>,
  seed: number,
): Promise<void> {
  try {
    print(`no anomaly: ${summary(await watched(() => run({ seed, tell: print })))}`)
  } catch (error) {
    for (let cause = error; cause !== undefined; cause = cause instanceof Error ? cause.cause : undefined) {
      print(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause))
    }
    process.exitCode = 1
  }
}
