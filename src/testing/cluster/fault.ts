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
  | {
      readonly kind: 'duplicate'
      readonly atMs: number
      readonly forMs: number
      readonly share: number
      readonly afterMs: readonly [from: number, to: number]
    }
  | { readonly kind: 'reorder'; readonly atMs: number; readonly forMs: number; readonly withinMs: number }
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

/**
 * Records that are sent in this time are there twice: the program that sends them sends each again though it was
 * written, as a producer does that had no answer and is not idempotent.
 *
 * @param options.share how many of them, 0 to 1; default all
 * @param options.after the second comes so many milliseconds after the first was written; default 0 to 50
 */
export function duplicate(
  at: Duration,
  during: Duration,
  options: { readonly share?: number; readonly after?: readonly [from: number, to: number] } = {},
): Fault {
  const { share = 1, after = [0, 50] } = options
  return { kind: 'duplicate', atMs: durationMs(at), forMs: durationMs(during), share, afterMs: after }
}

/**
 * Records that are sent in this time overtake each other, as they do when every key has a program of its own: each is
 * held up by 0 to `within`. Those of one key keep their order. Requests between instances and broker overtake each other
 * on different connections, too; on one connection they cannot.
 */
export function reorder(at: Duration, within: Duration, during: Duration): Fault {
  return { kind: 'reorder', atMs: durationMs(at), forMs: durationMs(during), withinMs: durationMs(within) }
}

/** The wall clocks of all machines jump, forward or, with a negative number, back. */
export function clockJump(at: Duration, byMs: number): Fault {
  return { kind: 'clock-jump', atMs: durationMs(at), byMs }
}

/**
 * How long things are on their way under faults, milliseconds: between all machines, and between instances and broker,
 * where each connection draws its own, so that one overtakes the other. Of several faults of a kind the last counts.
 */
export function delaysUnder(faults: Iterable<Fault>): {
  readonly allMs: readonly [number, number] | undefined
  readonly instancesMs: readonly [number, number] | undefined
} {
  let allMs: readonly [number, number] | undefined
  let instancesMs: readonly [number, number] | undefined
  for (const fault of faults) {
    if (fault.kind === 'delay') allMs = fault.delayMs
    else if (fault.kind === 'reorder') instancesMs = [0, fault.withinMs]
  }
  return { allMs, instancesMs }
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
    case 'duplicate': {
      const share = fault.share === 1 ? 'records' : `${Math.round(fault.share * 100)} % of the records`
      return `${at} ${share} twice for ${fault.forMs} ms`
    }
    case 'reorder':
      return `${at} records overtake each other by up to ${fault.withinMs} ms for ${fault.forMs} ms`
    case 'clock-jump':
      return `${at} clocks jump by ${fault.byMs} ms`
  }
}

/** What a pipeline survives without a word from its author. */
const survivable: readonly Fault['kind'][] = ['partition', 'delay', 'clock-jump', 'crash']

/**
 * One to `countMax` faults within a time, by chance.
 *
 * @param options.kinds default all but `duplicate` and `reorder`, which change what the topics hold
 */
export function drawFaults(
  chance: SimulatedRandom,
  options: {
    readonly instances: number
    readonly withinMs: number
    readonly countMax?: number
    readonly kinds?: readonly Fault['kind'][]
  },
): readonly Fault[] {
  const { instances, withinMs, countMax = 4, kinds = survivable } = options
  const draw = (): Fault => {
    const atMs = chance.within([0, withinMs])
    const forMs = chance.within([1, 500])
    const instance = `instance-${chance.within([0, instances - 1])}` as const
    const makers: Readonly<Record<Fault['kind'], readonly (() => Fault)[]>> = {
      partition: [() => partition(atMs, ['broker', instance], forMs)],
      delay: [() => delay(atMs, [0, chance.within([1, 100])], forMs)],
      'clock-jump': [() => clockJump(atMs, chance.within([-5000, 5000]))],
      crash: [
        () => crashAt(atMs, instance, { down: forMs }),
        () => crashAt(atMs, 'broker', { how: chance.chance(0.5) ? 'process' : 'power', down: forMs }),
      ],
      duplicate: [() => duplicate(atMs, forMs, { share: chance.within([1, 10]) / 10 })],
      reorder: [() => reorder(atMs, chance.within([1, 100]), forMs)],
    }
    const possible = kinds.flatMap((kind) => makers[kind])
    return possible[chance.within([0, possible.length - 1])]!()
  }
  return Array.from({ length: chance.within([1, countMax]) }, draw)
}
