/** A word count of Kafka Streams, exactly once, whose process is killed in the middle. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { installClient, missingClient } from '../../scripts/clients/install.ts'
import { JavaProcess } from './java/java-command.ts'
import { keepProgram } from './results.ts'
import { openTarget, targetName } from './target.ts'
import { Witness } from './witness.ts'

const PARTITIONS = 2
const words = ['log', 'stream', 'table', 'window']

/** Lines of three words; the counts that they lead to. */
function lines(
  count: number,
  from: number,
): { readonly partition: number; readonly key: null; readonly value: string }[] {
  return Array.from({ length: count }, (_, at) => ({
    partition: at % PARTITIONS,
    key: null,
    value: [0, 1, 2].map((step) => words[(from + at * 3 + step * step) % words.length]).join(' '),
  }))
}

describe(`Kafka Streams against ${targetName}`, { skip: missingClient('java') ?? false }, () => {
  it('counts each word exactly once, although it is killed in the middle', { timeout: 120_000 }, async () => {
    const home = await installClient('java')
    const target = await openTarget()
    const witness = new Witness(target.brokers)
    const state = await mkdtemp(join(tmpdir(), 'millrace-streams-'))
    const running: JavaProcess[] = []
    try {
      const [input, output] = [await witness.topic(PARTITIONS), await witness.topic(PARTITIONS)]
      const application = witness.name('wordcount')
      const start = (): JavaProcess => {
        const program = new JavaProcess(home, 'WordCount', [
          target.brokers,
          application,
          input,
          output,
          state,
        ])
        running.push(program)
        return program
      }
      const outputs = (): ReturnType<Witness['read']> => witness.read(output, PARTITIONS)
      const parts = [lines(200, 0), lines(200, 1), lines(200, 2)]

      await witness.write(input, parts[0]!)
      const first = start()
      await witness.until('the first counts', async () => (await outputs()).length >= 600)
      // Killed with a transaction open: what it had not committed is counted anew.
      const writing = witness.write(input, parts[1]!)
      await witness.until(
        'more counts',
        async () => (await witness.read(output, PARTITIONS, 'read_uncommitted')).length > 600,
      )
      first.child.kill('SIGKILL')
      await first.end()
      await writing
      await witness.write(input, parts[2]!)
      const second = start()
      await witness
        .until('all counts', async () => (await outputs()).length >= 1800)
        .catch(async (error: Error) => {
          throw new Error(
            `${error.message}: ${(await outputs()).length}\n${second.out}${second.err.slice(-4000)}`,
          )
        })

      const expected = new Map<string, number>()
      for (const word of parts.flat().flatMap(({ value }) => value.split(' '))) {
        expected.set(word, (expected.get(word) ?? 0) + 1)
      }
      const counts = Map.groupBy(await outputs(), ({ key }) => key!)
      assert.deepEqual([...counts.keys()].sort(), [...expected.keys()].sort())
      for (const [word, count] of expected) {
        const steps = counts.get(word)!.map(({ value }) => Number(value))
        assert.deepEqual(
          steps,
          Array.from({ length: count }, (_, at) => at + 1),
          `every step of "${word}" once`,
        )
      }
      await second.stop()
      assert.doesNotMatch(second.out, /ERROR/)
      keepProgram('streams', {
        title: 'Kafka Streams 4.3.1',
        shows: [
          'a word count with exactly_once_v2 counts each word exactly once, although its process is killed in the middle',
        ],
      })
    } finally {
      for (const program of running) await program.stop(1000)
      await witness.close()
      await target.close()
      await rm(state, { recursive: true, force: true })
    }
  })
})
