/**
 * The coordinators of a broker through several lives, all from one seed: members of a classic group and of one of
 * KIP-848 that come, go, fall silent and are slow, transactional producers with zombies, crashes and disk faults.
 * All along, and in the end when all is calm, what clients were answered is held against what it may be.
 */
import type { SeedOptions, Simulation } from '../seeds/simulation.ts'
import { ClassicClient } from './classic-client.ts'
import { ConsumerClient } from './consumer-client.ts'
import { GroupReader } from './group-reader.ts'
import { Observer } from './observer.ts'
import { OffsetsCheck } from './offsets-check.ts'
import { OwnershipCheck } from './ownership-check.ts'
import type { Plant } from './plants.ts'
import { ProducerClient } from './producer-client.ts'
import { TransactionCheck } from './transaction-check.ts'
import { World } from './world.ts'

/** Longer than sessions, rebalances and transactions take, twice. */
const SETTLE_MS = 32_000

interface GroupsRun {
  readonly calls: number
  readonly crashes: number
  readonly faults: number
  readonly commits: number
  readonly transactions: number
}

export const groupsSimulation: Simulation<GroupsRun, Plant> = {
  name: 'groups',
  nothing: { calls: 0, crashes: 0, faults: 0, commits: 0, transactions: 0 },
  run: simulateGroups,
  summary: ({ calls, crashes, faults, commits, transactions }) =>
    `${calls} requests, ${crashes} crashes, ${faults} faults of the disk, ${commits} commits, ` +
    `${transactions} transactions`,
}

async function simulateGroups(options: SeedOptions<Plant>): Promise<GroupsRun> {
  const world = new World(options)
  const { random } = world
  const offsets = new OffsetsCheck()
  const reader = new GroupReader(world, offsets, new OwnershipCheck())
  const transactions = new TransactionCheck()
  const observer = new Observer(world, reader, transactions)
  const version = world.pick([1, 2, 2] as const)
  const classic = [0, 1, 2].map((n) => new ClassicClient(world, reader, `c${n}`, random.chance(0.3)))
  const consumers = [0, 1, 2].map((n) => {
    const isStatic = random.chance(0.3)
    return new ConsumerClient(world, reader, `k${n}`, { isStatic, topicId: () => observer.topicId })
  })
  const producers = [0, 1, 2].map((place) => {
    return new ProducerClient(`p${place}`, {
      world,
      offsets,
      transactions,
      version,
      place,
      abandons: place === 2,
    })
  })
  const act = async (): Promise<void> => {
    await observer.prepare()
    world.prepared = true
    await Promise.all([...classic, ...consumers, ...producers, observer].map((actor) => actor.run()))
  }
  const live = async (acting: Promise<void>): Promise<void> => {
    await Promise.race([world.live(random.within([2, 4]), SETTLE_MS), acting])
    await observer.finish(classic, consumers)
    world.over = true
    await acting
    await world.close()
  }
  const acting = act()
  acting.catch(() => {})
  await world.simulation.runUntil(live(acting), { what: 'the end of the simulation', limitEvents: 2_000_000 })
  const { calls, crashes, faults } = world
  return { calls, crashes, faults, commits: offsets.commits, transactions: transactions.all.length }
}
