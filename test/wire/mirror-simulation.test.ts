/**
 * The mirror between two of our brokers, killed again and again. A failing seed is run again with
 * `MILLRACE_SIM_SEED=<seed> node --conditions=millrace-source --test test/wire/mirror-simulation.test.ts`;
 * `MILLRACE_SIM_SEEDS=1000` runs more of them.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type Outcome, simulateMirror } from './mirror-simulation/world.ts'

const only = process.env['MILLRACE_SIM_SEED']
const seeds =
  only === undefined
    ? Array.from({ length: Number(process.env['MILLRACE_SIM_SEEDS'] ?? 6) }, (_, seed) => seed)
    : [Number(only)]

const outcomes: Outcome[] = []

for (const seed of seeds) {
  test(`seed ${seed}: whenever the mirror is killed, each record is there once and groups go on`, async () => {
    outcomes.push(await simulateMirror(seed))
  })
}

after(() => {
  if (only !== undefined) return
  const sum = (of: (outcome: Outcome) => number): number =>
    outcomes.reduce((total, one) => total + of(one), 0)
  assert.ok(sum(({ records }) => records) > 1000, 'there was something to copy')
  assert.ok(sum(({ gaps }) => gaps) > 0, 'also from a log with gaps')
  assert.ok(sum(({ kills }) => kills) > seeds.length, 'mirrors were killed')
  assert.ok(sum(({ torn }) => torn) > 0, 'some while a transaction was open')
  assert.ok(sum(({ kept }) => kept) > 0, 'and some after one was committed')
})
