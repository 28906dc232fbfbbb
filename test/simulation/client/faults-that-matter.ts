/** Of the faults of a seed that fails: those that it takes. */
import { simulatedRandom } from '../../../src/platform/simulated/random.ts'
import { Anomaly } from './anomaly.ts'
import type { Plant } from './plant.ts'
import { simulateClients } from './run.ts'
import { describeFault, drawScenario } from './scenario.ts'

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
