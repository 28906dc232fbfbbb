/** The clients that are compared, each started as a process of its own for each piece of work. */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { installClient } from '../../scripts/clients/install.ts'
import { root } from '../../scripts/repository.ts'
import { rounded } from '../measuring/pass.ts'
import { type Figures, payloads, type Work } from './work.ts'

export const clientNames = ['millrace', 'millrace-batch', 'kafkajs', 'platformatic', 'java'] as const
export type ClientName = (typeof clientNames)[number]

const WORK_TIMEOUT_MS = 600_000

interface Command {
  readonly program: string
  readonly parameters: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export class Clients {
  private readonly directory: string
  private javaCommand: Promise<readonly string[]> | undefined

  /** @param directory for what is compiled and written on the way */
  constructor(directory: string) {
    this.directory = directory
  }

  /** @throws when the process does not end well in time */
  async run(name: ClientName, work: Work): Promise<Figures> {
    const { program, parameters, env } = await this.command(name, work)
    const output = await outputOf(`${name} ${work.job}`, program, parameters, { ...process.env, ...env })
    return name === 'java'
      ? javaFigures(output, work)
      : (JSON.parse(output.trimEnd().split('\n').at(-1)!) as Figures)
  }

  private async command(name: ClientName, work: Work): Promise<Command> {
    if (name === 'java') {
      this.javaCommand ??= this.compileJava()
      const { job, broker, topic, warm, n, rate } = work
      const parameters = [job, broker, topic, `${warm}`, `${n}`, `${rate}`, this.payloadFile]
      return { program: 'java', parameters: [...(await this.javaCommand), ...parameters] }
    }
    const foreign = name === 'kafkajs' || name === 'platformatic'
    const file = path.join(import.meta.dirname, `${name}.${foreign ? 'mjs' : 'ts'}`)
    return {
      program: process.execPath,
      parameters: ['--conditions=millrace-source', file, JSON.stringify(work)],
      ...(foreign && { env: { CLIENT_HOME: await installClient(name) } }),
    }
  }

  private get payloadFile(): string {
    return path.join(this.directory, 'payloads')
  }

  private async compileJava(): Promise<readonly string[]> {
    const jars = path.join(await installClient('java'), 'jars', '*')
    const source = path.join(import.meta.dirname, 'JavaClient.java')
    await outputOf('javac', 'javac', ['-nowarn', '-d', this.directory, '-cp', jars, source])
    writeFileSync(this.payloadFile, payloads.map((bytes) => `${bytes.toString()}\n`).join(''))
    const log = path.join(root, 'test/clients/java/log4j2.properties')
    // The heap that Kafka's own scripts give these tools.
    const options = ['-Xmx512m', `-Dlog4j2.configurationFile=${log}`]
    return [...options, '-cp', [this.directory, jars].join(path.delimiter), 'JavaClient']
  }
}

/** `FIGURES seconds cpu peakMb p50 p99`, unless the perf tool tells better: it leaves the way to the broker out. */
function javaFigures(output: string, { job, n }: Work): Figures {
  const [sec = 0, cpu = 0, peakMb = 0, p50Ms = 0, p99Ms = 0] =
    /FIGURES (.*)/.exec(output)?.[1]?.split(' ').map(Number) ?? []
  if (job === 'transaction') return { n, sec, cpu, peakMb, p50Ms, p99Ms }
  if (job === 'consume') return { n, sec, cpu, peakMb }
  const [, rate, p50, p99] =
    [...output.matchAll(/ ([\d.]+) records\/sec .* (\d+) ms 50th.* (\d+) ms 99th/g)].at(-1) ?? []
  const figures = { n, sec: rounded(n / Number(rate), 3), cpu, peakMb }
  return job === 'produce' ? figures : { ...figures, p50Ms: Number(p50), p99Ms: Number(p99) }
}

function outputOf(
  what: string,
  program: string,
  parameters: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'], env })
    let output = ''
    let errors = ''
    child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()))
    child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString()))
    const timeout = setTimeout(() => child.kill('SIGKILL'), WORK_TIMEOUT_MS)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(timeout)
      if (code === 0) resolve(output)
      else reject(new Error(`${what} ended with ${signal ?? code}\n${output}${errors}`))
    })
  })
}
