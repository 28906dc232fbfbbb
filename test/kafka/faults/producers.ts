/** Producers that send numbered records while the cluster fails, and write down what they are told. */

import { connect, type Kafka, type Producer } from '../../../src/client/index.ts'
import { isMillraceError } from '../../../src/core/errors.ts'
import { sleep } from '../../../src/platform/clock.ts'
import { nodePlatform } from '../../../src/platform/node/platform.ts'
import { type Random, randomInt } from '../../../src/platform/random.ts'
import { type ProducerHistory, textOf } from './history.ts'

const { clock } = nodePlatform()
const KEYS = 40
const PAUSE_MS = 20
const TRANSACTION_TIMEOUT_MS = 20_000

export interface Load {
  readonly brokers: readonly string[]
  readonly topic: string
  /** Of each producer; all of them are paced by it. */
  readonly recordsPerSecond: number
  /** Whether to go on. */
  wanted(): boolean
  /** What went wrong and was got over, for the report. */
  readonly troubles: Map<string, number>
}

export function note(troubles: Map<string, number>, error: unknown): void {
  const name = isMillraceError(error)
    ? `${error.code} ${error.context['kafkaName'] ?? ''}`.trim()
    : String(error)
  troubles.set(name, (troubles.get(name) ?? 0) + 1)
}

/** Sends one by one, without transactions, and idempotently. */
export async function idempotentProducer(history: ProducerHistory, load: Load): Promise<void> {
  const { name } = history
  const kafka = connect({ brokers: load.brokers })
  const producer = kafka.producer({ lingerMs: 5, compression: 'lz4' })
  const open = new Set<Promise<unknown>>()
  try {
    await paced(load, async (count) => {
      for (let one = 0; one < count; one++) {
        const sequence = history.sent++
        const sent = producer
          .send({ topic: load.topic, key: `k${sequence % KEYS}`, value: textOf(name, sequence) })
          .catch((error: unknown) => {
            history.failed.add(sequence)
            note(load.troubles, error)
          })
          .finally(() => open.delete(sent))
        open.add(sent)
      }
      while (open.size > 2000) await Promise.race(open)
    })
    await Promise.all(open)
  } finally {
    await kafka.close()
  }
}

/** Sends in transactions, of which one in eight is aborted; a producer that has failed is replaced. */
export async function transactionalProducer(
  history: ProducerHistory,
  load: Load,
  random: Random,
): Promise<void> {
  let kafka: Kafka | undefined
  let producer: Producer | undefined
  try {
    await paced(load, async (count) => {
      if (producer === undefined) {
        await kafka?.close()
        kafka = connect({ brokers: load.brokers })
        const next = kafka.producer({
          transactionalId: history.name,
          transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
        })
        try {
          await next.init()
        } catch (error) {
          note(load.troubles, error)
          return
        }
        producer = next
      }
      const abort = randomInt(random, 8) === 0
      if (!(await transaction(producer, history, load, { count, abort }))) producer = undefined
    })
  } finally {
    await kafka?.close()
  }
}

/** One transaction; false when the producer has to be replaced. */
async function transaction(
  producer: Producer,
  history: ProducerHistory,
  load: Load,
  { count, abort }: { readonly count: number; readonly abort: boolean },
): Promise<boolean> {
  const number = history.outcomes.push('unknown') - 1
  let mayBeCommitted = false
  try {
    producer.begin()
    const open: Promise<unknown>[] = []
    for (let one = 0; one < count; one++) {
      const sequence = history.sent++
      history.transactions[sequence] = number
      const record = { topic: load.topic, key: `k${sequence % KEYS}`, value: textOf(history.name, sequence) }
      open.push(producer.send(record))
    }
    await Promise.all(open)
    if (!abort) {
      mayBeCommitted = true
      await again(load, () => producer.commit())
      history.outcomes[number] = 'committed'
      return true
    }
  } catch (error) {
    note(load.troubles, error)
  }
  try {
    await again(load, () => producer.abort())
    if (!mayBeCommitted) history.outcomes[number] = 'aborted'
    return true
  } catch (error) {
    note(load.troubles, error)
    return false
  }
}

/** `commit` and `abort` may be called again when they could not reach the coordinator. */
async function again(load: Load, end: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await end()
      return
    } catch (error) {
      const lost = isMillraceError(error) && ['MR_TIMEOUT', 'MR_CONNECTION_LOST'].includes(error.code)
      if (!lost || attempt === 10) throw error
      note(load.troubles, error)
    }
  }
}

/** Calls `send` with as many records as are due, every few milliseconds, while more are wanted. */
async function paced(load: Load, send: (count: number) => Promise<void>): Promise<void> {
  let lastMs = clock.monotonicMs()
  let due = 0
  while (load.wanted()) {
    await sleep(clock, PAUSE_MS)
    const nowMs = clock.monotonicMs()
    // What a long fault has kept from being sent is not made up for at once.
    due = Math.min(due + ((nowMs - lastMs) * load.recordsPerSecond) / 1000, load.recordsPerSecond)
    lastMs = nowMs
    const count = Math.floor(due)
    due -= count
    if (count > 0) await send(count)
  }
}
