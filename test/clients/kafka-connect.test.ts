/** A distributed worker of Kafka Connect that reads lines of a file into a topic and writes them to another file. */
import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { installClient, missingClient } from '../../scripts/clients/install.ts'
import { until } from '../../src/platform/clock.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'
import { JavaProcess } from './java/java-command.ts'
import { keepProgram } from './results.ts'
import { openTarget, targetName } from './target.ts'
import { Witness } from './witness.ts'

const READY_TIMEOUT_MS = 60_000

function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

interface ConnectorStatus {
  readonly connector: { readonly state: string }
  readonly tasks: readonly { readonly state: string; readonly trace?: string }[]
}

describe(`Kafka Connect against ${targetName}`, { skip: missingClient('java') ?? false }, () => {
  it('moves lines from file to topic to file, and goes on after its restart', {
    timeout: 200_000,
  }, async () => {
    const home = await installClient('java')
    const target = await openTarget()
    const witness = new Witness(target.brokers)
    const directory = await mkdtemp(join(tmpdir(), 'millrace-connect-'))
    const running: JavaProcess[] = []
    try {
      const [input, output] = [join(directory, 'input'), join(directory, 'output')]
      const topic = await witness.topic(1)
      const name = witness.name('connect')
      const port = await freePort()
      const rest = `http://127.0.0.1:${port}`
      const settings = {
        'bootstrap.servers': target.brokers,
        'group.id': name,
        listeners: `HTTP://127.0.0.1:${port}`,
        'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
        'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
        'config.storage.topic': `${name}-configs`,
        'offset.storage.topic': `${name}-offsets`,
        'status.storage.topic': `${name}-status`,
        'config.storage.replication.factor': 1,
        'offset.storage.replication.factor': 1,
        'offset.storage.partitions': 2,
        'status.storage.replication.factor': 1,
        'status.storage.partitions': 1,
        'offset.flush.interval.ms': 500,
        'session.timeout.ms': 6000,
        'heartbeat.interval.ms': 300,
        'scheduled.rebalance.max.delay.ms': 0,
        'plugin.discovery': 'only_scan',
      }
      const file = join(directory, 'worker.properties')
      await writeFile(
        file,
        Object.entries(settings)
          .map(([key, value]) => `${key}=${value}\n`)
          .join(''),
      )

      const status = async (connector: string): Promise<ConnectorStatus | undefined> => {
        const answer = await fetch(`${rest}/connectors/${connector}/status`).catch(() => undefined)
        return answer?.ok === true ? ((await answer.json()) as ConnectorStatus) : undefined
      }
      const start = async (): Promise<JavaProcess> => {
        const worker = new JavaProcess(home, 'org.apache.kafka.connect.cli.ConnectDistributed', [file])
        running.push(worker)
        await until(
          nodeClock,
          async () => (await fetch(`${rest}/connectors`).catch(() => undefined))?.ok === true,
          {
            what: 'the start of the worker',
            timeoutMs: READY_TIMEOUT_MS,
            intervalMs: 200,
          },
        ).catch((error: Error) => {
          throw new Error(`${error.message}\n${worker.out}${worker.err.slice(-4000)}`, { cause: error })
        })
        return worker
      }
      const runs = async (connector: string): Promise<void> => {
        await until(
          nodeClock,
          async () => {
            const now = await status(connector)
            const failed = now?.tasks.find(({ state }) => state === 'FAILED')
            assert.equal(failed, undefined, failed?.trace)
            return (
              now?.connector.state === 'RUNNING' &&
              now.tasks.length === 1 &&
              now.tasks[0]!.state === 'RUNNING'
            )
          },
          { what: `${connector} runs`, timeoutMs: READY_TIMEOUT_MS, intervalMs: 200 },
        )
      }
      const put = async (connector: string, config: Readonly<Record<string, string>>): Promise<void> => {
        const answer = await fetch(`${rest}/connectors/${connector}/config`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(config),
        })
        assert.equal(answer.status, 201, await answer.text())
        await runs(connector)
      }
      const written = (): Promise<string> => readFile(output, 'utf8').catch(() => '')
      const arrives = async (text: string): Promise<void> => {
        await witness.until(
          'the lines in the other file',
          async () => (await written()).length >= text.length,
        )
        assert.equal(await written(), text)
      }
      // The source counts characters and not bytes when it keeps its place: letters of one byte only.
      const text = (from: number): string =>
        Array.from({ length: 50 }, (_, at) => `line ${from + at}\n`).join('')

      await writeFile(input, text(0))
      const first = await start()
      const source = 'org.apache.kafka.connect.file.FileStreamSourceConnector'
      const sink = 'org.apache.kafka.connect.file.FileStreamSinkConnector'
      await put('source', { 'connector.class': source, 'tasks.max': '1', file: input, topic })
      await put('sink', { 'connector.class': sink, 'tasks.max': '1', file: output, topics: topic })
      await arrives(text(0))
      await appendFile(input, text(50))
      await arrives(text(0) + text(50))
      // A clean end commits how far source and sink are.
      await first.stop()
      await appendFile(input, text(100))
      const second = await start()
      await runs('sink')
      await arrives(text(0) + text(50) + text(100))
      assert.equal((await witness.read(topic, 1)).length, 150)
      await second.stop()
      keepProgram('connect', {
        title: 'Kafka Connect 4.3.1',
        shows: ['a distributed worker moves lines from file to topic to file, and goes on after its restart'],
      })
    } finally {
      for (const worker of running) await worker.stop(1000)
      await witness.close()
      await target.close()
      await rm(directory, { recursive: true, force: true })
    }
  })
})
