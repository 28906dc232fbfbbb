/**
 * `npm run sim -- client --seeds 10000 [--from N] [--keep-going]`: clients and a broker under faults of the network,
 * stops and crashes, a seed after the other; ends with the first that shows an anomaly unless it is to keep going.
 *
 * `npm run sim -- client --seed N` runs one and says what happens. If it fails, it is run again without the faults that
 * do not matter: what is printed then is all that is needed for the anomaly. `--all-faults` leaves that out.
 */
import { parseArgs } from 'node:util'
import { Anomaly } from './client/anomaly.ts'
import { faultsThatMatter } from './client/faults-that-matter.ts'
import { clientSimulation, simulateClients } from './client/run.ts'
import type { RunOptions } from './client/world.ts'
import { print, runMany, runOne, seedArguments } from './seeds/command.ts'
import { watched } from './seeds/simulation.ts'

const { values } = parseArgs({
  options: { ...seedArguments, 'all-faults': { type: 'boolean', default: false } },
})

/** The faults that are left out of what is told of a seed. */
async function withoutMatter(seed: number): Promise<ReadonlySet<number>> {
  const error: unknown = await watched(() => simulateClients({ seed })).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof Anomaly)) return new Set()
  const { lines, without } = await faultsThatMatter(seed, error)
  print(`seed ${seed}: ${error.message}\nfaults that matter:\n  ${lines.join('\n  ')}`)
  return without
}

if (values.seed === undefined) await runMany(clientSimulation, values)
else {
  const seed = Number(values.seed)
  const without = values['all-faults'] ? new Set<number>() : await withoutMatter(seed)
  const run = (options: RunOptions) => simulateClients({ ...options, without })
  await runOne({ ...clientSimulation, run }, seed)
}
