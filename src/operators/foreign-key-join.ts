/**
 * Joins a table with another one whose key its values name: KIP-213, KIP-962, in three operators.
 *
 * ```
 * left table ─► subscribe ═(by foreign key)═► join ◄═(by its key)═ rows ◄─ right table
 *                  ║                            ║
 *                  ╚═(by key, without one)═► result ◄═(by key)═╝
 * ```
 * 1. `subscribe` sends each change of the left table, with its value, to where the right row lives. When the value
 *    names another row than before, the former subscription is taken back.
 * 2. `join` keeps the right rows and the subscriptions of each. It answers a subscription when it comes, and all of a
 *    row when the row changes, with the joined value.
 * 3. `result` lets an answer pass unless the key has had an answer to a later change: nothing stale comes out.
 *
 * Changes are numbered by their task; all changes of a key are one task's, so a later change has the larger number.
 * Kafka Streams sends a hash of the left value and compares it with the left table as it is when the answer comes. A
 * number needs no way back to the left table, and `join` no store of another part, so that tasks never wait for each
 * other in a circle, not even where a table is joined with itself; and a replay gives the same answer however fast
 * each partition is read.
 *
 * What is sent for which change follows SubscriptionSendProcessorSupplier, what is answered follows
 * SubscriptionJoinProcessorSupplier and ForeignTableJoinProcessorSupplier.
 */
import { json, type Serde } from '../core/serde.ts'
import { groupedStore } from '../state/grouped-store.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { KeyDeadlines } from './key-deadlines.ts'
import { type OperatorSpec, outOfOrder, type Receiver } from './operator.ts'
import type { Joiner } from './stream-table-join.ts'

/** What is asked of the right row's task. */
type Ask =
  /** Forget the subscription. */
  | 'unsubscribe'
  /** Forget it and answer that the result is gone. */
  | 'unsubscribe-and-delete'
  /** Subscribe; answer when the row is there. */
  | 'subscribe'
  /** Subscribe; answer in any case, since a former result must be replaced. */
  | 'subscribe-and-answer'

interface Subscription {
  readonly key: unknown
  readonly value: unknown
  readonly version: number
  readonly ask: Ask
}

/** The joined value, or null where there is none any more. */
interface Answer {
  readonly version: number
  readonly value: unknown
}

export interface ForeignKeyOptions {
  readonly left: boolean
  readonly joiner: Joiner
}

const VERSION_KEY = 'version'

/**
 * Turns changes of the left table into subscriptions, keyed by the key that the value names; null where none does.
 * `store` holds the number of the last change.
 */
export function foreignKeySubscribeOperator(
  options: ForeignKeyOptions & {
    readonly store: string
    readonly keyOf: (value: unknown, key: unknown) => unknown
  },
): OperatorSpec {
  const storeSpec = keyValueStore<string, number>(options.store, json<string>(), json<number>())
  const nameOf = (value: unknown, key: unknown): unknown =>
    value === null || value === undefined ? null : (options.keyOf(value, key) ?? null)
  return {
    kind: 'foreign-key-subscribe',
    stores: [storeSpec],
    outputDelayMs: 0,
    timely: true,
    keyed: true,
    create(_name, context, output) {
      const store = context.store(storeSpec)
      const process: Receiver['process'] = (key, value, timestampMs, before) => {
        if (key === null || key === undefined || before === outOfOrder) return
        const named = nameOf(value, key)
        const namedBefore = nameOf(before, key)
        const asks = options.left
          ? leftAsks(value ?? null, before ?? null, named, namedBefore)
          : innerAsks(value ?? null, named, namedBefore)
        if (asks.length === 0) return
        const version = (store.get(VERSION_KEY) ?? 0) + 1
        store.put(VERSION_KEY, version, timestampMs)
        for (const [ask, target] of asks) {
          const subscription: Subscription = { key, value: value ?? null, version, ask }
          output.process(target, subscription, timestampMs)
        }
      }
      return { inputs: [{ process }] }
    },
  }
}

type Asks = readonly (readonly [Ask, target: unknown])[]

function same(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other)
}

function innerAsks(value: unknown, named: unknown, namedBefore: unknown): Asks {
  if (value === null || named === null)
    return namedBefore === null ? [] : [['unsubscribe-and-delete', namedBefore]]
  if (namedBefore === null || same(named, namedBefore)) return [['subscribe', named]]
  return [
    ['unsubscribe', namedBefore],
    ['subscribe-and-answer', named],
  ]
}

/** Of a left join every change has an answer; where the value names nothing it is given without a right row. */
function leftAsks(value: unknown, before: unknown, named: unknown, namedBefore: unknown): Asks {
  if (value === null && before === null) return []
  const answered: Asks = [['subscribe-and-answer', named]]
  if (namedBefore === null || same(named, namedBefore)) return answered
  return [['unsubscribe', namedBefore], ...answered]
}

/** Subscriptions without a key that they name, answered at once: input of `result`. */
export function foreignKeyAloneOperator(options: ForeignKeyOptions): OperatorSpec {
  return {
    kind: 'foreign-key-alone',
    stores: [],
    outputDelayMs: 0,
    timely: true,
    keyed: false,
    create: (_name, _context, output) => ({
      inputs: [
        {
          process(named, value, timestampMs) {
            if (named === null) answer(options, value as Subscription, null, timestampMs, output)
          },
        },
      ],
    }),
  }
}

/** Subscriptions that name a key: what goes to the right row's task. */
export function foreignKeyNamedOperator(): OperatorSpec {
  return {
    kind: 'foreign-key-named',
    stores: [],
    outputDelayMs: 0,
    timely: true,
    keyed: false,
    create: (_name, _context, output) => ({
      inputs: [
        {
          process(named, value, timestampMs) {
            if (named !== null) output.process(named, value, timestampMs)
          },
        },
      ],
    }),
  }
}

function answer(
  { left, joiner }: ForeignKeyOptions,
  { key, value, version, ask }: Subscription,
  right: unknown,
  timestampMs: number,
  output: Receiver,
): void {
  const none = ask === 'unsubscribe-and-delete' || value === null || (right === null && !left)
  const result: Answer = { version, value: none ? null : joiner(value, right, key) }
  output.process(key, result, timestampMs)
}

/** The right table's changes as they are sent to `join`. */
export function foreignKeyRowsOperator(): OperatorSpec {
  return {
    kind: 'foreign-key-rows',
    stores: [],
    outputDelayMs: 0,
    timely: true,
    keyed: false,
    create: (_name, _context, output) => ({
      inputs: [
        {
          process(named, value, timestampMs, before) {
            if (before !== outOfOrder) output.process(named, value, timestampMs)
          },
        },
      ],
    }),
  }
}

/** Inputs: the subscriptions, and the changes of the right table. */
export function foreignKeyJoinOperator(
  options: ForeignKeyOptions & {
    readonly subscriptionStore: string
    readonly rowStore: string
    readonly foreignKeySerde: Serde<unknown>
    readonly keySerde: Serde<unknown>
  },
): OperatorSpec {
  const { foreignKeySerde, keySerde } = options
  const storeSpec = groupedStore(options.subscriptionStore, foreignKeySerde, keySerde, json<Subscription>())
  const rowSpec = keyValueStore<unknown, unknown>(options.rowStore, foreignKeySerde, json<unknown>())
  return {
    kind: options.left ? 'foreign-key-left-join' : 'foreign-key-join',
    stores: [storeSpec, rowSpec],
    outputDelayMs: 0,
    timely: true,
    keyed: true,
    create(_name, context, output) {
      const subscriptions = context.store(storeSpec)
      const rows = context.store(rowSpec)
      const subscribe: Receiver['process'] = (named, value, timestampMs) => {
        const subscription = value as Subscription
        const { key, ask } = subscription
        const keeps = (ask === 'subscribe' || ask === 'subscribe-and-answer') && subscription.value !== null
        subscriptions.put(named, key, keeps ? subscription : undefined, timestampMs)
        const row = rows.held(named)
        const answered = ask === 'subscribe' ? row !== undefined : ask !== 'unsubscribe'
        if (!answered) return
        const resultMs = Math.max(timestampMs, row?.timestampMs ?? timestampMs)
        answer(options, subscription, row?.value ?? null, resultMs, output)
      }
      const change: Receiver['process'] = (named, value, timestampMs) => {
        rows.put(named, value ?? undefined, timestampMs)
        // With the timestamp of the change, also when the left value is younger: as in Kafka Streams.
        for (const held of subscriptions.group(named))
          answer(options, held.value as Subscription, value ?? null, timestampMs, output)
      }
      return { inputs: [{ process: subscribe }, { process: change }] }
    },
  }
}

/** What is known of a key: the last change that had an answer, and since when it has no result. */
interface Answered {
  readonly version: number
  readonly goneMs?: number
}

/** How long a key without a result is remembered: no answer is on its way for longer. */
const REMEMBERED_MS = 24 * 60 * 60 * 1000

/** Lets through what answers the latest change of its key that had an answer; `store` knows which that was. */
export function foreignKeyResultOperator(options: {
  readonly store: string
  readonly keySerde: Serde<unknown>
  readonly inputCount: number
}): OperatorSpec {
  const storeSpec = keyValueStore<unknown, Answered>(options.store, options.keySerde, json<Answered>())
  return {
    kind: 'foreign-key-result',
    stores: [storeSpec],
    outputDelayMs: 0,
    timely: true,
    keyed: true,
    create(_name, context, output) {
      const store = context.store(storeSpec)
      let deadlines: KeyDeadlines<unknown> | undefined
      // Made on first use, after the store was restored.
      const gone = (): KeyDeadlines<unknown> => {
        if (deadlines !== undefined) return deadlines
        deadlines = new KeyDeadlines()
        for (const [key, { goneMs }] of store.all())
          if (goneMs !== undefined) deadlines.schedule(key, goneMs + REMEMBERED_MS)
        return deadlines
      }
      const process: Receiver['process'] = (key, value, timestampMs) => {
        const { version, value: result } = value as Answer
        const last = store.get(key)
        if (last !== undefined && version < last.version) return
        if (result === null) {
          store.put(key, { version, goneMs: timestampMs }, timestampMs)
          gone().schedule(key, timestampMs + REMEMBERED_MS)
        } else if (last?.version !== version || last.goneMs !== undefined) {
          store.put(key, { version }, timestampMs)
        }
        output.process(key, result, timestampMs)
      }
      return {
        inputs: Array.from({ length: options.inputCount }, () => ({ process })),
        nextDeadlineMs: () => gone().firstMs,
        advance(streamTimeMs) {
          for (const key of gone().due(streamTimeMs)) {
            const goneMs = store.get(key)?.goneMs
            if (goneMs === undefined) continue
            if (goneMs + REMEMBERED_MS > streamTimeMs) gone().schedule(key, goneMs + REMEMBERED_MS)
            else store.put(key, undefined, goneMs)
          }
        },
      }
    },
  }
}
