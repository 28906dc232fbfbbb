/**
 * Members of a group that read events, write two copies of each, and commit outputs and positions in one transaction
 * (KIP-447). After a failure a copier goes back to what is committed.
 */
import type { Cluster } from '../../../src/client/cluster.ts'
import { type Consumer, createConsumer } from '../../../src/client/consumer/consumer.ts'
import type { Producer } from '../../../src/client/producer/producer.ts'
import type { TopicPartition } from '../../../src/core/record.ts'
import { COPIES, EVENTS } from './check.ts'
import { memberOptions, pollOnce } from './consumers.ts'
import { Track } from './history.ts'
import { attempt, isDispossessed, send, successor } from './producers.ts'
import type { Actor } from './scenario.ts'
import { expected, type Life, untilDone, type World } from './world.ts'

export const COPIERS = 'copiers'

type Copier = Extract<Actor, { kind: 'copier' }>
type Polled = Awaited<ReturnType<typeof pollOnce>>

interface Counter {
  records: number
  transactions: number
}

export async function liveCopier(world: World, life: Life, actor: Copier): Promise<void> {
  const cluster = world.cluster(life.program)
  const counter: Counter = { records: 0, transactions: 0 }
  while (!world.atEnd.has(COPIERS) && !isDispossessed(world, life)) {
    const timeoutMs = life.random.within([800, 4000])
    const producer = await successor(world, life, cluster, { version: actor.version, timeoutMs })
    if (producer === undefined) break
    await copy(world, life, { cluster, producer, actor, counter })
    life.doing = 'closing the producer'
    await producer.close()
  }
  await cluster.close()
}

/** Copies with one consumer and one producer, until one of them has failed for good. */
async function copy(
  world: World,
  life: Life,
  parts: {
    readonly cluster: Cluster
    readonly producer: Producer
    readonly actor: Copier
    readonly counter: Counter
  },
): Promise<void> {
  const { cluster, producer, actor, counter } = parts
  const track = new Track(world.history, life.name, 'read_committed')
  const consumer = createConsumer(cluster, { ...memberOptions(COPIERS, actor), ...world.plant.consumer })
  const forget = (partitions: readonly TopicPartition[]): void => {
    for (const { topic, partition } of partitions) track.forget(topic, partition)
  }
  await consumer.subscribe([EVENTS], { onAssigned: forget, onRevoked: forget, onLost: forget })
  const endMs = life.clock.monotonicMs() + life.random.within([1000, 8000])
  while (!world.atEnd.has(COPIERS) && (world.finishing || life.clock.monotonicMs() < endMs)) {
    life.doing = 'polling'
    const polled = await pollOnce(world, consumer, {
      reader: life.name,
      of: life.name,
      track,
      isolation: 'read_committed',
    })
    if (polled.length === 0) continue
    const transaction = world.history.begin(`${life.name}#${counter.transactions++}`)
    const usable = await attempt(
      world,
      life,
      { producer, transaction, aborts: life.random.chance(0.1) },
      () => fill(world, life, { consumer, producer, counter, polled, transaction }),
    )
    if (!usable) break
    if (world.plant.positions === 'after' && transaction.state === 'committed') {
      await world.pause(life, 50, 200)
      await consumer.commit(polled.map((one) => ({ ...one, offset: one.nextOffset })))
    }
    if (transaction.state !== 'committed' && !(await goBack(world, life, consumer, track))) break
    if (life.random.chance(0.2)) await world.pause(life, 0, 100)
  }
  life.doing = 'closing the consumer'
  await consumer.close()
}

async function fill(
  world: World,
  life: Life,
  parts: {
    readonly consumer: Consumer
    readonly producer: Producer
    readonly counter: Counter
    readonly polled: Polled
    readonly transaction: ReturnType<World['history']['begin']>
  },
): Promise<void> {
  const { consumer, counter, polled, producer, transaction } = parts
  const { partitions } = world.scenario
  for (const { reads } of polled) {
    for (const { offset, partition } of reads) {
      for (const [half, to] of [['a', partition] as const, ['b', (partition + 1) % partitions] as const]) {
        const number = counter.records++
        const write = world.history.write({
          value: `${life.name}/${number} ${partition}@${offset} ${half}`,
          topic: COPIES,
          key: undefined,
          actor: life.actor.name,
          life: life.number,
          number,
          transaction,
        })
        void send(world, producer, write, to)
      }
    }
  }
  if (life.random.chance(0.2)) await world.pause(life, 0, 100)
  const offsets = polled.map(({ topic, partition, nextOffset }) => ({ topic, partition, offset: nextOffset }))
  life.doing = 'sending positions'
  const { positions } = world.plant
  if (positions === 'before') await consumer.commit(offsets)
  else if (positions === undefined) {
    await consumer.holdGeneration(() => producer.sendOffsets(consumer.groupMetadata(), offsets))
  }
}

/** Back to the committed positions. @returns whether it is known where they are */
async function goBack(world: World, life: Life, consumer: Consumer, track: Track): Promise<boolean> {
  life.doing = 'going back'
  const assigned = consumer.assignment()
  try {
    const committed = await untilDone(() => consumer.committed(assigned))
    for (const { topic, partition } of assigned) {
      // What was lost meanwhile is not read on either.
      if (!consumer.assignment().some((one) => one.topic === topic && one.partition === partition)) continue
      const offset = committed.get(`${topic}/${partition}`)?.offset ?? 0
      consumer.seek(topic, partition, offset)
      track.moveTo(topic, partition, offset)
    }
    return true
  } catch (error) {
    const { code } = expected(error)
    world.tell(() => `${life.name} does not know where to go back to: ${code}`)
    return false
  }
}
