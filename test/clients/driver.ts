/**
 * What every client under test can be asked to do, whatever language it is written in.
 *
 * A driver is a program in the client's language that reads one JSON request per line, `{ id, op, …parameters }`, and
 * answers each with one line: `{ id, result }`, or `{ id, error: { kafka, message } }` where `kafka` is the name of
 * Kafka's error code if the client tells it. Requests come one after the other. Other output is kept for the report.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { within } from '../../src/platform/clock.ts'
import { nodeClock } from '../../src/platform/node/clock.ts'
import type { Mechanism } from './target.ts'

/** Texts stand for bytes in UTF-8, null for a missing key or value. */
export interface DriverRecord {
  readonly partition: number
  readonly key: string | null
  readonly value: string | null
  readonly headers?: readonly (readonly [string, string | null])[]
}

export interface ReadRecord extends Required<DriverRecord> {
  readonly offset: number
}

export type Compression = 'gzip' | 'snappy' | 'lz4' | 'zstd'
export type Isolation = 'read_committed' | 'read_uncommitted'
export type GroupProtocol = 'classic' | 'consumer'

interface Op<P, R> {
  readonly parameters: P
  readonly result: R
}

/** Op → what it takes and gives. */
export interface Ops {
  /** The version of the client. */
  readonly version: Op<Record<never, never>, string>
  /** Writes the records, each to its partition, and returns when all are acknowledged. */
  readonly produce: Op<
    {
      readonly topic: string
      readonly records: readonly DriverRecord[]
      readonly compression?: Compression
      readonly idempotent?: boolean
    },
    null
  >
  /** The first `count` records of a topic, from the start of all its partitions, without a group. */
  readonly read: Op<
    {
      readonly topic: string
      readonly partitions: number
      readonly count: number
      readonly isolation: Isolation
    },
    readonly ReadRecord[]
  >
  /** Joins a group as a member that goes on reading until it leaves, from the start where nothing is committed. */
  readonly join: Op<
    {
      readonly member: string
      readonly group: string
      readonly topic: string
      readonly protocol: GroupProtocol
    },
    null
  >
  /** The partitions that a member has now, and all records that it has read. */
  readonly seen: Op<
    { readonly member: string },
    { readonly assignment: readonly number[]; readonly records: readonly ReadRecord[] }
  >
  /** Commits what the member has read. */
  readonly commit: Op<{ readonly member: string }, null>
  readonly leave: Op<{ readonly member: string }, null>
  /** Writes the records in one transaction and ends it; producers are kept by id. */
  readonly transaction: Op<
    {
      readonly transactionalId: string
      readonly topic: string
      readonly records: readonly DriverRecord[]
      readonly outcome: 'commit' | 'abort'
    },
    null
  >
  readonly createTopic: Op<
    {
      readonly topic: string
      readonly partitions: number
      readonly configs: Readonly<Record<string, string>>
    },
    null
  >
  readonly describeTopic: Op<{ readonly topic: string }, { readonly partitions: number }>
  /** The value of one config of a topic. */
  readonly describeConfig: Op<{ readonly topic: string; readonly name: string }, string | null>
  readonly alterConfig: Op<{ readonly topic: string; readonly name: string; readonly value: string }, null>
  readonly deleteTopic: Op<{ readonly topic: string }, null>
  /** Logs in at another broker and asks it for its topics. */
  readonly login: Op<
    {
      readonly brokers: string
      readonly mechanism: Mechanism
      readonly username: string
      readonly password: string
    },
    null
  >
  /** Per partition what the group has committed and where the partition ends. */
  readonly lag: Op<
    { readonly group: string; readonly topic: string; readonly partitions: number },
    readonly { readonly partition: number; readonly committed: number; readonly end: number }[]
  >
}

export type OpName = keyof Ops

export interface Driver {
  call<O extends OpName>(op: O, parameters: Ops[O]['parameters']): Promise<Ops[O]['result']>
  close(): Promise<void>
}

/** What a client said when it refused. */
export class DriverError extends Error {
  /** Kafka's name of the error, such as `UNKNOWN_TOPIC_OR_PARTITION`; null when the client does not tell. */
  readonly kafka: string | null

  constructor(kafka: string | null, message: string) {
    super(kafka === null ? message : `${kafka}: ${message}`)
    this.kafka = kafka
  }
}

const CALL_TIMEOUT_MS = 40_000
const END_TIMEOUT_MS = 3000
const OUTPUT_CHARS_MAX = 8000

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: { readonly kafka: string | null; readonly message: string }
}

/** A driver that runs as a process of its own. */
export class DriverProcess implements Driver {
  private readonly child: ChildProcess
  private readonly ended: Promise<void>
  private readonly waiting = new Map<number, (answer: Answer) => void>()
  private output = ''
  private exit: string | undefined
  private nextId = 1

  constructor(command: string, parameters: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = spawn(command, parameters, { stdio: 'pipe', env: { ...process.env, ...env } })
    this.child = child
    createInterface({ input: child.stdout! }).on('line', (line) => this.take(line))
    child.stderr!.on('data', (bytes: Buffer) => this.keep(bytes.toString()))
    child.stdin!.on('error', () => {})
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.exit = how
        for (const [id, settle] of this.waiting) settle({ id, error: { kafka: null, message: how } })
        this.waiting.clear()
        resolve()
      }
      child.once('error', (error) => end(`the driver did not start: ${error.message}`))
      child.once('close', (code, signal) => end(`the driver ended with ${signal ?? code}\n${this.output}`))
    })
  }

  async call<O extends OpName>(op: O, parameters: Ops[O]['parameters']): Promise<Ops[O]['result']> {
    if (this.exit !== undefined) throw new Error(`${op}: ${this.exit}`)
    const id = this.nextId++
    const answered = new Promise<Answer>((resolve) => this.waiting.set(id, resolve))
    this.child.stdin!.write(`${JSON.stringify({ id, op, ...parameters })}\n`)
    let answer: Answer
    try {
      answer = await within(nodeClock, CALL_TIMEOUT_MS, `the answer to ${op}`, answered)
    } catch (error) {
      throw new Error(`${(error as Error).message}; the driver wrote:\n${this.output}`, { cause: error })
    }
    const { error, result } = answer
    if (error !== undefined) throw new DriverError(error.kafka, `${op}: ${error.message}`)
    return result as Ops[O]['result']
  }

  /** Ends the process: its input ends first, and it is killed when that is not enough. */
  async close(): Promise<void> {
    this.child.stdin!.end()
    try {
      await within(nodeClock, END_TIMEOUT_MS, 'the end of the driver', this.ended)
    } catch {
      this.child.kill('SIGKILL')
      await this.ended
    }
  }

  private take(line: string): void {
    if (!/^\{"id": ?\d/.test(line)) {
      this.keep(`${line}\n`)
      return
    }
    const answer = JSON.parse(line) as Answer
    this.waiting.get(answer.id)?.(answer)
    this.waiting.delete(answer.id)
  }

  private keep(text: string): void {
    this.output = (this.output + text).slice(-OUTPUT_CHARS_MAX)
  }
}
