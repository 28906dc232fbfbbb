/** Many seeds, one after the other: one that fails is told of by its number, and the others are run all the same. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { type Simulation, simulateSeeds } from './seeds/simulation.ts'

const simulation: Simulation<{ readonly steps: number }, never> = {
  name: 'some',
  nothing: { steps: 0 },
  run: ({ seed }) => (seed === 2 ? Promise.reject(new Error('it broke')) : Promise.resolve({ steps: 10 })),
  summary: ({ steps }) => `${steps} steps`,
}

for (const keepGoing of [true, false]) {
  test(`a seed that fails ${keepGoing ? 'is passed over' : 'ends the run'}`, async () => {
    const lines: string[] = []
    const outcome = await simulateSeeds(simulation, {
      from: 1,
      count: 4,
      keepGoing,
      print: (line) => lines.push(line),
    })
    assert.deepEqual(
      outcome.failures.map(({ seed, error }) => [seed, error.message]),
      [[2, 'it broke']],
    )
    const failure = 'seed 2: it broke\n  npm run sim -- some --seed 2'
    const end = keepGoing ? '4 seeds, 30 steps: 1 anomalies' : '2 seeds, 10 steps: 1 anomalies'
    assert.deepEqual(lines, [failure, end])
    assert.deepEqual(outcome.sums, { steps: keepGoing ? 30 : 10 })
  })
}

test('an error that nobody waits for is the failure of its seed, and does not end the process', () => {
  const module = new URL('seeds/simulation.ts', import.meta.url).href
  const program = `
    import { simulateSeeds } from ${JSON.stringify(module)}
    const run = async ({ seed }) => {
      if (seed === 2) void Promise.reject(new Error('stray'))
      return { steps: 1 }
    }
    const simulation = { name: 'some', nothing: { steps: 0 }, run, summary: ({ steps }) => steps + ' steps' }
    await simulateSeeds(simulation, { from: 1, count: 3, keepGoing: true, print: console.log })
  `
  const options = ['--conditions=millrace-source', '--input-type=module', '--eval', program]
  const { status, stdout, stderr } = spawnSync(process.execPath, options, { encoding: 'utf8' })
  assert.equal(
    stdout,
    'seed 2: stray\n  npm run sim -- some --seed 2\n3 seeds, 2 steps: 1 anomalies\n',
    stderr,
  )
  assert.equal(status, 0)
})
