/**
 * Everything that a run has: the simulation, the broker, the programs of the clients with their lives, the history.
 *
 * A client is an actor (scenario.ts) that has one life after the other: a life ends by itself, or with a crash of its
 * host, after which the next one begins. An actor can also have an heir: a life on another host under the same name,
 * while the old one is stopped.
 */
import { Broker } from '../../../src/broker/broker.ts'
import { Cluster } from '../../../src/client/cluster.ts'
import { MillraceError } from '../../../src/core/errors.ts'
import { type Logger, silentLogger } from '../../../src/core/logger.ts'
import type { TopicPartition } from '../../../src/core/record.ts'
import { type Clock, sleep } from '../../../src/platform/clock.ts'
import type { Platform } from '../../../src/platform/platform.ts'
import type { CrashKind } from '../../../src/platform/simulated/disk.ts'
import { type Simulation, simulatedPlatform } from '../../../src/platform/simulated/platform.ts'
import type { SimulatedRandom } from '../../../src/platform/simulated/random.ts'
import type { SeedOptions } from '../seeds/simulation.ts'
import { Anomaly } from './anomaly.ts'
import { History } from './history.ts'
import type { Plant } from './plant.ts'
import { Program } from './program.ts'
import { type Actor, BROKER, drawScenario, type Scenario } from './scenario.ts'

const PORT = 9092

export interface RunOptions extends SeedOptions<Plant> {
  /** Numbers of faults of the scenario that do not happen: for finding which of them matter. */
  readonly without?: ReadonlySet<number>
}

export interface Life {
  readonly actor: Actor
  readonly number: number
  /** `producer0.2`: the second life after the first. */
  readonly name: string
  readonly program: Program
  readonly random: SimulatedRandom
  readonly clock: Clock
  /** For the report of what is stuck. */
  doing: string
  state: 'runs' | 'crashed' | 'ended'
}

export class World {
  readonly options: RunOptions
  readonly simulation: Simulation
  readonly scenario: Scenario
  readonly history = new History()
  readonly plant: Plant
  readonly lives: Life[] = []
  /** Nobody begins anything new. */
  finishing = false
  /** Everything that is written is decided; the readers go to the end. */
  decided = false
  /** Groups whose committed positions are at the end of the topic. */
  readonly atEnd = new Set<string>()
  broker: Broker | undefined
  /** It has been killed, and is not whole yet. */
  brokerRestarts = false
  failure: unknown
  /** Where partitions end, by name, once nobody writes any more. */
  readonly ends = new Map<string, number>()
  private readonly liveOn: (world: World, life: Life) => Promise<void>
  private readonly programs = new Map<string, Program>()
  private readonly down = new Set<string>()

  constructor(options: RunOptions, liveOn: (world: World, life: Life) => Promise<void>) {
    this.options = options
    this.liveOn = liveOn
    this.plant = options.plant ?? {}
    this.simulation = simulatedPlatform({ seed: options.seed, syncMs: [0.1, 3] })
    const scenario = drawScenario(this.simulation.chance.fork('scenario'))
    this.scenario = this.plant.scenario?.(scenario) ?? scenario
  }

  tell(line: () => string): void {
    const { tell } = this.options
    if (tell === undefined) return
    tell(`${this.simulation.clock.monotonicMs().toFixed(3).padStart(11)} ${line()}`)
  }

  /** The program on a host; a crash ends it, and the next call starts another. */
  program(host: string): Program {
    let program = this.programs.get(host)
    if (program === undefined) {
      const machine = this.simulation.host(host)
      const disguise = this.plant.disguise ?? ((platform: Platform): Platform => platform)
      program = new Program(host, disguise(this.isDown(host) ? machine.start() : machine.platform))
      this.programs.set(host, program)
    }
    return program
  }

  isUp(host: string): boolean {
    return this.programs.has(host)
  }

  /** The programs that run on an actor's hosts, or the broker's. */
  running(at: string): Program[] {
    if (at === BROKER) return [...this.programs.values()].filter(({ host }) => host === BROKER)
    return this.lives
      .filter(({ actor, state }) => actor.name === at && state === 'runs')
      .map(({ program }) => program)
  }

  crash(host: string, how: CrashKind): void {
    if (!this.programs.delete(host)) return
    this.simulation.host(host).crash(how)
    this.down.add(host)
    for (const life of this.lives) {
      if (life.program.host === host && life.state === 'runs') life.state = 'crashed'
    }
    if (host === BROKER) this.broker = undefined
  }

  async startBroker(): Promise<void> {
    const program = this.program(BROKER)
    const { flush } = this.scenario
    const broker = await Broker.open({
      platform: program.platform,
      dataDirectory: '/data',
      logger: this.logger(BROKER),
      config: {
        flush,
        'group.min.session.timeout.ms': 500,
        'group.consumer.session.timeout.ms': 2000,
        'group.consumer.heartbeat.interval.ms': 300,
        ...this.plant.broker,
      },
    })
    await broker.listen({ host: '127.0.0.1', port: PORT, advertisedHost: BROKER, advertisedPort: PORT })
    if (this.programs.get(BROKER) === program) this.broker = broker
  }

  cluster(program: Program): Cluster {
    return new Cluster({
      platform: program.platform,
      brokers: [`${BROKER}:${PORT}`],
      clientId: program.host,
      requestTimeoutMs: 800,
      connectTimeoutMs: 400,
      logger: this.logger(program.host),
    })
  }

  /** Begins a life of an actor, on its own host or on its heir's. */
  begin(actor: Actor, host = actor.name): void {
    const number = this.lives.filter((life) => life.actor === actor).length
    const program = this.program(host)
    const name = `${actor.name}.${number}`
    const random = this.simulation.chance.fork(name)
    const { clock } = program.platform
    const life: Life = { actor, number, name, program, random, clock, doing: 'starting', state: 'runs' }
    this.lives.push(life)
    this.tell(() => `${name} begins on ${host}`)
    this.liveOn(this, life).then(
      () => {
        if (life.state === 'runs') life.state = 'ended'
        this.tell(() => `${name} ends`)
      },
      (error: unknown) => {
        if (life.state === 'runs') this.fail(`${life.name}, ${life.doing}`, error)
      },
    )
  }

  /** Waits in the time of the life's own program: not while it is stopped, and for ever when it is gone. */
  pause(life: Life, fromMs: number, toMs: number): Promise<void> {
    return sleep(life.clock, life.random.within([fromMs, toMs]))
  }

  /** Waits until something holds, which is looked at now and then. */
  async when(holds: () => boolean): Promise<void> {
    while (!holds()) await sleep(this.simulation.clock, 20)
  }

  isAtEnd({ topic, partition }: TopicPartition, position: number): boolean {
    return position >= (this.ends.get(`${topic}/${partition}`) ?? Number.POSITIVE_INFINITY)
  }

  private logger(name: string): Logger {
    if (this.options.tell === undefined) return silentLogger
    const log =
      (level: string): Logger['info'] =>
      (fields, message) =>
        this.tell(() => `${name} ${level}: ${message} ${JSON.stringify(fields)}`)
    return { debug: () => {}, info: log('info'), warn: log('warn'), error: log('error') }
  }

  crashAll(): void {
    for (const host of [...this.programs.keys()]) this.crash(host, 'process')
  }

  private isDown(host: string): boolean {
    return this.down.delete(host)
  }

  /** Ends the run with the first error of anything that goes on by itself. */
  fail(what: string, error: unknown): void {
    this.failure ??=
      error instanceof Anomaly ? error : new Anomaly('broken', `${what}: ${String(error)}`, error)
  }
}

/** Faults make calls fail in ways that have a name; anything else is a defect. */
export function expected(error: unknown): MillraceError {
  if (error instanceof Anomaly) throw error
  if (!(error instanceof MillraceError) || error.code === 'MR_INVARIANT') {
    throw new Anomaly('broken', String(error), error)
  }
  return error
}

/** Tries again for as long as the error says that this may help. */
export async function untilDone<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const { code, retriable } = expected(error)
      if (!retriable && code !== 'MR_TIMEOUT') throw error
    }
  }
}
