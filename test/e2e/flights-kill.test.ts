/** The demo as a process of its own, killed at random moments, against the golden files. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sleep, until } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { randomUnit } from '../../src/platform/random.ts'
import { simulatedRandom } from '../../src/platform/simulated/random.ts'
import { readOutcome, startFlights } from './flights.ts'
import { assertGolden, newDirectory, RUN_TIMEOUT_MS, runOnce } from './flights-checks.ts'

const KILLS = 20

describe('the demo "flights", killed', () => {
  it(`gives the golden tables after ${KILLS} kills at random moments, each followed by a start`, async (context) => {
    const { clock } = nodePlatform()
    const seed = Number(process.env['MILLRACE_SEED'] ?? Date.now() % 1_000_000)
    context.diagnostic(`MILLRACE_SEED=${seed}`)
    const random = simulatedRandom(seed)
    const directory = newDirectory()
    const partitions = ['--partitions', '4']
    for (let kill = 0; kill < KILLS; kill++) {
      const pace = randomUnit(random) < 0.3 ? ['--once'] : ['--speed', '200000']
      const run = startFlights(directory, [...partitions, ...pace, '--threads', `${1 + (kill % 2)}`])
      // One in four dies while it starts; the others are given some time of work.
      if (randomUnit(random) < 0.75) {
        const up = (): boolean => run.output().includes('ready in') || run.child.exitCode !== null
        await until(clock, up, { what: 'the demo to be ready', timeoutMs: RUN_TIMEOUT_MS })
      }
      await Promise.race([sleep(clock, 50 + randomUnit(random) * 650), run.ended])
      run.child.kill('SIGKILL')
      const how = await run.ended
      assert.ok(how === 'SIGKILL' || how === 0, `run ${kill} ended with ${how}:\n${run.output()}`)
    }
    await runOnce(directory, partitions)
    assertGolden(await readOutcome(directory))
  })
})
