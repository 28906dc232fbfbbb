/**
 * kcat has no programming interface: each request is a run of it, and a member of a group a run that goes on.
 *
 * A run writes records of one partition with the same headers, one per line, key and value apart by a tab; empty ones
 * are null. It reads them as JSON (`-J`), headers as a flat list of names and values. It commits by itself, often.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { within } from '../../../src/platform/clock.ts'
import { nodeClock } from '../../../src/platform/node/clock.ts'
import {
  type Driver,
  DriverError,
  type DriverRecord,
  type OpName,
  type Ops,
  type ReadRecord,
} from '../driver.ts'

const RUN_TIMEOUT_MS = 30_000

/** librdkafka's words for the errors of the scenarios. */
const errorTexts: readonly (readonly [RegExp, string])[] = [
  [/Message size too large/, 'MESSAGE_TOO_LARGE'],
  [/SASL authentication error|Authentication failed/i, 'SASL_AUTHENTICATION_FAILED'],
  [/Unknown topic or partition/, 'UNKNOWN_TOPIC_OR_PARTITION'],
]

interface Envelope {
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly payload: string | null
  readonly headers?: readonly (string | null)[]
}

interface Member {
  readonly child: ChildProcess
  readonly records: ReadRecord[]
  assignment: readonly number[]
}

type Handlers = {
  readonly [O in OpName]?: (parameters: Ops[O]['parameters']) => Promise<Ops[O]['result']>
}

function recordOf(line: string): ReadRecord {
  const { partition, offset, key, payload, headers = [] } = JSON.parse(line) as Envelope
  const pairs: [string, string | null][] = []
  for (let at = 0; at < headers.length; at += 2) pairs.push([headers[at]!, headers[at + 1] ?? null])
  return { partition, offset, key, value: payload, headers: pairs }
}

/** Neighbours that one run can write. */
function runsOf(records: readonly DriverRecord[]): DriverRecord[][] {
  const runs: DriverRecord[][] = []
  const kind = ({ partition, headers = [] }: DriverRecord): string => JSON.stringify([partition, headers])
  for (const record of records) {
    const run = runs.find((one) => kind(one[0]!) === kind(record))
    const last = runs.at(-1)
    // Records of one partition keep their order, so a run with headers is not joined past another.
    if (run !== undefined && (run === last || ((record.headers ?? []).length === 0 && isPlain(runs))))
      run.push(record)
    else runs.push([record])
  }
  return runs
}

const isPlain = (runs: readonly DriverRecord[][]): boolean =>
  runs.every((run) => (run[0]!.headers ?? []).length === 0)

export class KcatDriver implements Driver {
  private readonly brokers: string
  private readonly running = new Set<ChildProcess>()
  private readonly members = new Map<string, Member>()

  constructor(brokers: string) {
    this.brokers = brokers
  }

  async call<O extends OpName>(op: O, parameters: Ops[O]['parameters']): Promise<Ops[O]['result']> {
    const handler = this.handlers[op] as
      | ((parameters: Ops[O]['parameters']) => Promise<Ops[O]['result']>)
      | undefined
    if (handler === undefined) throw new DriverError(null, `kcat has no ${op}`)
    return handler(parameters)
  }

  async close(): Promise<void> {
    const children = [...this.running]
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.map(ended))
  }

  private readonly handlers: Handlers = {
    version: async () => {
      const text = await this.run(['-V'])
      return /Version (\S+) .*librdkafka (\S+)/.exec(text)?.slice(1).join(', librdkafka ') ?? text
    },
    produce: async ({ topic, records, compression, idempotent = false }) => {
      for (const run of runsOf(records)) {
        const [{ partition, headers = [] }] = run as [DriverRecord]
        const options = ['-P', '-t', topic, '-p', String(partition), '-Z', '-K', '\t']
        if (compression !== undefined) options.push('-z', compression)
        if (idempotent) options.push('-X', 'enable.idempotence=true')
        for (const [name, value] of headers) options.push('-H', value === null ? name : `${name}=${value}`)
        await this.run(options, run.map(({ key, value }) => `${key ?? ''}\t${value ?? ''}\n`).join(''))
      }
      return null
    },
    read: async ({ topic, count, isolation }) => {
      const output = await this.run([
        ...['-C', '-t', topic, '-o', 'beginning', '-c', String(count), '-J', '-q', '-u'],
        ...['-X', `isolation.level=${isolation}`],
      ])
      return output.split('\n').slice(0, -1).map(recordOf)
    },
    join: async ({ member, group, topic }) => {
      const settings = [
        'auto.offset.reset=earliest',
        'auto.commit.interval.ms=100',
        'session.timeout.ms=6000',
      ]
      const child = this.start([
        ...['-G', group, '-J', '-u', '-E', ...settings.flatMap((setting) => ['-X', setting]), topic],
      ])
      const records: ReadRecord[] = []
      const joined: Member = { child, records, assignment: [] }
      createInterface({ input: child.stdout! }).on('line', (line) => records.push(recordOf(line)))
      createInterface({ input: child.stderr! }).on('line', (line) => {
        const rebalanced = /rebalanced .*: (assigned|revoked): ?(.*)$/.exec(line)
        if (rebalanced === null) return
        const partitions = [...rebalanced[2]!.matchAll(/\[(\d+)\]/g)].map((match) => Number(match[1]))
        joined.assignment = rebalanced[1] === 'assigned' ? partitions : []
      })
      this.members.set(member, joined)
      return null
    },
    seen: async ({ member }) => {
      const { assignment, records } = this.members.get(member)!
      return { assignment, records }
    },
    // It commits every 100 ms.
    commit: async () => null,
    leave: async ({ member }) => {
      const { child } = this.members.get(member)!
      this.members.delete(member)
      child.kill('SIGINT')
      await within(nodeClock, RUN_TIMEOUT_MS, 'the end of kcat', ended(child))
      return null
    },
    login: async ({ brokers, mechanism, username, password }) => {
      const settings = [
        'security.protocol=SASL_PLAINTEXT',
        `sasl.mechanisms=${mechanism}`,
        `sasl.username=${username}`,
        `sasl.password=${password}`,
      ]
      await this.run(['-L', '-m', '3', '-b', brokers, ...settings.flatMap((setting) => ['-X', setting])])
      return null
    },
    deleteTopic: async ({ topic }) => {
      // It has no admin; what it is told when it reads is the same.
      await this.run(['-C', '-t', topic, '-e', '-q', '-X', 'topic.metadata.refresh.interval.ms=1000'])
      return null
    },
  }

  private start(parameters: readonly string[]): ChildProcess {
    const child = spawn('kcat', ['-b', this.brokers, ...parameters], { stdio: 'pipe' })
    this.running.add(child)
    child.once('close', () => this.running.delete(child))
    child.stdin.on('error', () => {})
    return child
  }

  private async run(parameters: readonly string[], input = ''): Promise<string> {
    const child = this.start(parameters)
    let out = ''
    let err = ''
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (err += text))
    child.stdin!.end(input)
    try {
      const status = await within(nodeClock, RUN_TIMEOUT_MS, `kcat ${parameters.join(' ')}`, ended(child))
      if (status === 0) return out
    } catch (error) {
      child.kill('SIGKILL')
      throw new Error(`${(error as Error).message}\n${out}${err}`, { cause: error })
    }
    const known = errorTexts.find(([text]) => text.test(err))
    throw new DriverError(known?.[1] ?? null, err)
  }
}

function ended(child: ChildProcess): Promise<number | string> {
  if (child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve(child.exitCode ?? child.signalCode!)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(signal ?? code ?? 1))
  })
}
