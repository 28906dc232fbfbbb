/**
 * Clients and a broker under faults of the network, stops and crashes: client/run.ts says what happens and what must
 * hold. Some seeds, and the proof that the checker sees each kind of anomaly.
 *
 * `npm run sim -- client --seeds 10000` runs more; `npm run sim -- client --seed N` tells all about one.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Anomaly, anomalies } from './client/anomaly.ts'
import { plantedFaults } from './client/plants.ts'
import { simulateClients } from './client/run.ts'
import { faultsThatMatter, repeatCommand, simulateSeeds } from './client/seeds.ts'

const SEEDS = Number(process.env['MILLRACE_SIM_SEEDS'] ?? 20)
/** Some of them failed once: each is worth more than a new one. */
const onceFailed: readonly number[] = [21177, 30216, 60490]
/** Each planted fault must be found within so many seeds. */
const PLANT_SEEDS = 12

describe('clients under faults', () => {
  it(`see no anomaly (${SEEDS} seeds)`, async (test) => {
    const lines: string[] = []
    const outcome = await simulateSeeds({ from: 0, count: SEEDS, print: (line) => lines.push(line) })
    test.diagnostic(lines.at(-1)!)
    assert.deepEqual(outcome.failures, [], lines.join('\n'))
    const { acknowledged, committed, aborted, reads, copies, faults } = outcome.sums
    assert.ok(acknowledged > SEEDS * 50 && reads > SEEDS * 50 && faults > SEEDS * 2)
    assert.ok(committed > SEEDS * 10 && aborted > SEEDS && copies > SEEDS * 10)
  })

  for (const seed of onceFailed) {
    it(`see no anomaly with seed ${seed}, which failed once`, async (test) => {
      test.diagnostic(repeatCommand(seed))
      await simulateClients({ seed })
    })
  }

  it('run the same way each time for the same seed', async () => {
    const traceOf = async (seed: string): Promise<string[]> => {
      const lines: string[] = []
      await simulateClients({ seed, tell: (line) => lines.push(line) })
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
      const found: string[] = []
      for (let seed = 0; seed < PLANT_SEEDS; seed++) {
        const error = await simulateClients({ seed: `plant ${seed}`, plant }).then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
        if (error === undefined) continue
        assert.ok(error instanceof Anomaly, String(error))
        assert.ok(plant.foundAs.includes(error.kind), error.message)
        if (error.kind === plant.foundAs[0]) return
        found.push(error.kind)
      }
      assert.fail(`${PLANT_SEEDS} seeds show ${found.join(', ') || 'nothing'}`)
    })
  }

  it('has a planted fault for every kind of anomaly', () => {
    const planted = new Set<string>(plantedFaults.flatMap(({ foundAs }) => foundAs.slice(0, 1)))
    assert.deepEqual(
      Object.keys(anomalies).filter((kind) => !planted.has(kind)),
      [],
    )
  })

  it('leaves out the faults that do not matter', async () => {
    const plant = plantedFaults.find(({ foundAs }) => foundAs[0] === 'zombie-write')!
    const seed = 'plant 0'
    const error = await simulateClients({ seed, plant }).catch((thrown: unknown) => thrown)
    assert.ok(error instanceof Anomaly)
    const { lines } = await faultsThatMatter(seed, error, plant)
    assert.equal(lines.length, 1)
    assert.match(lines[0]!, /succeed transactor0/)
  })
})
