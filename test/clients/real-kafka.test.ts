/**
 * The same tests of every client, and of the edges of the protocol, against a real Kafka: what is kept in golden/ is
 * still what it answers. Each file runs as a process of its own, as the test runner starts it.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, describe, it } from 'node:test'
import { missingClient } from '../../scripts/clients/install.ts'
import { clientNames } from '../../scripts/clients/packages.ts'
import { root } from '../../scripts/repository.ts'
import { within } from '../../src/platform/clock.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'
import { type KafkaCluster, missingKafka, openKafkaCluster } from '../kafka/cluster.ts'

const FILE_TIMEOUT_MS = 240_000

/** Runs one test file against these brokers; what it wrote when it did not pass. */
async function failureOf(file: string, brokers: string): Promise<string | undefined> {
  const env: NodeJS.ProcessEnv = { ...process.env, MILLRACE_TEST_BROKERS: brokers }
  // Set for this process by the runner: a child that has it prints for a runner, not for a reader.
  delete env['NODE_TEST_CONTEXT']
  const parameters = [
    '--conditions=millrace-source',
    '--test',
    '--test-reporter=spec',
    `test/clients/${file}.test.ts`,
  ]
  const child = spawn(process.execPath, parameters, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (output += bytes))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  try {
    const status = await within(nodeClock, FILE_TIMEOUT_MS, `the end of ${file}`, ended)
    return status === 0 ? undefined : output
  } catch (error) {
    child.kill('SIGKILL')
    await ended
    return `${(error as Error).message}\n${output}`
  }
}

describe('a real Kafka', { skip: missingKafka() ?? false }, () => {
  let kafka: KafkaCluster
  before(async () => {
    kafka = await openKafkaCluster({ brokers: 1 })
  })
  after(() => kafka?.close())

  const check = (file: string, skip: string | false): void => {
    it(`answers as it did: ${file}`, { skip, timeout: FILE_TIMEOUT_MS + 20_000 }, async () => {
      const failure = await failureOf(file, kafka.brokers.join(','))
      assert.ok(failure === undefined, failure)
    })
  }
  for (const client of clientNames) check(client, missingClient(client) ?? false)
  check('edge-cases', false)
})
