/**
 * A whole machine room in one thread: hosts with a disk and a network each, on one virtual clock, with chance
 * from one seed. A run is a function of the program and the seed: the same seed gives the same trace.
 *
 *     const simulation = simulatedPlatform({ seed: 7 })
 *     const broker = await simulation.runUntil(openBroker(simulation))      // the host "local"
 *     simulation.host('local').crash('power')
 *     const platform = simulation.host('local').start()
 *
 * Everything that the platform gives happens only inside `advance`, `runUntil` and `drain`.
 */
import type { Disk } from '../disk.ts'
import type { Net } from '../net.ts'
import type { Platform } from '../platform.ts'
import type { Random } from '../random.ts'
import { type RunLimits, SimulatedClock, type SimulatedClockOptions } from './clock.ts'
import { SimulatedDisk } from './disk.ts'
import { SimulatedHost } from './host.ts'
import { SimulatedNetwork } from './net.ts'
import { type Seed, type SimulatedRandom, type SimulatedRange, simulatedRandom } from './random.ts'

export interface SimulationOptions extends SimulatedClockOptions {
  readonly seed: Seed
  /** How long bytes are on their way between hosts, in milliseconds; 0.1 to 1 by default. */
  readonly delayMs?: SimulatedRange
  /** How long a sync of a file takes, in milliseconds; 0.1 to 5 by default. */
  readonly syncMs?: SimulatedRange
  /** Room on each host's disk; no limit by default. */
  readonly capacityBytes?: number
  /** Keeps all operations on disks, so that they can be replayed. */
  readonly record?: boolean
  /** Is given a line, with its time, for each operation on a disk and each arrival over the network. */
  readonly trace?: (line: string) => void
}

/** The name of the host that the simulation itself stands for. */
export const LOCAL_HOST = 'local'

export class Simulation implements Platform {
  readonly clock: SimulatedClock
  readonly network: SimulatedNetwork
  /** For the test's own choices: when to crash, what to write. Programs draw from their host's. */
  readonly chance: SimulatedRandom
  private readonly root: SimulatedRandom
  private readonly hosts = new Map<string, SimulatedHost>()
  private readonly options: SimulationOptions

  constructor(options: SimulationOptions) {
    this.options = options
    this.root = simulatedRandom(options.seed)
    this.chance = this.root.fork('test')
    this.clock = new SimulatedClock(options)
    const { delayMs } = options
    this.network = new SimulatedNetwork({
      clock: this.clock,
      random: this.root.fork('net'),
      ...(delayMs === undefined ? {} : { delayMs }),
      ...this.traceOf('net'),
    })
  }

  /** The host of this name; it is made, and up, when it is first asked for. */
  host(name: string): SimulatedHost {
    let host = this.hosts.get(name)
    if (host === undefined) {
      host = this.makeHost(name)
      this.hosts.set(name, host)
    }
    return host
  }

  get random(): Random {
    return this.host(LOCAL_HOST).platform.random
  }

  get disk(): Disk {
    return this.host(LOCAL_HOST).platform.disk
  }

  get net(): Net {
    return this.host(LOCAL_HOST).platform.net
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms)
  }

  runUntil<T>(goal: Promise<T> | (() => boolean), limits?: RunLimits): Promise<T> {
    return this.clock.runUntil(goal, limits)
  }

  drain(limits?: RunLimits): Promise<void> {
    return this.clock.drain(limits)
  }

  private makeHost(name: string): SimulatedHost {
    const { capacityBytes, record, syncMs } = this.options
    const random = this.root.fork(`host ${name}`)
    const disk = new SimulatedDisk({
      random: random.fork('disk'),
      clock: this.clock,
      syncMs: syncMs ?? [0.1, 5],
      ...(capacityBytes === undefined ? {} : { capacityBytes }),
      ...(record === undefined ? {} : { record }),
      ...this.traceOf(name),
    })
    return new SimulatedHost({ name, clock: this.clock, random, disk, network: this.network })
  }

  private traceOf(part: string): { trace?: (line: string) => void } {
    const { trace } = this.options
    if (trace === undefined) return {}
    return { trace: (line) => trace(`${this.clock.monotonicMs().toFixed(6)} ${part}: ${line}`) }
  }
}

/** A simulation with the host `local`, as which it can be passed to anything that takes a platform. */
export function simulatedPlatform(options: SimulationOptions): Simulation {
  return new Simulation(options)
}
