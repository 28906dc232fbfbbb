/**
 * Clients and a broker under faults of the network, stops and crashes: client/run.ts says what happens and what must
 * hold. `npm run sim -- client --seeds 10000` runs more.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Anomaly, anomalies } from './client/anomaly.ts'
import { faultsThatMatter } from './client/faults-that-matter.ts'
import { plantedFaults } from './client/plants.ts'
import { clientSimulation, simulateClients } from './client/run.ts'
import { testSimulation } from './seeds/suite.ts'

testSimulation({
  simulation: clientSimulation,
  seeds: 20,
  isEnough: ({ acknowledged, reads, faults, committed, aborted, copies }, seeds) =>
    acknowledged > seeds * 50 &&
    reads > seeds * 50 &&
    faults > seeds * 2 &&
    committed > seeds * 10 &&
    aborted > seeds &&
    copies > seeds * 10,
  onceFailed: [21177, 30216, 60490],
  anomalies,
  plantedFaults,
  plantSeeds: 12,
})

test('the faults that do not matter are left out of what is told', async () => {
  const plant = plantedFaults.find(({ foundAs }) => foundAs[0] === 'zombie-write')!
  const seed = 'plant 0'
  const error = await simulateClients({ seed, plant }).catch((thrown: unknown) => thrown)
  assert.ok(error instanceof Anomaly)
  const { lines } = await faultsThatMatter(seed, error, plant)
  assert.equal(lines.length, 1)
  assert.match(lines[0]!, /succeed transactor0/)
})
