/** What a seed decides before anything happens: who takes part, with which settings, and what goes wrong when. */
import type { CrashKind } from '../../../src/platform/simulated/disk.ts'
import type { SimulatedRandom, SimulatedRange } from '../../../src/platform/simulated/random.ts'

export const BROKER = 'broker'

export type GroupProtocol = 'classic' | 'consumer'

/** Of the members of a classic group: all eager, all cooperative, or both with either one first. */
export type Assignors = 'range' | 'cooperative' | 'range first' | 'cooperative first'

export type Actor =
  | {
      readonly kind: 'producer'
      readonly name: string
      readonly deliveryTimeoutMs: number
      readonly lingerMs: number
    }
  | {
      readonly kind: 'transactor'
      readonly name: string
      readonly version: 1 | 2
      readonly timeoutMs: number
    }
  | {
      readonly kind: 'copier'
      readonly name: string
      readonly version: 1 | 2
      readonly protocol: GroupProtocol
    }
  | {
      readonly kind: 'member'
      readonly name: string
      readonly protocol: GroupProtocol
      readonly assignors: Assignors
    }
  | {
      readonly kind: 'poller'
      readonly name: string
      readonly isolation: 'read_committed' | 'read_uncommitted'
    }

/** `at` is a host: a client's, or the broker's. */
export type Fault = { readonly atMs: number; readonly at: string } & (
  | { readonly kind: 'cut' }
  | { readonly kind: 'clog'; readonly ms: number }
  /** `cut`: the connections break before the way is open again, so that one side knows of nothing for long. */
  | {
      readonly kind: 'partition'
      readonly way: 'both' | 'to' | 'from'
      readonly ms: number
      readonly cut: boolean
    }
  | { readonly kind: 'slow'; readonly delayMs: SimulatedRange; readonly ms: number }
  | { readonly kind: 'hold back'; readonly ms: number }
  | { readonly kind: 'stop'; readonly ms: number }
  | {
      readonly kind: 'kill'
      readonly how: CrashKind
      readonly downMs: number
      readonly again: readonly number[]
    }
  /** It is stopped, another takes its place and its name, and then it continues. */
  | { readonly kind: 'succeed'; readonly ms: number }
)

export interface Scenario {
  readonly partitions: number
  readonly keys: number
  readonly actors: readonly Actor[]
  /** When the log is synced: with `os` machines do not lose power. */
  readonly flush: 'os' | 'group' | 'batch'
  readonly faultyMs: number
  readonly faults: readonly Fault[]
}

const TRANSACTION_TIMEOUT_MS = [800, 10_000] as const

export function pick<T>(random: SimulatedRandom, values: readonly T[]): T {
  return values[random.within([0, values.length - 1])]!
}

export function drawScenario(random: SimulatedRandom): Scenario {
  const flush = pick(random, ['os', 'group', 'group', 'batch'] as const)
  const faultyMs = random.within([1500, 5000])
  const actors = drawActors(random)
  const count = random.within([2, 9])
  const faults = Array.from({ length: count }, () =>
    drawFault(random, actors, { faultyMs, power: flush !== 'os' }),
  )
  return {
    partitions: random.within([1, 3]),
    keys: random.within([2, 6]),
    actors,
    flush,
    faultyMs,
    faults: faults.toSorted((a, b) => a.atMs - b.atMs),
  }
}

function drawActors(random: SimulatedRandom): Actor[] {
  const version = (): 1 | 2 => pick(random, [1, 2, 2] as const)
  const make = (kind: string, [from, to]: SimulatedRange, one: (name: string) => Actor): Actor[] =>
    Array.from({ length: random.within([from, to]) }, (_, index) => one(`${kind}${index}`))
  const protocol = pick(random, ['classic', 'consumer'] as const)
  const copying = pick(random, ['classic', 'consumer'] as const)
  const kind = pick(random, ['range', 'cooperative', 'mixed'] as const)
  const drawAssignors = (): Assignors =>
    kind === 'mixed' ? pick(random, ['range first', 'cooperative first'] as const) : kind
  return [
    ...make('producer', [1, 2], (name) => ({
      kind: 'producer',
      name,
      // A short time for delivery makes batches fail of which nobody knows whether they were written.
      deliveryTimeoutMs: pick(random, [1200, 120_000]),
      lingerMs: pick(random, [0, 0, 20]),
    })),
    ...make('transactor', [1, 2], (name) => ({
      kind: 'transactor',
      name,
      version: version(),
      timeoutMs: pick(random, TRANSACTION_TIMEOUT_MS),
    })),
    ...make('copier', [0, 2], (name) => ({ kind: 'copier', name, version: version(), protocol: copying })),
    ...make('member', [0, 3], (name) => ({ kind: 'member', name, protocol, assignors: drawAssignors() })),
    { kind: 'poller', name: 'poller0', isolation: 'read_committed' },
    ...(random.chance(0.5)
      ? [{ kind: 'poller', name: 'poller1', isolation: 'read_uncommitted' } as const]
      : []),
  ]
}

function drawFault(
  random: SimulatedRandom,
  actors: readonly Actor[],
  limits: { readonly faultyMs: number; readonly power: boolean },
): Fault {
  const client = pick(random, actors)
  const atMs = random.within([50, limits.faultyMs])
  const at = client.name
  const how = limits.power && random.chance(0.5) ? 'power' : 'process'
  const downMs = random.within([1, 1500])
  const draw = random.within([0, 19])
  if (draw < 3) return { atMs, at, kind: 'cut' }
  if (draw < 5) return { atMs, at, kind: 'clog', ms: random.within([10, 2500]) }
  if (draw < 8) {
    const way = pick(random, ['both', 'to', 'from'] as const)
    return { atMs, at, kind: 'partition', way, ms: random.within([10, 4000]), cut: random.chance(0.4) }
  }
  if (draw < 10) {
    const mostMs = pick(random, [20, 300, 2500])
    return { atMs, at, kind: 'slow', delayMs: [0.1, mostMs], ms: random.within([100, 3000]) }
  }
  if (draw < 13) return { atMs, at, kind: 'hold back', ms: random.within([900, 4000]) }
  if (draw < 14) return { atMs, at, kind: 'kill', how, downMs, again: [] }
  if (draw < 15) return { atMs, at, kind: 'stop', ms: random.within([100, 6000]) }
  if (draw < 17) {
    const heirs = actors.filter(({ kind }) => kind === 'transactor' || kind === 'copier')
    return { atMs, at: pick(random, heirs).name, kind: 'succeed', ms: random.within([100, 4000]) }
  }
  if (draw < 18) return { atMs, at: BROKER, kind: 'stop', ms: random.within([50, 2500]) }
  const again = random.chance(0.3) ? [random.within([0, 30])] : []
  return { atMs, at: BROKER, kind: 'kill', how, downMs, again }
}

/** Lines for people. */
export function describeScenario(scenario: Scenario): string[] {
  const { actors, faultyMs, flush, keys, partitions } = scenario
  const lines = [`${partitions} partitions, ${keys} keys, flush ${flush}, faults for ${faultyMs} ms`]
  for (const { kind: _, name, ...settings } of actors) lines.push(`${name} ${JSON.stringify(settings)}`)
  return lines
}

export function describeFault({ atMs, kind, at, ...more }: Fault): string {
  return `at ${atMs} ms: ${kind} ${at} ${JSON.stringify(more)}`
}
