/** The demo as a process of its own, and what is in its topics and files when it has ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Broker } from '../../src/broker/broker.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { readTopic } from '../../src/client/consumer/read-topic-fixture.ts'
import { headerText } from '../../src/core/record.ts'
import { until } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'

const root = new URL('../../', import.meta.url).pathname
export const resultTables = [
  'delays-by-hour',
  'departures-enriched',
  'made-up-in-air',
  'plane-rotations',
  'late-streaks',
] as const

export interface FlightsProcess {
  readonly child: ChildProcess
  /** Everything on stdout and stderr so far. */
  output(): string
  /** Resolves with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>
}

/** Flags for a broker and a page on free ports. */
export const freePorts = ['--port', '0', '--console-port', '0'] as const

/** Starts `millrace dev` on the demo's configuration, or another over the same topics. */
export function startFlights(
  dataDirectory: string,
  flags: readonly string[],
  config = 'examples/flights/millrace.config.ts',
): FlightsProcess {
  const parameters = ['bin/millrace.mjs', 'dev', config, '--data', dataDirectory]
  return startProgram(root, [...parameters, ...freePorts, ...flags])
}

/** Starts a program in `directory` that opens a broker and a page. */
export function startProgram(directory: string, parameters: readonly string[]): FlightsProcess {
  const child = spawn(process.execPath, parameters, {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      text += chunk
    })
  }
  const ended = new Promise<number | string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(signal ?? code ?? -1))
  })
  return { child, output: () => text, ended }
}

const READY_TIMEOUT_MS = 30_000

export interface FlightsPlaces {
  /** `host:port` for Kafka clients. */
  readonly broker: string
  /** The page's address. */
  readonly page: string
}

/** Waits until everything is up; fails with the output when the process ends before. */
export async function untilReady({ child, output }: FlightsProcess): Promise<FlightsPlaces> {
  const { clock } = nodePlatform()
  const isReady = (): boolean => {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the demo ended with ${child.signalCode ?? child.exitCode}:\n${output()}`)
    return output().includes('ready in')
  }
  await until(clock, isReady, { what: 'the start of the demo', timeoutMs: READY_TIMEOUT_MS, intervalMs: 20 })
  const broker = / up +broker +(\S+)/.exec(output())?.[1]
  const page = / up +page +(\S+)/.exec(output())?.[1]
  if (broker === undefined || page === undefined) throw new Error(`no addresses in:\n${output()}`)
  return { broker, page }
}

const STOP_TIMEOUT_MS = 25_000

/** Presses Ctrl-C and waits for the end; a demo that does not end is killed, which shows as `SIGKILL`. */
export async function interrupt(run: FlightsProcess): Promise<number | string> {
  const timer = nodePlatform().clock.after(STOP_TIMEOUT_MS, () => run.child.kill('SIGKILL'))
  run.child.kill('SIGINT')
  try {
    return await run.ended
  } finally {
    timer.cancel()
  }
}

/** RFC 8785 for rows of texts, numbers, nulls and lists. */
function canonical(row: Record<string, unknown>): string {
  return JSON.stringify(Object.fromEntries(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1))))
}

export interface FlightsOutcome {
  /** Canonical lines, sorted, of each result topic, every committed record. */
  readonly tables: Readonly<Record<string, readonly string[]>>
  /** The same of the files that were delivered. */
  readonly files: Readonly<Record<string, readonly string[]>>
  /** `file line code` of each dead letter, sorted. */
  readonly deadLetters: readonly string[]
  readonly lateRecords: number
  readonly badRecords: number
}

/** Opens the data of a demo that has ended, and reads everything that matters. */
export async function readOutcome(dataDirectory: string): Promise<FlightsOutcome> {
  const platform = nodePlatform()
  const broker = await Broker.open({ platform, dataDirectory: join(dataDirectory, 'log') })
  const cluster = new Cluster({ platform, connect: () => broker.connect() })
  try {
    const tables: Record<string, string[]> = {}
    const files: Record<string, string[]> = {}
    for (const table of resultTables) {
      const records = await readTopic(cluster, table)
      tables[table] = records
        .map(({ value }) => canonical(JSON.parse(Buffer.from(value ?? []).toString())))
        .toSorted()
      files[table] = filesBelow(join(dataDirectory, 'out', table)).flatMap((file) =>
        readFileSync(file, 'utf8')
          .split('\n')
          .slice(0, -1)
          .map((line) => canonical((JSON.parse(line) as { value: Record<string, unknown> }).value)),
      )
      files[table].sort()
    }
    const dead = await readTopic(cluster, 'collect-flights-dead-letters')
    const deadLetters = dead.map(({ headers }) =>
      ['mr-source-file', 'mr-source-line', 'mr-reason'].map((name) => headerText(headers, name)).join(' '),
    )
    const lateRecords = (await readTopic(cluster, 'flights-late')).length
    const badRecords = (await readTopic(cluster, 'flights-dead-letters')).length
    return { tables, files, deadLetters: deadLetters.toSorted(), lateRecords, badRecords }
  } finally {
    await cluster.close()
    await broker.close()
  }
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

const golden = new URL('../../examples/flights/golden/january/', import.meta.url)

/** The canonical lines of a golden table. */
export function goldenTable(name: string): string[] {
  return readFileSync(new URL(`${name}.jsonl`, golden), 'utf8')
    .split('\n')
    .slice(0, -1)
    .toSorted()
}

/** `file line code`, sorted. */
export function goldenDeadLetters(): string[] {
  return goldenTable('dead-letters')
    .map((line) => JSON.parse(line) as { file: string; line: number; code: string })
    .map(({ file, line, code }) => `${file} ${line} ${code}`)
    .toSorted()
}
