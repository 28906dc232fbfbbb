/** A source in memory and a simulated program around it, for tests of agents. */
import {
  type ConfiguredSource,
  defineSource,
  type FailedEvent,
  type Json,
  type OpenSource,
  option,
  type Source,
  type SourceBatch,
  type SourceEvent,
} from '../connector/index.ts'
import { MillraceError } from '../core/errors.ts'
import type { LogFields, Logger } from '../core/logger.ts'
import { sleep } from '../platform/clock.ts'
import { simulatedPlatform } from '../platform/simulated/platform.ts'
import type { AgentDescription } from './agent.ts'
import { AgentRunner, type AgentRunnerOptions } from './agent-runner.ts'
import { ModelLog, type ModelSession, type SessionOptions } from './model-log.ts'

/** A row of the source: an event, or one that cannot be read. */
export interface TestRow {
  readonly body: SourceEvent['body']
  readonly bad?: boolean
  readonly timestampMs?: number
  readonly key?: string
  readonly topic?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface TestUnit {
  readonly name: string
  readonly rows: readonly TestRow[]
}

/** What a test source reads; units may be added, and reads may be made to fail. */
export class TestOutside {
  readonly units: TestUnit[] = []
  opened = 0
  closed = 0
  /** Thrown by the next reads. */
  readonly failures: Error[] = []

  add(name: string, rows: readonly TestRow[]): void {
    this.units.push({ name, rows })
  }
}

interface TestPosition {
  readonly unit: number
  readonly row: number
}

class TestSource implements Source {
  readonly pollDelayMs = 50
  private readonly outside: TestOutside
  private readonly context: OpenSource
  private readonly batchSize: number
  private readonly units: readonly TestUnit[]
  private at: TestPosition

  constructor(outside: TestOutside, context: OpenSource, batchSize: number) {
    this.outside = outside
    this.context = context
    this.batchSize = batchSize
    this.at = (context.position as unknown as TestPosition | undefined) ?? { unit: 0, row: 0 }
    this.units =
      context.units === undefined
        ? outside.units
        : [
            ...outside.units.slice(0, this.at.unit),
            ...context.units.map((name) => outside.units.find((unit) => unit.name === name)!),
          ]
    outside.opened++
  }

  async read(): Promise<SourceBatch | 'idle' | 'ended'> {
    const failure = this.outside.failures.shift()
    if (failure !== undefined) throw failure
    await sleep(this.context.platform.clock, 1, this.context.signal)
    const unit = this.units[this.at.unit]
    if (unit === undefined) return this.context.units === undefined ? 'idle' : 'ended'
    const rows = unit.rows.slice(this.at.row, this.at.row + this.batchSize)
    const events = rows.map((row, index) => eventOf(unit.name, this.at.row + index + 1, row))
    const last = this.at.row + rows.length >= unit.rows.length
    this.at = last
      ? { unit: this.at.unit + 1, row: 0 }
      : { unit: this.at.unit, row: this.at.row + rows.length }
    const position: Json = { ...this.at }
    const unitChecksum = JSON.stringify(unit.rows)
    return { events, unit: unit.name, position, ...(last ? { unitChecksum } : {}) }
  }

  async close(): Promise<void> {
    this.outside.closed++
  }
}

function eventOf(file: string, line: number, row: TestRow): SourceEvent | FailedEvent {
  const { bad, headers = {}, ...event } = row
  const { body } = row
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const origin = { file, line, bytes }
  if (bad !== true) return { ...event, headers, origin }
  const failed = new MillraceError('MR_RECORD_INVALID', `"${bytes.toString()}" is bad`, {
    where: `${file}:${line}`,
    context: { column: 'x' },
  })
  return { failed, origin }
}

export function testSource(outside: TestOutside, batchSize = 3): ConfiguredSource {
  return defineSource({
    name: 'test',
    summary: 'Rows in memory.',
    replayable: true,
    options: { batchSize: option.number({ default: batchSize, summary: 'Rows in a batch.' }) },
    open: async ({ options, ...context }) => new TestSource(outside, context, options.batchSize),
  })({})
}

/** Keeps what was logged. */
export class TestLogger implements Logger {
  readonly lines: string[] = []
  debug = (fields: LogFields, message: string): void => this.add('debug', fields, message)
  info = (fields: LogFields, message: string): void => this.add('info', fields, message)
  warn = (fields: LogFields, message: string): void => this.add('warn', fields, message)
  error = (fields: LogFields, message: string): void => this.add('error', fields, message)

  private add(level: string, fields: LogFields, message: string): void {
    this.lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  }
}

/** A log and programs that use it, on one virtual clock. */
export class TestProgram {
  readonly simulation = simulatedPlatform({ seed: 1 })
  readonly log = new ModelLog()
  readonly logger = new TestLogger()

  session(options: SessionOptions = {}): ModelSession {
    return this.log.session({ delay: () => sleep(this.simulation.clock, 1), ...options })
  }

  agent(
    agent: AgentDescription,
    options: Partial<Omit<AgentRunnerOptions, 'agent'>> & { readonly transport: ModelSession },
  ): AgentRunner {
    const host = { name: 'test-host', address: '192.0.2.1' }
    const { logger, simulation } = this
    return new AgentRunner({ agent, platform: simulation, logger, baseDirectory: '/', host, ...options })
  }

  run<T>(promise: Promise<T>): Promise<T> {
    return this.simulation.runUntil(promise)
  }

  /** Runs an agent to the end of what its source has. */
  async runOnce(agent: AgentDescription, session = this.session()): Promise<AgentRunner> {
    const runner = this.agent(agent, { transport: session, once: true })
    void runner.start().catch(() => {})
    await this.run(runner.untilEnded())
    return runner
  }

  /** The same, until the end of the program that the session holds, if that comes first. */
  async runOnceOrKilled(agent: AgentDescription, session: ModelSession): Promise<'ended' | 'killed'> {
    const runner = this.agent(agent, { transport: session, once: true })
    void runner.start().catch(() => {})
    const ended = runner.untilEnded().then(() => 'ended' as const)
    return this.run(Promise.race([ended, session.killed.then(() => 'killed' as const)]))
  }
}
