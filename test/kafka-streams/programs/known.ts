/**
 * What is known of the results of a step: how both sides' results must be alike, and which steps may follow.
 *
 * Where the differences that docs/decisions/differences-from-kafka-streams.md explains would show, no step follows or
 * less is compared.
 */
import type { Order, WindowStep } from './program.ts'

export type Kind = 'stream' | 'table' | 'windowed' | 'global'

/** What is known of the results of a step. */
export interface Known {
  readonly kind: Kind
  readonly order: Order
  /** How far behind the newest time a result may be. */
  readonly latenessMs: number
  /** The topics that it comes from, and whether an internal one lies between. */
  readonly from: ReadonlyMap<string, boolean>
  readonly rekeyed: boolean
  readonly nullKeys: boolean
  /** Every record that moves the time gives something with a value. */
  readonly leads: boolean
  /** The record far ahead that ends an input comes through. */
  readonly leaps: boolean
  /** It is a stream of a table's changes: in Kafka Streams that takes its turn among those that read the table. */
  readonly changes: boolean
  /** Its records have the headers of those that caused them. */
  readonly headers: boolean
  /** It comes of no foreign-key join, whose results Kafka Streams keeps before others read them. */
  readonly kept: boolean
  /** A record comes to it on two ways. */
  readonly twice: boolean
  /** One record may give several. */
  readonly fans: boolean
  /** Its windows: those that close at one time are joined. */
  readonly windows?: string
}

const orders: readonly Order[] = ['same', 'set', 'timeless', 'last']

export function least(...all: readonly Order[]): Order {
  return orders[Math.max(...all.map((order) => orders.indexOf(order)))] as Order
}

/** What is known of it behind an internal topic. */
export function through(known: Known): Known {
  return { ...known, from: new Map([...known.from.keys()].map((topic) => [topic, true])) }
}

/** The same when it is rekeyed, as what groups its records reads it. */
export function moved(known: Known): Known {
  return known.rekeyed ? through(known) : known
}

/**
 * What is known of something made of both, `moves` saying which of them is read through an internal topic. `meets`
 * when a record comes to it on two ways whose order is left open, and `open` when so is what is looked up there.
 */
export function both(
  one: Known,
  two: Known,
  moves: readonly [boolean, boolean],
): Known & { readonly meets: boolean; readonly open: boolean } {
  const from = new Map<string, boolean>()
  for (const [at, known] of [one, two].entries())
    for (const [topic, internal] of known.from)
      from.set(topic, internal || moves[at] === true || from.get(topic) === true)
  const shared = [...one.from.keys()].filter((topic) => two.from.has(topic))
  const changes = one.changes || two.changes
  const meets = shared.some((topic) => changes || from.get(topic) === true)
  const open = shared.length > 0 && !(one.kept && two.kept)
  return {
    ...one,
    from,
    meets,
    open,
    order: least(one.order, two.order, meets ? 'last' : 'same'),
    latenessMs: Math.max(one.latenessMs, two.latenessMs),
    rekeyed: one.rekeyed || two.rekeyed,
    nullKeys: one.nullKeys || two.nullKeys,
    leads: one.leads && two.leads,
    leaps: one.leaps && two.leaps,
    headers: one.headers && two.headers,
    kept: one.kept && two.kept,
    twice: one.twice || two.twice || shared.length > 0,
    fans: one.fans || two.fans || shared.length > 0,
    changes,
  }
}

export function windowed(known: Known, { kind, size, every, grace, emit }: WindowStep): Known {
  const close = emit === 'close'
  return {
    ...known,
    kind: 'windowed',
    order: close ? (kind === 'session' ? 'set' : 'timeless') : 'same',
    latenessMs: known.latenessMs + size + (close ? grace + size : 0),
    rekeyed: false,
    nullKeys: false,
    fans: true,
    // Kafka Streams gives what comes of sessions none.
    headers: known.headers && kind !== 'session',
    windows: `${kind} ${size} ${every} ${grace}`,
  }
}
