/** One node of a real Kafka: broker and controller in one process, which can be killed and started again over its data. */
import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { within } from '../../src/platform/clock.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'

/** How a Java program of Kafka's is started: quick to start, and small. */
const JAVA_OPTIONS = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto']
/** Kafka 4 logs by the one, Kafka 3 by the other. */
const LOG_OPTIONS = [
  `-Dlog4j2.configurationFile=${path.join(import.meta.dirname, 'log4j2.properties')}`,
  `-Dlog4j.configuration=file:${path.join(import.meta.dirname, 'log4j.properties')}`,
]
const LOG_CHARS_MAX = 100_000
const FORMAT_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 30_000
/** Any; the nodes of a cluster share it. */
const CLUSTER_ID = 'TWlsbHJhY2VUZXN0cw'.padEnd(22, 'A')

export type Properties = Readonly<Record<string, string>>

/** Processes that run: none may outlive this one, whatever ends it. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export class KafkaNode {
  readonly id: number
  private readonly jars: string
  private readonly directory: string
  private child: ChildProcess | undefined
  private ended: Promise<void> = Promise.resolve()
  private output = ''

  /** @param jars the folder of Kafka's jars */
  constructor(id: number, jars: string, directory: string, properties: Properties) {
    this.id = id
    this.jars = jars
    this.directory = directory
    fs.mkdirSync(directory, { recursive: true })
    const lines = Object.entries({ ...properties, 'log.dirs': path.join(directory, 'data') })
    fs.writeFileSync(this.properties, lines.map(([name, value]) => `${name}=${escaped(value)}\n`).join(''))
  }

  private get properties(): string {
    return path.join(this.directory, 'server.properties')
  }

  get runs(): boolean {
    return this.child !== undefined
  }

  /** Of the process, while it runs. */
  get pid(): number | undefined {
    return this.child?.pid
  }

  /** The end of what it wrote. */
  get log(): string {
    return this.output
  }

  /** @param scram users as the storage tool takes them: `SCRAM-SHA-256=[name=…,password=…]` */
  async format(scram: readonly string[]): Promise<void> {
    const users = scram.flatMap((user) => ['--add-scram', user])
    this.run('kafka.tools.StorageTool', ['format', '-t', CLUSTER_ID, '-c', this.properties, ...users])
    const { child } = this
    await this.end(FORMAT_TIMEOUT_MS, 'the format of the data of a Kafka')
    if (child?.exitCode !== 0) throw new Error(`Kafka ${this.id} was not formatted:\n${this.output}`)
  }

  start(): void {
    if (this.runs) throw new Error(`Kafka ${this.id} runs`)
    this.run('kafka.Kafka', [this.properties])
  }

  /** As a failing machine ends it. */
  async kill(): Promise<void> {
    this.child?.kill('SIGKILL')
    await this.ended
  }

  /** As an administrator ends it: its leaders move first. */
  async stop(): Promise<void> {
    this.child?.kill('SIGTERM')
    await this.end(STOP_TIMEOUT_MS, 'the end of a Kafka')
  }

  /** Stands still, with its connections open, until it is continued. */
  pause(): void {
    this.child?.kill('SIGSTOP')
  }

  continue(): void {
    this.child?.kill('SIGCONT')
  }

  private run(mainClass: string, parameters: readonly string[]): void {
    const all = [...JAVA_OPTIONS, ...LOG_OPTIONS, '-cp', path.join(this.jars, '*'), mainClass, ...parameters]
    const child = spawn('java', all, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (bytes: Buffer) => {
        this.output = (this.output + bytes.toString()).slice(-LOG_CHARS_MAX)
      })
    }
    this.child = child
    running.add(child)
    this.ended = new Promise((resolve) => {
      const end = (error?: Error): void => {
        if (error !== undefined) this.output += `${error.message}\n`
        running.delete(child)
        if (this.child === child) this.child = undefined
        resolve()
      }
      child.once('error', end)
      child.once('close', () => end())
    })
  }

  /** Waits for the end, and kills what does not end. */
  private async end(timeoutMs: number, what: string): Promise<void> {
    try {
      await within(nodeClock, timeoutMs, what, this.ended)
    } catch {
      await this.kill()
    }
  }
}

/** A value of a Java properties file; a text of several lines stays one value. */
const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
