/**
 * `npm run sim -- client --seeds 10000 [--from N] [--keep-going]`: clients and a broker under faults of the network,
 * stops and crashes, a seed after the other; ends with the first that shows an anomaly unless it is to keep going.
 *
 * `npm run sim -- client --seed N` runs one and says what happens. If it fails, it is run again without the faults that
 * do not matter: what is printed then is all that is needed for the anomaly. `--all-faults` leaves that out.
 */
import { parseArgs } from 'node:util'
import { Anomaly } from './client/anomaly.ts'
import { simulateClients } from './client/run.ts'
import { faultsThatMatter, simulateSeeds } from './client/seeds.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
    'all-faults': { type: 'boolean', default: false },
  },
})

const print = (line: string): void => void process.stdout.write(`${line}\n`)

async function traceOf(seed: number, without: ReadonlySet<number>): Promise<string[]> {
  const lines: string[] = []
  const end = await simulateClients({ seed, without, tell: (line) => lines.push(line) }).then(
    (run) => `no anomaly: ${JSON.stringify(run)}`,
    (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error)),
  )
  return [...lines, end]
}

async function runOne(seed: number): Promise<void> {
  const error: unknown = await simulateClients({ seed }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  let without: ReadonlySet<number> = new Set()
  if (error instanceof Anomaly && !values['all-faults']) {
    const found = await faultsThatMatter(seed, error)
    without = found.without
    print(`seed ${seed}: ${error.message}\nfaults that matter:\n  ${found.lines.join('\n  ')}`)
  }
  for (const line of await traceOf(seed, without)) print(line)
  if (error !== undefined) process.exitCode = 1
}

if (values.seed !== undefined) await runOne(Number(values.seed))
else {
  const startMs = performance.now()
  const { runs, failures } = await simulateSeeds({
    from: Number(values.from),
    count: Number(values.seeds),
    keepGoing: values['keep-going'],
    print,
  })
  const sec = (performance.now() - startMs) / 1000
  print(`${sec.toFixed(0)} s, ${(runs / sec).toFixed(1)} seeds/s`)
  if (failures.length > 0) process.exitCode = 1
}
