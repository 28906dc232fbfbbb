/** Lets the faults of a scenario happen, each at its time; and ends them all. */
import { sleep } from '../../../src/platform/clock.ts'
import { BROKER, describeFault, type Fault } from './scenario.ts'
import type { World } from './world.ts'

/** The heir of an actor lives on a host of its own. */
export const heirOf = (name: string): string => `${name}-heir`

/**
 * More than a way takes that is open. What was sent has arrived when the faults are over, also from who was killed
 * meanwhile: afterwards nobody writes who is not seen to write.
 */
const ARRIVAL_MS = 100

export async function letFaultsHappen(world: World): Promise<void> {
  const { clock } = world.simulation
  const startMs = clock.monotonicMs()
  const { faults, faultyMs } = world.scenario
  const running: Promise<void>[] = []
  for (const [index, fault] of faults.entries()) {
    if (world.options.without?.has(index)) continue
    await sleep(clock, Math.max(0, startMs + fault.atMs - clock.monotonicMs()))
    world.tell(() => `— fault ${index}: ${describeFault(fault)}`)
    running.push(happen(world, fault).catch((error: unknown) => world.fail(describeFault(fault), error)))
  }
  await sleep(clock, Math.max(0, startMs + faultyMs - clock.monotonicMs()))
  world.tell(() => '— no new faults')
  if (!world.plant.staysCut) heal(world)
  await Promise.all(running)
  if (!world.plant.staysCut) heal(world)
}

function heal(world: World): void {
  world.simulation.network.links.heal()
  world.simulation.network.links.setDelay([0.1, 1])
}

async function happen(world: World, fault: Fault): Promise<void> {
  const { clock, network } = world.simulation
  const { at } = fault
  const hosts = at === BROKER ? [] : [at, heirOf(at)]
  switch (fault.kind) {
    case 'cut':
      for (const host of hosts) network.cut(host, BROKER)
      return
    case 'clog':
      for (const host of hosts) network.links.clog(host, BROKER, fault.ms)
      await sleep(clock, fault.ms + ARRIVAL_MS)
      return
    case 'slow':
      for (const host of hosts) network.links.setDelay(fault.delayMs, [host, BROKER])
      await sleep(clock, fault.ms)
      for (const host of hosts) network.links.setDelay([0.1, 1], [host, BROKER])
      await sleep(clock, fault.delayMs[1] + ARRIVAL_MS)
      return
    case 'partition':
      return partition(world, fault, hosts)
    case 'hold back':
      for (const program of world.running(at)) program.holdBack(fault.ms)
      await sleep(clock, fault.ms + ARRIVAL_MS)
      return
    case 'stop':
      return stop(world, fault)
    case 'kill':
      return at === BROKER ? killBroker(world, fault) : killClient(world, fault)
    case 'succeed':
      return succeed(world, fault)
  }
}

async function partition(
  world: World,
  { way, ms, cut }: Extract<Fault, { kind: 'partition' }>,
  hosts: readonly string[],
): Promise<void> {
  const { clock, network } = world.simulation
  for (const host of hosts) {
    if (way === 'from') network.links.partition(BROKER, host, 'one')
    else network.links.partition(host, BROKER, way === 'both' ? 'both' : 'one')
  }
  await sleep(clock, ms)
  for (const host of hosts) {
    if (cut) network.cut(host, BROKER)
    if (!world.plant.staysCut) network.links.heal(host, BROKER)
  }
}

async function stop(world: World, { at, ms }: Extract<Fault, { kind: 'stop' }>): Promise<void> {
  const programs = world.running(at)
  for (const program of programs) program.stop()
  await sleep(world.simulation.clock, ms)
  for (const program of programs) program.continue()
}

/** Nothing of it while another is at it: the broker would be started twice. */
async function killBroker(
  world: World,
  { how, downMs, again }: Extract<Fault, { kind: 'kill' }>,
): Promise<void> {
  if (world.brokerRestarts) return
  const { clock } = world.simulation
  world.brokerRestarts = true
  world.crash(BROKER, how)
  await sleep(clock, downMs)
  for (const afterMs of again) {
    // Whatever this start waits for ends with the crash.
    world.startBroker().catch(() => {})
    await sleep(clock, afterMs)
    world.crash(BROKER, how)
    await sleep(clock, downMs / 4)
  }
  await world.startBroker()
  world.brokerRestarts = false
}

async function killClient(
  world: World,
  { at, how, downMs }: Extract<Fault, { kind: 'kill' }>,
): Promise<void> {
  const actor = world.scenario.actors.find(({ name }) => name === at)!
  if (!world.isUp(at)) return
  world.crash(at, how)
  await sleep(world.simulation.clock, downMs)
  if (!world.isUp(at)) world.begin(actor)
}

async function succeed(world: World, { at, ms }: Extract<Fault, { kind: 'succeed' }>): Promise<void> {
  const actor = world.scenario.actors.find(({ name }) => name === at)!
  const old = world.program(at)
  if (world.isUp(heirOf(at))) return
  old.stop()
  world.begin(actor, heirOf(at))
  await sleep(world.simulation.clock, ms)
  old.continue()
}
