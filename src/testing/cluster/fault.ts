/** What goes wrong in a cluster under test, and when: plain data, so that a failing schedule can be made smaller. */
import { type Duration, durationMs } from '../../core/duration.ts'
import type { SimulatedRandom } from '../../platform/simulated/random.ts'

/** The machines of a cluster: its broker, its instances from 0 on, and the one that sends the records. */
export type Machine = 'broker' | 'producer' | `instance-${number}`

export type Fault =
  | {
      readonly kind: 'crash'
      readonly atMs: number
      readonly forMs: number
      readonly machine: Exclude<Machine, 'producer'>
      readonly how: 'process' | 'power'
    }
  | {
      readonly kind: 'partition'
      readonly atMs: number
      readonly forMs: number
      readonly between: readonly [Machine, Machine]
    }
  | {
      readonly kind: 'delay'
      readonly atMs: number
      readonly forMs: number
      readonly delayMs: readonly [from: number, to: number]
    }
  | { readonly kind: 'clock-jump'; readonly atMs: number; readonly byMs: number }

/**
 * The program on a machine ends at once; after `down` it is started again.
 *
 * @param options.how `power`: the machine with it, which loses what was not synced to its disk; default `process`
 * @param options.down default 100 ms
 */
export function crashAt(
  at: Duration,
  machine: Exclude<Machine, 'producer'>,
  options: { readonly how?: 'process' | 'power'; readonly down?: Duration } = {},
): Fault {
  const { how = 'process', down = 100 } = options
  return { kind: 'crash', atMs: durationMs(at), forMs: durationMs(down), machine, how }
}

/** Nothing passes between two machines for a while. */
export function partition(at: Duration, between: readonly [Machine, Machine], during: Duration): Fault {
  return { kind: 'partition', atMs: durationMs(at), forMs: durationMs(during), between }
}

/** Everything is on its way for so many milliseconds, drawn for each piece, between all machines for a while. */
export function delay(at: Duration, delayMs: readonly [from: number, to: number], during: Duration): Fault {
  return { kind: 'delay', atMs: durationMs(at), forMs: durationMs(during), delayMs }
}

/** The wall clocks of all machines jump, forward or, with a negative number, back. */
export function clockJump(at: Duration, byMs: number): Fault {
  return { kind: 'clock-jump', atMs: durationMs(at), byMs }
}

/** A line for people. */
export function describeFault(fault: Fault): string {
  const at = `at ${fault.atMs} ms:`
  switch (fault.kind) {
    case 'crash':
      return `${at} ${fault.how} crash of ${fault.machine} for ${fault.forMs} ms`
    case 'partition':
      return `${at} nothing between ${fault.between.join(' and ')} for ${fault.forMs} ms`
    case 'delay':
      return `${at} delays of ${fault.delayMs.join(' to ')} ms for ${fault.forMs} ms`
    case 'clock-jump':
      return `${at} clocks jump by ${fault.byMs} ms`
  }
}

/** One to `countMax` faults of all kinds within a time, by chance. */
export function drawFaults(
  chance: SimulatedRandom,
  options: { readonly instances: number; readonly withinMs: number; readonly countMax?: number },
): readonly Fault[] {
  const { instances, withinMs, countMax = 4 } = options
  const draw = (): Fault => {
    const atMs = chance.within([0, withinMs])
    const forMs = chance.within([1, 500])
    const instance = `instance-${chance.within([0, instances - 1])}` as const
    switch (chance.within([0, 4])) {
      case 0:
        return partition(atMs, ['broker', instance], forMs)
      case 1:
        return delay(atMs, [0, chance.within([1, 100])], forMs)
      case 2:
        return clockJump(atMs, chance.within([-5000, 5000]))
      case 3:
        return crashAt(atMs, instance, { down: forMs })
      default:
        return crashAt(atMs, 'broker', { how: chance.chance(0.5) ? 'process' : 'power', down: forMs })
    }
  }
  return Array.from({ length: chance.within([1, countMax]) }, draw)
}
