/**
 * Clients against our broker on the simulated platform. A failing seed is run again with
 * `MILLRACE_SIM_SEED=<seed> node --conditions=millrace-source --test test/wire/client-simulation.test.ts`;
 * `MILLRACE_SIM_SEEDS=1000` runs more of them.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulateClients } from './client-simulation/workload.ts'

const only = process.env['MILLRACE_SIM_SEED']
const seeds =
  only === undefined
    ? Array.from({ length: Number(process.env['MILLRACE_SIM_SEEDS'] ?? 10) }, (_, seed) => seed)
    : [Number(only)]

for (const seed of seeds) {
  test(`seed ${seed}: nothing is lost, doubled, torn or reordered`, async () => {
    const outcome = await simulateClients(seed)
    assert.ok(outcome.acknowledged > 0 && outcome.polled > 0 && outcome.faults > 0)
  })
}

test('a seed gives the same run each time', async () => {
  assert.deepEqual(await simulateClients('twice'), await simulateClients('twice'))
})
