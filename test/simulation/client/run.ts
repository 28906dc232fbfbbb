/**
 * One seed: clients and a broker on the simulated platform, with the faults of the seed's scenario.
 *
 * 1. Producers, transactions, copiers, members and pollers work; faults happen (faults.ts).
 * 2. Everything is healed. Who writes comes to an end; what was left open is aborted by the broker in its time.
 * 3. Who reads gets to the end of the topic; copiers copy what is left.
 * 4. Somebody who took no part reads everything, and the history is checked (check.ts).
 *
 * All of that has to happen in bounded time: otherwise something is stuck.
 */
import { createAdmin } from '../../../src/client/admin/admin.ts'
import { createConsumer } from '../../../src/client/consumer/consumer.ts'
import { isMillraceError } from '../../../src/core/errors.ts'
import { sleep } from '../../../src/platform/clock.ts'
import type { Simulation } from '../seeds/simulation.ts'
import { Anomaly } from './anomaly.ts'
import { COPIES, checkHistory, EVENTS } from './check.ts'
import { liveMember, livePoller, readAll } from './consumers.ts'
import { COPIERS, liveCopier } from './copiers.ts'
import { letFaultsHappen } from './faults.ts'
import type { Isolation } from './history.ts'
import type { Plant } from './plant.ts'
import { liveProducer, liveTransactor } from './producers.ts'
import { describeFault, describeScenario } from './scenario.ts'
import { type Life, type RunOptions, untilDone, World } from './world.ts'

interface ClientRun {
  readonly acknowledged: number
  readonly committed: number
  readonly aborted: number
  readonly undecided: number
  readonly reads: number
  readonly copies: number
  readonly faults: number
  readonly virtualMs: number
}

/** Far more than anything takes once all is healed: the longest time-outs of clients and broker are 60 s. */
const END_LIMIT_MS = 400_000
const EVENTS_MAX = 3_000_000

const writers = new Set(['producer', 'transactor'])

export const clientSimulation: Simulation<ClientRun, Plant> = {
  name: 'client',
  nothing: {
    acknowledged: 0,
    committed: 0,
    aborted: 0,
    undecided: 0,
    reads: 0,
    copies: 0,
    faults: 0,
    virtualMs: 0,
  },
  run: simulateClients,
  summary: ({ acknowledged, committed, aborted, undecided, reads, copies, faults, virtualMs }) =>
    `${acknowledged} records acknowledged, ${reads} read, ${copies} copied; transactions: ${committed} committed, ` +
    `${aborted} aborted, ${undecided} undecided; ${faults} faults, ${(virtualMs / 1000).toFixed(0)} s of ` +
    'simulated time',
}

/** @throws Anomaly */
export async function simulateClients(options: RunOptions): Promise<ClientRun> {
  const world = new World(options, live)
  const { simulation, scenario, history } = world
  for (const line of describeScenario(scenario)) world.tell(() => line)
  for (const [index, fault] of scenario.faults.entries()) {
    if (options.without?.has(index)) continue
    world.tell(() => `fault ${index} ${describeFault(fault)}`)
  }
  try {
    await simulation.runUntil(Promise.race([wholeRun(world), failed(world)]), {
      limitMs: scenario.faultyMs + (world.plant.endLimitMs ?? END_LIMIT_MS),
      limitEvents: EVENTS_MAX,
      what: 'the end of the run',
    })
  } catch (error) {
    if (error instanceof Anomaly) throw error
    if (isMillraceError(error, 'MR_TIMEOUT') || isMillraceError(error, 'MR_LIMIT')) {
      throw new Anomaly('stuck', whatIsStuck(world), error)
    }
    throw new Anomaly('broken', String(error), error)
  } finally {
    // Whatever still runs after a failure must not run on beside the next seed.
    world.crashAll()
  }
  const ends = history.transactions.map(({ state }) => state)
  const count = (state: string): number => ends.filter((end) => end === state).length
  const writes = [...history.writes.values()]
  return {
    acknowledged: writes.filter(({ state }) => state === 'acknowledged').length,
    committed: count('committed'),
    aborted: count('aborted'),
    undecided: count('ending') + count('open'),
    reads: [...history.readers.values()].reduce((sum, { size }) => sum + size, 0),
    copies: writes.filter(({ topic }) => topic === COPIES).length,
    faults: scenario.faults.length,
    virtualMs: simulation.clock.monotonicMs(),
  }
}

function live(world: World, life: Life): Promise<void> {
  const { actor } = life
  switch (actor.kind) {
    case 'producer':
      return liveProducer(world, life, actor)
    case 'transactor':
      return liveTransactor(world, life, actor)
    case 'copier':
      return liveCopier(world, life, actor)
    case 'member':
      return liveMember(world, life)
    case 'poller':
      return livePoller(world, life, actor.isolation)
  }
}

async function wholeRun(world: World): Promise<void> {
  const { scenario } = world
  await world.startBroker()
  const cluster = world.cluster(world.program('judge'))
  const admin = createAdmin(cluster)
  await admin.createTopics([EVENTS, COPIES].map((topic) => ({ topic, partitions: scenario.partitions })))
  for (const actor of scenario.actors) world.begin(actor)
  await letFaultsHappen(world)
  world.finishing = true
  await world.when(() =>
    world.lives.every(({ actor, state }) => state !== 'runs' || !writers.has(actor.kind)),
  )
  world.tell(() => '— everything is written')
  await noteEnds(world, EVENTS)
  // The ends of topics are known when nothing is open any more: read_committed gets there then.
  const committedEvents = await readAll(world, EVENTS, 'read_committed')
  await noteEnds(world, EVENTS)
  world.decided = true
  world.tell(() => '— everything is decided')
  const copies = scenario.actors.some(({ kind }) => kind === 'copier')
  await Promise.all(
    [...groupsOf(world), ...(copies ? [COPIERS] : [])].map((group) => untilAtEnd(world, group)),
  )
  await world.when(() => world.lives.every(({ state }) => state !== 'runs'))
  world.tell(() => '— everybody is at the end')
  await noteEnds(world, COPIES)
  const committed = [...committedEvents, ...(await readAll(world, COPIES, 'read_committed'))]
  const uncommitted = [
    ...(await readAll(world, EVENTS, 'read_uncommitted')),
    ...(await readAll(world, COPIES, 'read_uncommitted')),
  ]
  const positions = await groupPositions(world)
  await cluster.close()
  checkHistory(world.history, {
    committed,
    uncommitted,
    readers: readersOf(world),
    positions,
    lateCommits: scenario.faults.some(
      ({ kind }) => kind === 'hold back' || kind === 'slow' || kind === 'partition',
    ),
    copied: copies,
  })
}

function readersOf(world: World): Map<string, Isolation> {
  const readers = new Map<string, Isolation>()
  for (const actor of world.scenario.actors) {
    if (actor.kind === 'poller') readers.set(actor.name, actor.isolation)
    else if (actor.kind === 'member') readers.set(`group-${actor.protocol}`, 'read_committed')
  }
  return readers
}

const groupsOf = (world: World): string[] =>
  [...readersOf(world).keys()].filter((name) => name.startsWith('group-'))

async function noteEnds(world: World, topic: string): Promise<void> {
  const cluster = world.cluster(world.program('judge'))
  const all = Array.from({ length: world.scenario.partitions }, (_, partition) => ({ topic, partition }))
  const ends = await untilDone(() => createAdmin(cluster).listOffsets(all, { at: 'latest' }))
  for (const [place, { offset }] of ends) world.ends.set(place, offset)
  await cluster.close()
}

async function groupPositions(world: World): Promise<Map<string, number>> {
  const positions = new Map<string, number>()
  for (const group of groupsOf(world)) {
    for (const [partition, offset] of await positionsOf(world, group))
      positions.set(`${group} ${partition}`, offset)
  }
  return positions
}

async function positionsOf(world: World, group: string): Promise<Map<number, number>> {
  const cluster = world.cluster(world.program('judge'))
  const consumer = createConsumer(cluster, { group })
  const all = Array.from({ length: world.scenario.partitions }, (_, partition) => ({
    topic: EVENTS,
    partition,
  }))
  const found = await untilDone(() => consumer.committed(all))
  await consumer.close()
  await cluster.close()
  return new Map(all.map(({ partition }) => [partition, found.get(`${EVENTS}/${partition}`)?.offset ?? 0]))
}

async function untilAtEnd(world: World, group: string): Promise<void> {
  for (;;) {
    const positions = await positionsOf(world, group)
    const left = [...positions].some(
      ([partition, offset]) => !world.isAtEnd({ topic: EVENTS, partition }, offset),
    )
    if (!left) break
    await sleep(world.simulation.clock, 200)
  }
  world.tell(() => `— ${group} is at the end`)
  world.atEnd.add(group)
}

async function failed(world: World): Promise<never> {
  await world.when(() => world.failure !== undefined)
  throw world.failure
}

function whatIsStuck(world: World): string {
  const living = world.lives.filter(({ state }) => state === 'runs')
  const broker = world.broker === undefined ? 'the broker is not up; ' : ''
  return broker + living.map(({ name, doing }) => `${name}: ${doing}`).join(', ')
}
