/**
 * A broker through several lives, and the way to it: a request takes its time, and is lost with its answer when the
 * broker ends meanwhile. Crashes come at any operation of the disk; disks fail; wall clocks jump.
 */

import { Broker } from '../../../src/broker/broker.ts'
import type { BrokerConfig } from '../../../src/broker/config/broker-config.ts'
import { messageOf } from '../../../src/core/errors.ts'
import type { LogFields } from '../../../src/core/logger.ts'
import type { DiskFault } from '../../../src/platform/simulated/disk-faults.ts'
import type { SimulatedHost } from '../../../src/platform/simulated/host.ts'
import { type Simulation, simulatedPlatform } from '../../../src/platform/simulated/platform.ts'
import type { SimulatedRandom } from '../../../src/platform/simulated/random.ts'
import type { Connection, SendOptions } from '../../../src/protocol/connection.ts'
import type { AnyApi, RequestInput, ResponseOf } from '../../../src/protocol/schema/message.ts'
import type { SeedOptions } from '../seeds/simulation.ts'
import { Anomaly } from './anomaly.ts'
import type { Plant } from './plants.ts'

const DATA = '/data'

const lost = Symbol('lost')

export const SESSION_MS = 6000

export type CrashKind = 'process' | 'power'

interface Life {
  readonly number: number
  readonly broker: Broker
  readonly connections: Map<string, Connection>
}

const faults: readonly DiskFault[] = [
  { operation: 'sync', code: 'EIO', nth: 1 },
  { operation: 'write', code: 'ENOSPC', nth: 1, times: 6 },
  { operation: 'write', code: 'EIO', nth: 1 },
  { operation: 'open', code: 'EMFILE', nth: 1, times: 2 },
  { operation: 'rename', code: 'EIO', nth: 1 },
  { operation: 'read', code: 'EIO', nth: 1 },
]

export class World {
  readonly simulation: Simulation
  readonly random: SimulatedRandom
  readonly plant: Plant | undefined
  readonly trace: (line: string) => void
  /** What survives which end: with `os` a power cut may take what was acknowledged, so only processes end. */
  readonly flush: 'os' | 'group' | 'batch'
  calls = 0
  crashes = 0
  faults = 0
  /** When the present life began, and the one before ended; in the simulation's time. */
  startedMs = 0
  endedMs = 0
  /** No more crashes, faults or members that come and go. */
  calm = false
  /** The topics are there: from then on the disk may fail. */
  prepared = false
  /** No new transactions either. */
  quiet = false
  over = false
  private readonly host: SimulatedHost
  private readonly config: BrokerConfig
  private life: Life | undefined
  private lives = 0
  private endLife: () => void = () => {}
  private ended: Promise<void> = Promise.resolve()
  private failure: Error | undefined

  constructor(options: SeedOptions<Plant>) {
    this.simulation = simulatedPlatform({ seed: options.seed, syncMs: [0.1, 4], turnMs: 0.2 })
    this.random = this.simulation.chance
    this.plant = options.plant
    this.trace = options.tell ?? (() => {})
    this.host = this.simulation.host('broker')
    this.flush = this.pick(['os', 'group', 'group', 'batch'])
    this.config = {
      flush: this.flush,
      'offsets.topic.num.partitions': 2,
      'transaction.state.log.num.partitions': 2,
      'group.initial.rebalance.delay.ms': 50,
      'group.min.session.timeout.ms': 1000,
      'group.consumer.session.timeout.ms': SESSION_MS,
      'offsets.retention.minutes': 1_000_000,
    }
    this.trace(`flush ${this.flush}`)
  }

  get nowMs(): number {
    return this.simulation.clock.monotonicMs()
  }

  get lifeNumber(): number {
    return this.lives
  }

  pick<T>(values: readonly T[]): T {
    return values[this.random.within([0, values.length - 1])]!
  }

  /** From 0 to 1. */
  draw(): number {
    return this.random.within([0, 9999]) / 10_000
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.simulation.clock.after(ms, resolve))
  }

  /** Sends a request. Undefined when nobody knows what became of it. @throws Anomaly */
  async call<A extends AnyApi>(
    client: string,
    api: A,
    request: RequestInput<A>,
    options?: SendOptions,
  ): Promise<ResponseOf<A> | undefined> {
    await this.pause(this.random.within([0, 12]))
    const { life } = this
    if (life === undefined) {
      await this.pause(50)
      return undefined
    }
    this.calls++
    const send = async (): Promise<ResponseOf<A> | typeof lost> => {
      try {
        const changed = this.plant?.request?.(api, request, this) ?? request
        return await this.connection(life, client).send(api, changed as never, options)
      } catch (error) {
        this.trace(`${client}: ${api.name}: ${messageOf(error)}`)
        return lost
      }
    }
    const answer = await Promise.race([send(), this.ended.then((): typeof lost => lost)])
    await this.pause(this.random.within([0, 12]))
    if (this.failure !== undefined) throw this.failure
    if (answer === lost) return undefined
    return (this.plant?.answer?.(api, answer, request, this) ?? answer) as ResponseOf<A>
  }

  /** Something went wrong where nobody waits for it. */
  fail(error: unknown): void {
    this.failure ??= error instanceof Error ? error : new Error(String(error))
  }

  /** Ends when the simulation does. */
  async live(lives: number, settleMs: number): Promise<void> {
    for (let life = 0; life < lives; life++) {
      if (this.prepared) this.planFaults()
      await this.open()
      const lengthMs = this.random.within([1500, 10_000])
      await Promise.race([this.pause(lengthMs), this.ended])
      if (this.life !== undefined || this.opening) this.crash(this.crashKind())
      this.host.disk.cancelCrash()
      this.host.disk.clearFaults()
      await this.pause(this.random.within([1, 800]))
      if (this.failure !== undefined) throw this.failure
      this.host.start()
    }
    this.calm = true
    await this.open()
    await this.pause(settleMs / 2)
    this.quiet = true
    await this.pause(settleMs / 2)
    if (this.failure !== undefined) throw this.failure
  }

  async close(): Promise<void> {
    await this.life?.broker.close()
  }

  private opening = false

  private crashKind(): CrashKind {
    return this.flush === 'os' ? 'process' : this.pick(['process', 'power'])
  }

  private planFaults(): void {
    const { disk } = this.host
    if (this.random.chance(0.5)) {
      const kind = this.crashKind()
      disk.crashAt(this.random.within([1, 900]), () => this.crash(kind))
    }
    if (this.random.chance(0.3)) {
      const fault = { ...this.pick(faults), nth: this.random.within([1, 60]) }
      this.trace(`fault: ${fault.code} at ${fault.operation} ${fault.nth}`)
      this.faults++
      disk.fail(fault)
    }
    if (this.random.chance(0.3)) {
      const byMs = this.random.within([-7_200_000, 7_200_000])
      this.trace(`the clock jumps by ${byMs} ms`)
      this.simulation.clock.jumpWallClock(byMs)
    }
  }

  private async open(): Promise<void> {
    this.lives++
    this.ended = new Promise((resolve) => {
      this.endLife = resolve
    })
    this.opening = true
    const { platform } = this.host
    const number = this.lives
    this.trace(`— life ${number} at ${this.nowMs.toFixed(0)} ms`)
    try {
      platform.disk.makeDirectory('/')
      this.plant?.beforeOpen?.(this.host.disk, this)
      const opening = Broker.open({
        platform,
        dataDirectory: DATA,
        config: this.config,
        logger: this.logger(),
      })
      const broker = await Promise.race([opening, this.ended.then(() => undefined)])
      if (broker === undefined || !this.opening) return
      this.startedMs = this.nowMs
      this.life = { number, broker, connections: new Map() }
    } catch (error) {
      if (this.opening && this.calm)
        throw new Anomaly('broken', `the broker does not open: ${messageOf(error)}`, error)
      this.trace(`does not open: ${messageOf(error)}`)
      if (this.opening) this.crash('process')
    } finally {
      this.opening = false
    }
  }

  private crash(kind: CrashKind): void {
    this.trace(`crash: ${kind}`)
    this.crashes++
    this.opening = false
    this.life = undefined
    this.endedMs = this.nowMs
    this.host.disk.cancelCrash()
    this.host.crash(kind)
    this.endLife()
  }

  private connection(life: Life, client: string): Connection {
    let connection = life.connections.get(client)
    if (connection === undefined || connection.closed) {
      connection = life.broker.connect({ clientId: client, clientHost: client })
      life.connections.set(client, connection)
    }
    return connection
  }

  /** What the broker says; a request that fails inside it, with the disk in order or not, is an anomaly. */
  private logger() {
    const log = (level: string) => (fields: LogFields, message: string) => {
      if (level === 'debug') return
      this.trace(`${level}: ${message} ${JSON.stringify(fields)}`)
      const text = String(fields['error'] ?? '')
      if (message === 'a request failed' || /MR_INVARIANT|TypeError|RangeError/.test(text)) {
        this.failure ??= new Anomaly('broken', `${message}: ${fields['api'] ?? ''} ${text}`)
      }
    }
    return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  }
}
