/** Patterns over time: what follows what, and what does not, within how long. */
import { type Duration, durationMs } from '../core/duration.ts'
import { MillraceError } from '../core/errors.ts'
import type { Serde } from '../core/serde.ts'
import { type PatternStep, patternOperator } from '../operators/pattern.ts'
import type { AnyStream } from './join.ts'
import { repartitionFor } from './repartition.ts'
import { type NameOption, Stream } from './stream.ts'

export interface PatternOptions extends NameOption {
  /** How late an event may come. Default 0. */
  readonly grace?: Duration
  /** How many matches of one key may be begun at a time. Default 1,000. */
  readonly limit?: number
}

export interface WithinOption {
  /** How long after the event before it. */
  readonly within: Duration
}

interface Step<K> extends PatternStep {
  readonly stream: AnyStream<K>
}

const MATCHES_MAX = 1000

/** A pattern that is being written; `M` are the events that a match has. */
export class Pattern<K, M> {
  private readonly steps: readonly Step<K>[]

  constructor(steps: readonly Step<K>[]) {
    this.steps = steps
  }

  /** Then the next event of a stream, within a time after the event before it. */
  followedBy<const N extends string, W>(
    name: N,
    stream: Stream<K, W>,
    options: WithinOption,
  ): Pattern<K, M & Readonly<Record<N, W>>> {
    const withinMs = durationMs(options?.within, `\`within\` of "${name}"`)
    return new Pattern([...this.steps, { name, stream, absent: false, withinMs }])
  }

  /**
   * Then no event of a stream: before the event that follows, or, at the end of the pattern, within a time.
   *
   * `within` belongs to the end only: elsewhere the next `followedBy` says how long.
   */
  notFollowedBy(name: string, stream: AnyStream<K>, options: Partial<WithinOption> = {}): Pattern<K, M> {
    const withinMs =
      options.within === undefined
        ? Number.POSITIVE_INFINITY
        : durationMs(options.within, `\`within\` of "${name}"`)
    return new Pattern([...this.steps, { name, stream, absent: true, withinMs }])
  }

  /**
   * The matches: one record each, with the events under the names of their steps.
   *
   * @throws MR_PLAN_INVALID for a pattern of one step, two steps of one name, or a last `notFollowedBy` without `within`
   */
  toStream(options: PatternOptions = {}): Stream<K, M> {
    const { steps } = this
    const [first] = steps as [Step<K>, ...Step<K>[]]
    this.check()
    const sources = [...new Set(steps.flatMap(({ stream }) => stream.origin.sources))]
    const name = options.name ?? `${sources.join('-')}-pattern`
    const keySerde = first.stream.keySerde as Serde<unknown>
    const spec = patternOperator({
      store: name,
      keySerde,
      steps: steps.map(({ name: step, absent, withinMs }) => ({ name: step, absent, withinMs })),
      graceMs: durationMs(options.grace ?? 0),
      matchesMax: options.limit ?? MATCHES_MAX,
    })
    const inputs = steps.map((step) => repartitionFor(step.stream, `${name}-${step.name}`).node)
    const { graph } = first.stream
    const node = graph.add({ kind: 'operator', name, spec, inputs })
    return new Stream<K, M>(graph, node, first.stream.keySerde, { sources, rekeyed: false })
  }

  private check(): void {
    const { steps } = this
    const fault = (what: string, hint: string) => new MillraceError('MR_PLAN_INVALID', what, { hint })
    if (steps.length < 2)
      throw fault('a pattern has at least two steps', 'Add .followedBy(…) or .notFollowedBy(…).')
    if (new Set(steps.map(({ name }) => name)).size < steps.length)
      throw fault('two steps of a pattern have the same name', 'Name each of them differently.')
    for (const [at, { absent, name, withinMs }] of steps.entries()) {
      if (absent && at === steps.length - 1 && withinMs === Number.POSITIVE_INFINITY) {
        throw fault(`nobody knows when "${name}" has not happened`, 'Say how long: { within: "1 day" }.')
      }
      if (absent && at < steps.length - 1 && withinMs !== Number.POSITIVE_INFINITY) {
        const hint = 'Leave its `within` out: the next followedBy says how long.'
        throw fault(`"${name}" is not the last step, so it has no time of its own`, hint)
      }
    }
  }
}

/** A pattern that begins with each event of a stream. */
export function pattern<K, V, const N extends string>(
  name: N,
  stream: Stream<K, V>,
): Pattern<K, Readonly<Record<N, V>>> {
  return new Pattern([{ name, stream, absent: false, withinMs: Number.POSITIVE_INFINITY }])
}
