/** The clients that read: pollers that assign partitions to themselves, and members of groups that come and go. */
import type { Assignor } from '../../../src/client/consumer/assignor.ts'
import { cooperativeStickyAssignor } from '../../../src/client/consumer/assignors/cooperative-sticky.ts'
import { rangeAssignor } from '../../../src/client/consumer/assignors/range.ts'
import { type Consumer, type ConsumerOptions, createConsumer } from '../../../src/client/consumer/consumer.ts'
import { recordsOf } from '../../../src/client/consumer/records.ts'
import type { TopicPartition } from '../../../src/core/record.ts'
import { EVENTS } from './check.ts'
import { type Isolation, type Read, Track } from './history.ts'
import { type Actor, type Assignors, pick } from './scenario.ts'
import { expected, type Life, untilDone, type World } from './world.ts'

const POLL_MS = 150

const assignorsOf: Readonly<Record<Assignors, readonly Assignor[]>> = {
  range: [rangeAssignor],
  cooperative: [cooperativeStickyAssignor],
  'range first': [rangeAssignor, cooperativeStickyAssignor],
  'cooperative first': [cooperativeStickyAssignor, rangeAssignor],
}

export function memberOptions(group: string, actor: Actor): ConsumerOptions {
  const protocol = 'protocol' in actor ? actor.protocol : 'classic'
  return {
    group,
    protocol,
    assignors: assignorsOf[actor.kind === 'member' ? actor.assignors : 'range'],
    offsetReset: 'earliest',
    sessionTimeoutMs: 2000,
    heartbeatIntervalMs: 300,
    rebalanceTimeoutMs: 3000,
    maxWaitMs: 200,
    stalledWarningMs: 0,
  }
}

interface Polled {
  readonly topic: string
  readonly partition: number
  readonly nextOffset: number
  readonly reads: readonly Read[]
}

/** Polls once, and holds what comes against the history. @throws what `poll` throws */
export async function pollOnce(
  world: World,
  consumer: Consumer,
  by: { readonly reader: string; readonly of: string; readonly track: Track; readonly isolation: Isolation },
): Promise<Polled[]> {
  const polled: Polled[] = []
  for (const batches of await consumer.poll({ maxWaitMs: POLL_MS })) {
    const { fetchOffset, nextOffset, partition, topic } = batches
    const got = [...recordsOf(batches)].map(({ key, offset, value }) => ({
      topic,
      partition,
      offset,
      key: key === null ? undefined : String(key),
      value: String(value),
    }))
    const reads = world.plant.polled?.(got) ?? got
    for (const read of reads) world.history.read(read, by.isolation, by)
    by.track.poll({ topic, partition, from: fetchOffset, to: nextOffset }, reads)
    polled.push({ topic, partition, nextOffset, reads })
    world.tell(() => {
      const values = reads.map(({ offset, value }) => `${offset}=${value}`).join(', ')
      return `${by.reader} polls ${partition} from ${fetchOffset} to ${nextOffset}: ${values}`
    })
  }
  return polled
}

/** Reads all partitions from the beginning; goes back now and then. */
export async function livePoller(world: World, life: Life, isolation: Isolation): Promise<void> {
  const cluster = world.cluster(life.program)
  const { consumer: planted } = world.plant
  const consumer = createConsumer(cluster, {
    isolation,
    maxWaitMs: 200,
    stalledWarningMs: 0,
    partitionMaxBytes: pick(life.random, [300, 1 << 20]),
    ...(isolation === 'read_committed' ? planted : {}),
  })
  const all = Array.from({ length: world.scenario.partitions }, (_, partition) => ({
    topic: EVENTS,
    partition,
  }))
  consumer.assign(all.map((one) => ({ ...one, offset: 'earliest' as const })))
  const track = new Track(world.history, life.name, isolation)
  for (const { topic, partition } of all) track.moveTo(topic, partition, 0)
  life.doing = 'polling'
  while (
    !(world.decided && all.every((one) => world.isAtEnd(one, consumer.position(one.topic, one.partition))))
  ) {
    await pollOnce(world, consumer, { reader: life.name, of: life.actor.name, track, isolation })
    if (life.random.chance(0.1)) wander(life, consumer, all, track)
    if (life.random.chance(0.3)) await world.pause(life, 0, 60)
  }
  consumer.resume(all)
  life.doing = 'closing'
  await consumer.close()
  await cluster.close()
}

function wander(life: Life, consumer: Consumer, all: readonly TopicPartition[], track: Track): void {
  const one = pick(life.random, all)
  const position = consumer.position(one.topic, one.partition)
  if (life.random.chance(0.3)) consumer.pause([one])
  else consumer.resume(all)
  if (position <= 0 || life.random.chance(0.5)) return
  const offset = life.random.within([Math.max(0, position - 10), position])
  consumer.seek(one.topic, one.partition, offset)
  track.moveTo(one.topic, one.partition, offset)
}

/** A member of the group, for a while, then for another while. */
export async function liveMember(world: World, life: Life): Promise<void> {
  const cluster = world.cluster(life.program)
  const group = `group-${'protocol' in life.actor ? life.actor.protocol : ''}`
  const done = (): boolean => world.atEnd.has(group)
  do {
    const track = new Track(world.history, life.name, 'read_committed')
    const consumer = createConsumer(cluster, { ...memberOptions(group, life.actor), ...world.plant.consumer })
    const pending = new Map<number, number>()
    const forget = (partitions: readonly TopicPartition[]): void => {
      for (const { topic, partition } of partitions) {
        track.forget(topic, partition)
        pending.delete(partition)
      }
    }
    const onRevoked = async (partitions: readonly TopicPartition[]): Promise<void> => {
      if (life.random.chance(0.7)) await commit(world, life, { consumer, group, pending })
      forget(partitions)
    }
    await consumer.subscribe([EVENTS], { onAssigned: forget, onRevoked, onLost: forget })
    const endMs = life.clock.monotonicMs() + life.random.within([500, 6000])
    while (!done() && (world.finishing || life.clock.monotonicMs() < endMs)) {
      life.doing = 'polling'
      const by = { reader: life.name, of: group, track, isolation: 'read_committed' as const }
      for (const { partition, nextOffset } of await pollOnce(world, consumer, by))
        pending.set(partition, nextOffset)
      // Of two commits of one generation the later may be the older one: in the end all say once more where they are.
      if (world.decided) notePositions(consumer, pending)
      if (world.finishing || life.random.chance(0.6)) await commit(world, life, { consumer, group, pending })
      if (life.random.chance(0.2)) await world.pause(life, 0, 100)
    }
    life.doing = 'closing'
    await consumer.close()
    if (!done()) await world.pause(life, 0, 300)
  } while (!done())
  await cluster.close()
}

function notePositions(consumer: Consumer, pending: Map<number, number>): void {
  for (const { topic, partition } of consumer.assignment()) {
    const position = consumer.position(topic, partition)
    if (position >= 0) pending.set(partition, position)
  }
}

/** Commits what was polled; what is not acknowledged stays to be committed. */
async function commit(
  world: World,
  life: Life,
  parts: { readonly consumer: Consumer; readonly group: string; readonly pending: Map<number, number> },
): Promise<void> {
  const { consumer, group, pending } = parts
  if (pending.size === 0) return
  life.doing = 'committing'
  const offsets = [...pending].map(([partition, offset]) => ({ topic: EVENTS, partition, offset }))
  try {
    await consumer.commit(offsets)
  } catch (error) {
    const { code, context } = expected(error)
    world.tell(() => `${life.name} cannot commit: ${code} ${context['kafkaName'] ?? ''}`)
    return
  }
  for (const { partition, offset } of offsets) {
    world.history.committed(group, partition, world.plant.commitsAhead ? offset + 1 : offset)
    if (pending.get(partition) === offset) pending.delete(partition)
  }
}

/** All records of a topic, read by somebody without faults. */
export async function readAll(world: World, topic: string, isolation: Isolation): Promise<Read[]> {
  const cluster = world.cluster(world.program('judge'))
  const consumer = createConsumer(cluster, { isolation, maxWaitMs: 100 })
  const all = Array.from({ length: world.scenario.partitions }, (_, partition) => ({ topic, partition }))
  consumer.assign(all.map((one) => ({ ...one, offset: 'earliest' as const })))
  const found: Read[] = []
  while (!all.every((one) => world.isAtEnd(one, consumer.position(topic, one.partition)))) {
    for (const batches of await untilDone(() => consumer.poll({ maxWaitMs: POLL_MS }))) {
      for (const { key, offset, partition, value } of recordsOf(batches)) {
        found.push({
          topic,
          partition,
          offset,
          key: key === null ? undefined : String(key),
          value: String(value),
        })
      }
    }
  }
  await consumer.close()
  await cluster.close()
  return found
}
