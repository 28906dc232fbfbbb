/** The tests of a simulation: some seeds, that a seed repeats, and that its checker sees each kind of anomaly. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Anomaly } from './anomaly.ts'
import { type Counts, repeatCommand, type Simulation, simulateSeeds } from './simulation.ts'

/** A fault that the checker must find. */
export interface PlantedFault {
  readonly name: string
  /** The first is what it is planted for; another may show first. */
  readonly foundAs: readonly string[]
}

export interface SuiteOptions<Run extends Counts<Run>, Plant, Planted extends Plant & PlantedFault> {
  readonly simulation: Simulation<Run, Plant>
  /** How many are run unless the environment says another number. */
  readonly seeds: number
  /** Are these the sums of seeds in which something happens? */
  readonly isEnough: (sums: Run, seeds: number) => boolean
  /** Each is worth more than a new one. */
  readonly onceFailed?: readonly number[]
  /** Kinds with their meanings. */
  readonly anomalies: Readonly<Record<string, string>>
  readonly plantedFaults: readonly Planted[]
  /** Each planted fault must be found within so many seeds. */
  readonly plantSeeds: number
}

export function testSimulation<Run extends Counts<Run>, Plant, Planted extends Plant & PlantedFault>(
  options: SuiteOptions<Run, Plant, Planted>,
): void {
  const { anomalies, isEnough, onceFailed = [], plantedFaults, plantSeeds, simulation } = options
  const seeds = Number(process.env['MILLRACE_SIM_SEEDS'] ?? options.seeds)

  describe(`the simulation of ${simulation.name}`, () => {
    it(`shows no anomaly (${seeds} seeds)`, async (test) => {
      const lines: string[] = []
      const outcome = await simulateSeeds(simulation, {
        from: 0,
        count: seeds,
        print: (line) => lines.push(line),
      })
      test.diagnostic(lines.at(-1)!)
      assert.deepEqual(outcome.failures, [], lines.join('\n'))
      assert.equal(outcome.runs, seeds)
      assert.ok(isEnough(outcome.sums, seeds), lines.at(-1))
    })

    for (const seed of onceFailed) {
      it(`shows no anomaly with seed ${seed}, which failed once`, async (test) => {
        test.diagnostic(repeatCommand(simulation, seed))
        await simulation.run({ seed })
      })
    }

    it('runs the same way each time for the same seed', async () => {
      const linesOf = async (seed: string): Promise<string[]> => {
        const lines: string[] = []
        await simulation.run({ seed, tell: (line) => lines.push(line) })
        return lines
      }
      const lines = await linesOf('same')
      assert.ok(lines.length > 100)
      assert.deepEqual(await linesOf('same'), lines)
      assert.notDeepEqual(await linesOf('other'), lines)
    })
  })

  describe(`the checker of ${simulation.name}`, () => {
    for (const plant of plantedFaults) {
      it(`finds ${plant.name}`, async () => {
        const found: string[] = []
        for (let seed = 0; seed < plantSeeds; seed++) {
          const error: unknown = await simulation.run({ seed: `plant ${seed}`, plant }).then(
            () => undefined,
            (thrown: unknown) => thrown,
          )
          if (error === undefined) continue
          assert.ok(error instanceof Anomaly, error instanceof Error ? error.stack : String(error))
          assert.ok(plant.foundAs.includes(error.kind), error.message)
          if (error.kind === plant.foundAs[0]) return
          found.push(error.kind)
        }
        assert.fail(`${plantSeeds} seeds show ${found.join(', ') || 'nothing'}`)
      })
    }

    it('has a planted fault for every kind of anomaly', () => {
      const planted = new Set(plantedFaults.map(({ foundAs }) => foundAs[0]))
      assert.deepEqual(
        Object.keys(anomalies).filter((kind) => !planted.has(kind)),
        [],
      )
    })
  })
}
