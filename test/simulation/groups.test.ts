/**
 * Groups and transactions under faults, and the proof that the checker sees each kind of anomaly.
 * `npm run sim -- groups --seeds 10000` runs more; a failure prints the command that repeats it.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Anomaly, anomalies } from './groups/anomaly.ts'
import { plantedFaults } from './groups/plants.ts'
import { simulateSeeds } from './groups/seeds.ts'
import { simulateGroups } from './groups/simulation.ts'

const SEEDS = Number(process.env['MILLRACE_SIM_SEEDS'] ?? 60)
/** Each planted fault must be found within so many seeds. */
const PLANT_SEEDS = 24

describe('groups and transactions under faults', () => {
  it(`show no anomaly (${SEEDS} seeds)`, async (test) => {
    const lines: string[] = []
    const outcome = await simulateSeeds({ from: 0, count: SEEDS, print: (line) => lines.push(line) })
    test.diagnostic(lines.at(-1)!)
    assert.deepEqual(outcome.failures, [], lines.join('\n'))
    assert.equal(outcome.runs, SEEDS)
    assert.ok(outcome.crashes > SEEDS && outcome.commits > SEEDS * 50 && outcome.transactions > SEEDS * 20)
  })

  it('run the same way each time for the same seed', async () => {
    const traceOf = async (seed: string): Promise<string[]> => {
      const lines: string[] = []
      await simulateGroups({ seed, trace: (line) => lines.push(line) })
      return lines
    }
    const lines = await traceOf('same')
    assert.ok(lines.length > 100)
    assert.deepEqual(await traceOf('same'), lines)
    assert.notDeepEqual(await traceOf('other'), lines)
  })
})

describe('the checker of groups and transactions', () => {
  for (const plant of plantedFaults) {
    it(`finds ${plant.name}`, async () => {
      for (let seed = 0; seed < PLANT_SEEDS; seed++) {
        try {
          await simulateGroups({ seed: `plant ${seed}`, plant })
        } catch (error) {
          assert.ok(error instanceof Anomaly, `${(error as Error).stack}`)
          assert.ok(plant.foundAs.includes(error.kind), error.message)
          return
        }
      }
      assert.fail(`${PLANT_SEEDS} seeds show nothing`)
    })
  }

  it('has a planted fault for every kind of anomaly', () => {
    const planted = new Set(plantedFaults.flatMap(({ foundAs }) => foundAs.slice(0, 1)))
    assert.deepEqual(
      Object.keys(anomalies).filter((kind) => !planted.has(kind as never)),
      [],
    )
  })
})
