/**
 * The log under crashes, disk faults and clock jumps: 500 seeds, and the proof that the checker sees each kind of
 * anomaly. `npm run sim -- log --seeds 10000` runs more; a failure prints the command that repeats it.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Anomaly, anomalies } from './log/anomaly.ts'
import { plantedFaults } from './log/plants.ts'
import { simulateSeeds } from './log/seeds.ts'
import { simulateLog } from './log/simulation.ts'

const SEEDS = Number(process.env['MILLRACE_SIM_SEEDS'] ?? 500)
/** Each planted fault must be found within so many seeds. */
const PLANT_SEEDS = 12

describe('the log under faults', () => {
  it(`shows no anomaly (${SEEDS} seeds)`, async (test) => {
    const lines: string[] = []
    const outcome = await simulateSeeds({ from: 0, count: SEEDS, print: (line) => lines.push(line) })
    test.diagnostic(lines.at(-1)!)
    assert.deepEqual(outcome.failures, [], lines.join('\n'))
    assert.equal(outcome.runs, SEEDS)
    assert.ok(outcome.crashes > SEEDS && outcome.faults > SEEDS / 2 && outcome.reads > SEEDS * 100)
  })

  it('runs the same way each time for the same seed', async () => {
    const traceOf = async (seed: string): Promise<string[]> => {
      const lines: string[] = []
      await simulateLog({ seed, trace: (line) => lines.push(line) })
      return lines
    }
    const lines = await traceOf('same')
    assert.ok(lines.length > 100)
    assert.deepEqual(await traceOf('same'), lines)
    assert.notDeepEqual(await traceOf('other'), lines)
  })
})

describe('the checker', () => {
  for (const plant of plantedFaults) {
    it(`finds ${plant.name}`, async () => {
      for (let seed = 0; seed < PLANT_SEEDS; seed++) {
        try {
          await simulateLog({ seed: `plant ${seed}`, plant })
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
