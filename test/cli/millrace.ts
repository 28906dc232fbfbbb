/**
 * The command line under test within this process, on a terminal in memory, and a broker for it to talk to. As a
 * process of its own it is in `child.ts`.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Broker } from '../../src/broker/broker.ts'
import { main } from '../../src/cli/main.ts'
import { createAdmin } from '../../src/client/admin/admin.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { createProducer, type RecordToSend } from '../../src/client/producer/producer.ts'
import { within } from '../../src/platform/clock.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { simulatedProcess } from '../../src/platform/simulated/process.ts'
import { type SimulatedTerminalOptions, simulatedTerminal } from '../../src/platform/simulated/terminal.ts'
import type { Outcome } from './child.ts'

export { exitOf, type Outcome, start } from './child.ts'

/** What a command takes is far less, also on a busy machine. */
const RUN_TIMEOUT_MS = 60_000

export interface RunOptions {
  /** Standard input; without it there is none. */
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  /** Of the terminal in memory; stdout and stderr are no terminal by default. */
  readonly terminal?: SimulatedTerminalOptions
  /** Whether a person could type; false by default. */
  readonly typing?: boolean
}

/** What a person sees on a terminal of 80 columns, without colours. */
export const onTerminal: SimulatedTerminalOptions = { isTerminal: true, columns: 80, colorDepth: 0 }

/** Runs a command within this process. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const host = simulatedProcess({ argv, ...(options.env === undefined ? {} : { env: options.env }) })
  const { out, err } = simulatedTerminal(options.terminal ?? {})
  const { input } = simulatedTerminal({
    isTerminal: options.typing ?? false,
    ...(options.input === undefined ? {} : { input: options.input }),
  })
  const ended = main(host, { out, err, input })
  try {
    await within(nodeClock, RUN_TIMEOUT_MS, `the end of millrace ${argv.join(' ')}`, ended)
  } catch (error) {
    // Else what it has open would keep this process alive.
    host.signal('SIGINT')
    throw error
  }
  return { status: host.exitCode ?? 0, out: out.text, err: err.text }
}

export interface TestCluster {
  readonly broker: Broker
  /** `host:port`. */
  readonly address: string
  /** For `env` of a run. */
  readonly env: { readonly MILLRACE_BROKERS: string }
  createTopic(topic: string, partitions?: number): Promise<void>
  produce(...records: readonly RecordToSend[]): Promise<void>
  close(): Promise<void>
}

/** A broker on a free port with its data in a directory of its own, and a client to prepare topics with. */
export async function startCluster(): Promise<TestCluster> {
  const platform = nodePlatform()
  const dataDirectory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-cli-'))
  const broker = await Broker.open({ platform, dataDirectory })
  const { host, port } = await broker.listen({ host: '127.0.0.1', port: 0 })
  const address = `${host}:${port}`
  const cluster = new Cluster({ platform, brokers: [address] })
  const producer = createProducer(cluster)
  return {
    broker,
    address,
    env: { MILLRACE_BROKERS: address },
    createTopic: (topic, partitions = 1) => createAdmin(cluster).createTopics([{ topic, partitions }]),
    async produce(...records) {
      await Promise.all(records.map((record) => producer.send(record)))
    },
    async close() {
      await producer.close()
      await cluster.close()
      await broker.close()
      fs.rmSync(dataDirectory, { recursive: true })
    },
  }
}
