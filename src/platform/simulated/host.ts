/**
 * A machine of a simulation: its disk outlives crashes, the programs on it do not.
 *
 * Each run of a program gets a platform of its own. After a crash the old one is dead: its timers never fire,
 * its turns never come, its disk and network refuse. So objects of the crashed program that are still
 * referenced somewhere cannot act any more, just as if their process were gone.
 */
import { MillraceError } from '../../core/errors.ts'
import { invariant } from '../../core/invariant.ts'
import type { Clock } from '../clock.ts'
import type { Disk } from '../disk.ts'
import type { Net } from '../net.ts'
import type { Platform } from '../platform.ts'
import type { SimulatedClock } from './clock.ts'
import type { CrashKind, SimulatedDisk } from './disk.ts'
import type { SimulatedNetwork } from './net.ts'
import type { SimulatedRandom } from './random.ts'

export interface SimulatedHostParts {
  readonly name: string
  readonly clock: SimulatedClock
  readonly random: SimulatedRandom
  readonly disk: SimulatedDisk
  readonly network: SimulatedNetwork
}

export class SimulatedHost {
  readonly name: string
  /** The device under the file system: for faults, capacity, recorded operations. */
  readonly disk: SimulatedDisk
  private readonly parts: SimulatedHostParts
  private runs = 0
  private present: Platform | undefined

  constructor(parts: SimulatedHostParts) {
    this.parts = parts
    this.name = parts.name
    this.disk = parts.disk
    this.present = this.makePlatform()
  }

  /** The platform of the program that runs now. */
  get platform(): Platform {
    invariant(this.present !== undefined, `host ${this.name} is up: call start() after a crash`)
    return this.present
  }

  /** Ends the program at once: its process, or the whole machine with it. */
  crash(kind: CrashKind): void {
    this.present = undefined
    this.runs++
    this.disk.crash(kind)
    this.parts.network.crash(this.name, kind)
  }

  /** Starts the machine and a program on it again, and gives its platform. */
  start(): Platform {
    invariant(this.present === undefined, `host ${this.name} is down before it is started`)
    this.parts.network.links.setUp(this.name)
    this.present = this.makePlatform()
    return this.present
  }

  private makePlatform(): Platform {
    const run = this.runs
    const alive = (): boolean => run === this.runs
    const { clock, random, disk, network } = this.parts
    return {
      clock: mortalClock(clock, alive),
      random: random.fork(`run ${run}`),
      disk: mortalDisk(disk, alive),
      net: mortalNet(network.of(this.name), alive),
    }
  }
}

type Alive = () => boolean

/** What a program that is gone waits for never comes. */
const never = <T>(): Promise<T> => new Promise(() => {})

function refuseIfDead(alive: Alive): void {
  if (!alive()) throw new MillraceError('MR_CLOSED', 'the program that called has crashed in the simulation')
}

function mortalClock(clock: Clock, alive: Alive): Clock {
  return {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, run) =>
      clock.after(delayMs, () => {
        if (alive()) run()
      }),
    nextTurn: () => clock.nextTurn().then(() => (alive() ? undefined : never<void>())),
  }
}

function mortalDisk(disk: Disk, alive: Alive): Disk {
  const guard =
    <A extends readonly unknown[], R>(call: (...values: A) => R) =>
    (...values: A): R => {
      refuseIfDead(alive)
      return call(...values)
    }
  return {
    open: guard((path, mode) => disk.open(path, mode)),
    exists: guard((path) => disk.exists(path)),
    stat: guard((path) => disk.stat(path)),
    list: guard((directory) => disk.list(directory)),
    makeDirectory: guard((path) => disk.makeDirectory(path)),
    remove: guard((path) => disk.remove(path)),
    removeDirectory: guard((path) => disk.removeDirectory(path)),
    rename: guard((from, to) => disk.rename(from, to)),
    syncDirectory: guard((path) => disk.syncDirectory(path)),
    lock: guard((path) => disk.lock(path)),
  }
}

function mortalNet(net: Net, alive: Alive): Net {
  return {
    async listen(options, accept) {
      refuseIfDead(alive)
      return net.listen(options, accept)
    },
    async connect(options) {
      refuseIfDead(alive)
      const socket = await net
        .connect(options)
        .catch((error: unknown) => (alive() ? Promise.reject(error) : never<never>()))
      return alive() ? socket : never()
    },
    async httpGet(url, options) {
      refuseIfDead(alive)
      return net.httpGet(url, options)
    },
  }
}
