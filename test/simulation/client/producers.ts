/** The clients that write: records one by one, and in transactions. */
import type { Cluster } from '../../../src/client/cluster.ts'
import { createProducer, type Producer } from '../../../src/client/producer/producer.ts'
import { EVENTS } from './check.ts'
import type { Transaction, Write } from './history.ts'
import type { Actor } from './scenario.ts'
import { expected, type Life, untilDone, type World } from './world.ts'

/** Sends a record and notes what comes of it. */
export async function send(
  world: World,
  producer: Producer,
  write: Write,
  partition?: number,
): Promise<void> {
  const { key, topic, value } = write
  try {
    const at = await producer.send({
      topic,
      value,
      ...(key === undefined ? {} : { key }),
      ...(partition === undefined ? {} : { partition }),
    })
    write.state = 'acknowledged'
    write.partition = at.partition
    write.offset = at.offset
    world.tell(() => `${value} is acknowledged at ${at.partition}@${at.offset}`)
  } catch (error) {
    const { code } = expected(error)
    write.state = 'failed'
    world.tell(() => `${value} failed: ${code}`)
  }
}

/** One event; `number` counts the events of the life. */
function event(world: World, life: Life, number: number, transaction: Transaction | undefined): Write {
  const { history, plant, scenario } = world
  const key = `key${life.random.within([0, scenario.keys - 1])}`
  const value = `${life.name}/${number}`
  const order = plant.swaps ? number ^ 1 : number
  const { actor, number: of } = life
  return history.write({ value, topic: EVENTS, key, actor: actor.name, life: of, number: order, transaction })
}

const placeAt = (world: World, life: Life): number | undefined =>
  world.plant.scatters ? life.random.within([0, world.scenario.partitions - 1]) : undefined

/** Records without transactions, one by one and many at a time. */
export async function liveProducer(
  world: World,
  life: Life,
  actor: Extract<Actor, { kind: 'producer' }>,
): Promise<void> {
  const cluster = world.cluster(life.program)
  const { deliveryTimeoutMs, lingerMs } = actor
  const producer = createProducer(cluster, {
    batchBytesMax: 150,
    deliveryTimeoutMs,
    lingerMs,
    ...world.plant.producer,
  })
  const open: Promise<void>[] = []
  life.doing = 'sending'
  for (let number = 0; !world.finishing; number++) {
    open.push(send(world, producer, event(world, life, number, undefined), placeAt(world, life)))
    if (life.random.chance(0.7)) await world.pause(life, 0, 250)
  }
  await Promise.all(open)
  life.doing = 'closing'
  await producer.close()
  await cluster.close()
}

/** Producers of transactions, one after the other under the id of the actor, until nothing new is begun. */
export async function liveTransactor(
  world: World,
  life: Life,
  actor: Extract<Actor, { kind: 'transactor' }>,
): Promise<void> {
  const cluster = world.cluster(life.program)
  const counter = { records: 0, transactions: 0 }
  while (!world.finishing) {
    const producer = await successor(world, life, cluster, {
      version: actor.version,
      timeoutMs: actor.timeoutMs,
    })
    if (producer === undefined) break
    let usable = true
    while (usable && !world.finishing) {
      usable = await oneTransaction(world, life, producer, counter)
      await world.pause(life, 0, 300)
    }
    life.doing = 'closing'
    await producer.close()
    if (life.state === 'runs' && isDispossessed(world, life)) break
  }
  await cluster.close()
}

/** Another life has the actor's name by now: this one has nothing to do any more. */
export function isDispossessed(world: World, life: Life): boolean {
  return world.lives.some((other) => other.actor === life.actor && other.number > life.number)
}

/** A producer that has taken the id over; none when an heir has it. */
export async function successor(
  world: World,
  life: Life,
  cluster: Cluster,
  settings: { readonly version: 1 | 2; readonly timeoutMs: number },
): Promise<Producer | undefined> {
  const { actor } = life
  for (;;) {
    // A zombie that comes to itself here would take the id back from its heir: real ones are told by their manager.
    if (isDispossessed(world, life)) return undefined
    const producer = createProducer(cluster, {
      transactionalId: world.plant.ownIds ? life.name : actor.name,
      transactionVersionMax: settings.version,
      transactionTimeoutMs: settings.timeoutMs,
    })
    life.doing = 'initializing'
    const answered = world.history.ask(actor.name, life.number)
    try {
      await untilDone(() => producer.init())
      answered()
      world.tell(() => `${life.name} has its producer id`)
      return producer
    } catch (error) {
      const { code } = expected(error)
      world.tell(() => `${life.name} cannot initialize: ${code}`)
      answered()
      await producer.close()
      await world.pause(life, 10, 100)
    }
  }
}

/** @returns whether the producer can go on */
async function oneTransaction(
  world: World,
  life: Life,
  producer: Producer,
  counter: { records: number; transactions: number },
): Promise<boolean> {
  const { random } = life
  const transaction = world.history.begin(`${life.name}#${counter.transactions++}`)
  const count = random.within([0, 6])
  const { tears } = world.plant
  return attempt(world, life, { producer, transaction, aborts: random.chance(0.2) }, async () => {
    for (let index = 0; index < count; index++) {
      if (tears && index === count >> 1) await tear(producer, transaction)
      void send(world, producer, event(world, life, counter.records++, transaction), placeAt(world, life))
      if (random.chance(0.2)) await world.pause(life, 0, 50)
    }
    if (!tears) return
    await producer.abort()
    producer.begin()
  })
}

async function tear(producer: Producer, transaction: Transaction): Promise<void> {
  transaction.state = 'ending'
  await producer.commit()
  producer.begin()
}

/** Begins a transaction, fills it and ends it. @returns whether the producer can go on */
export async function attempt(
  world: World,
  life: Life,
  one: { readonly producer: Producer; readonly transaction: Transaction; readonly aborts: boolean },
  fill: () => Promise<void>,
): Promise<boolean> {
  const { producer, transaction } = one
  const { lies } = world.plant
  const become = (state: Transaction['state']): void => {
    transaction.state = state
    world.tell(() => `${transaction.name} is ${state}`)
  }
  try {
    producer.begin()
    life.doing = 'filling a transaction'
    await fill()
    if (one.aborts) {
      life.doing = 'aborting'
      await producer.abort()
      become(lies ? 'committed' : 'aborted')
      return true
    }
    become('ending')
    life.doing = 'committing'
    await untilDone(() => producer.commit())
    become(lies ? 'aborted' : 'committed')
    return true
  } catch (error) {
    const { code } = expected(error)
    world.tell(() => `${transaction.name} fails, ${life.doing}: ${code}`)
  }
  life.doing = 'aborting'
  try {
    await producer.abort()
    become('aborted')
    return true
  } catch (error) {
    const { code } = expected(error)
    world.tell(() => `${transaction.name} cannot be aborted: ${code}`)
    return false
  }
}
