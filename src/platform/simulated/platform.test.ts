/** Hosts, their network and their crashes; and that the same seed gives the same run. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../../core/errors.ts'
import { sleep } from '../clock.ts'
import type { Socket } from '../net.ts'
import type { Platform } from '../platform.ts'
import { type Simulation, simulatedPlatform } from './platform.ts'

interface Ends {
  readonly client: Socket
  readonly received: string[]
  readonly closes: (string | undefined)[]
}

/** A server on "b" that answers in capitals, and a client on "a". */
async function connectHosts(simulation: Simulation): Promise<Ends> {
  const a = simulation.host('a').platform
  await serve(simulation.host('b').platform)
  const client = await a.net.connect({ host: 'b', port: 9092, timeoutMs: 1000 })
  const received: string[] = []
  const closes: (string | undefined)[] = []
  client.start({
    data: (bytes) => void received.push(bytes.toString()),
    drain() {},
    close: (error) => void closes.push(error?.message ?? 'orderly'),
  })
  return { client, received, closes }
}

async function serve(platform: Platform): Promise<void> {
  await platform.net.listen({ host: 'b', port: 9092 }, (socket) =>
    socket.start({
      data: (bytes) => void socket.write(Buffer.from(bytes.toString().toUpperCase())),
      drain() {},
      close() {},
    }),
  )
}

const text = ({ received }: Ends): string => received.join('')

describe('a network with faults', () => {
  it('holds bytes back during a partition and gives them, in order, when it is healed', async () => {
    const simulation = simulatedPlatform({ seed: 1 })
    const ends = await simulation.runUntil(connectHosts(simulation))
    simulation.network.links.partition('a', 'b')
    ends.client.write(Buffer.from('one '))
    ends.client.write(Buffer.from('two'))
    await simulation.advance(60_000)
    assert.equal(text(ends), '')
    simulation.network.links.heal()
    await simulation.advance(100)
    assert.equal(text(ends), 'ONE TWO')
  })
  it('can stop one direction only', async () => {
    const simulation = simulatedPlatform({ seed: 1 })
    const ends = await simulation.runUntil(connectHosts(simulation))
    simulation.network.links.partition('b', 'a', 'one')
    ends.client.write(Buffer.from('x'))
    await simulation.advance(1000)
    assert.equal(text(ends), '')
    simulation.network.links.heal('a', 'b')
    await simulation.advance(1000)
    assert.equal(text(ends), 'X')
  })
  it('lets a connect time out during a partition, and refuses where nobody listens', async () => {
    const simulation = simulatedPlatform({ seed: 1 })
    const { net } = simulation.host('a').platform
    simulation.network.links.partition('a', 'b')
    const connecting = net.connect({ host: 'b', port: 9092, timeoutMs: 500 })
    await assert.rejects(simulation.runUntil(connecting), (error) =>
      isMillraceError(error, 'MR_BROKER_UNREACHABLE'),
    )
    assert.ok(simulation.clock.monotonicMs() >= 500)
    simulation.network.links.heal()
    const refused = net.connect({ host: 'b', port: 9092, timeoutMs: 500 })
    await assert.rejects(simulation.runUntil(refused), (error) =>
      isMillraceError(error, 'MR_BROKER_UNREACHABLE'),
    )
    assert.ok(simulation.clock.monotonicMs() < 1000)
  })
  it('connects after a partition that ends in time', async () => {
    const simulation = simulatedPlatform({ seed: 1 })
    simulation.network.links.partition('a', 'b')
    simulation.clock.after(200, () => simulation.network.links.heal('a', 'b'))
    const ends = await simulation.runUntil(connectHosts(simulation))
    ends.client.write(Buffer.from('x'))
    await simulation.advance(100)
    assert.equal(text(ends), 'X')
  })
  it('delays everything by a clog, and by a delay that was set', async () => {
    const simulation = simulatedPlatform({ seed: 1 })
    const ends = await simulation.runUntil(connectHosts(simulation))
    simulation.network.links.clog('a', 'b', 300)
    ends.client.write(Buffer.from('x'))
    await simulation.advance(299)
    assert.equal(text(ends), '')
    await simulation.advance(10)
    assert.equal(text(ends), 'X')
    simulation.network.links.setDelay([50, 50])
    ends.client.write(Buffer.from('y'))
    await simulation.advance(99)
    assert.equal(text(ends), 'X')
    await simulation.advance(2)
    assert.equal(text(ends), 'XY')
  })
  it('breaks connections off with a reset on both sides', async () => {
    const simulation = simulatedPlatform({ seed: 1 })
    const ends = await simulation.runUntil(connectHosts(simulation))
    simulation.network.cut('a', 'b')
    await simulation.advance(1)
    assert.deepEqual(ends.closes, ['read ECONNRESET'])
  })
  it('overwrites bytes after the call they were given in, so that a kept view is noticed', async () => {
    const simulation = simulatedPlatform({ seed: 1 })
    let kept: Buffer | undefined
    const { net } = simulation
    const scenario = async (): Promise<void> => {
      const listener = await net.listen({ host: 'localhost', port: 0 }, (socket) => {
        socket.start({
          data(bytes) {
            kept = bytes
          },
          drain() {},
          close() {},
        })
      })
      const client = await net.connect({ host: '127.0.0.1', port: listener.port, timeoutMs: 100 })
      client.start({ data() {}, drain() {}, close() {} })
      client.write(Buffer.from('x'))
    }
    await simulation.runUntil(scenario())
    await simulation.advance(10)
    assert.deepEqual(kept, Buffer.from([0xdd]))
  })
  it('notices bytes that were changed after they were given to write', async () => {
    const simulation = simulatedPlatform({ seed: 1 })
    const ends = await simulation.runUntil(connectHosts(simulation))
    // The reader's window is full, so that the next bytes wait in the writer's queue.
    simulation.network.links.partition('a', 'b')
    ends.client.write(Buffer.alloc(300_000))
    const bytes = Buffer.alloc(1000, 'x')
    ends.client.write(bytes)
    bytes[0] = 0
    simulation.network.links.heal()
    await assert.rejects(simulation.advance(1000), (error) => isMillraceError(error, 'MR_INVARIANT'))
  })
})

describe('a host that crashes', () => {
  it('takes its program with it: timers, turns, files and connections of the old run are dead', async () => {
    const simulation = simulatedPlatform({ seed: 1 })
    const host = simulation.host('a')
    const old = host.platform
    old.disk.makeDirectory('/data')
    const file = old.disk.open('/data/x', 'new')
    let acted = 0
    old.clock.after(10, () => acted++)
    void old.clock.nextTurn().then(() => acted++)
    void sleep(old.clock, 5).then(() => acted++)
    host.crash('process')
    await simulation.advance(100)
    assert.equal(acted, 0)
    const closed = (error: unknown): boolean => isMillraceError(error, 'MR_CLOSED')
    assert.throws(() => file.size(), closed)
    assert.throws(() => old.disk.exists('/data'), closed)
    await assert.rejects(old.net.connect({ host: 'b', port: 1, timeoutMs: 1 }), closed)
    assert.throws(() => host.platform, /is up/)
    const next = host.start()
    assert.equal(next.disk.exists('/data/x'), true)
  })
  it('takes what it was about to connect to with it', async () => {
    const simulation = simulatedPlatform({ seed: 1, delayMs: [5, 5] })
    await serve(simulation.host('b').platform)
    const options = { host: 'b', port: 9092, timeoutMs: 1000 }
    simulation
      .host('a')
      .platform.net.connect(options)
      .catch(() => {})
    await simulation.advance(1)
    simulation.host('a').crash('process')
    // A socket that nobody takes would be a defect of its program.
    await simulation.advance(2000)
    const { net } = simulation.host('a').start()
    const socket = await simulation.runUntil(net.connect(options))
    assert.equal(socket.remote, 'b:9092')
  })
  it('is noticed at once by the other side when only the process died', async () => {
    const simulation = simulatedPlatform({ seed: 1 })
    const ends = await simulation.runUntil(connectHosts(simulation))
    simulation.host('b').crash('process')
    await simulation.advance(10)
    assert.deepEqual(ends.closes, ['orderly'])
  })
  it('is not noticed when the power went, until it is up again and bytes are sent', async () => {
    const simulation = simulatedPlatform({ seed: 1 })
    const ends = await simulation.runUntil(connectHosts(simulation))
    simulation.host('b').crash('power')
    ends.client.write(Buffer.from('anybody?'))
    await simulation.advance(60_000)
    assert.deepEqual(ends.closes, [])
    const platform = simulation.host('b').start()
    await simulation.advance(10)
    assert.deepEqual(ends.closes, ['read ECONNRESET'])
    await simulation.runUntil(serve(platform))
  })
})

/** Hosts that write, sync, talk and crash; everything that happens goes into the trace. */
async function run(seed: number): Promise<readonly string[]> {
  const trace: string[] = []
  const simulation = simulatedPlatform({ seed, trace: (line) => trace.push(line) })
  const program = async (platform: Platform, rounds: number): Promise<void> => {
    platform.disk.makeDirectory('/data')
    const file = platform.disk.open('/data/log', 'create')
    for (let round = 0; round < rounds; round++) {
      await sleep(platform.clock, platform.random.uint32() % 50)
      const bytes = platform.random.bytes(platform.random.uint32() % 5000)
      file.write(bytes, 0, bytes.length, file.size())
      await file.sync()
    }
  }
  const ends = await simulation.runUntil(connectHosts(simulation))
  for (const name of ['a', 'b']) void program(simulation.host(name).platform, 1000)
  for (let crash = 0; crash < 4; crash++) {
    ends.client.write(simulation.chance.bytes(10_000))
    await simulation.advance(simulation.chance.within([10, 400]))
    simulation.host('b').crash(simulation.chance.chance(0.5) ? 'power' : 'process')
    await simulation.advance(simulation.chance.within([0, 50]))
    const platform = simulation.host('b').start()
    const size = platform.disk.exists('/data/log') ? platform.disk.stat('/data/log').sizeBytes : 'lost'
    trace.push(`size ${size}`)
    void program(platform, 1000)
  }
  return trace
}

describe('a simulation', () => {
  it('has the same trace each time for the same seed, and another for another', async () => {
    const first = await run(11)
    assert.ok(first.length > 200, `${first.length} lines`)
    assert.deepEqual(await run(11), first)
    assert.notDeepEqual(await run(12), first)
  })
  it('is a platform itself: the host "local"', async () => {
    const simulation = simulatedPlatform({ seed: 1 })
    const platform: Platform = simulation
    platform.disk.makeDirectory('/x')
    assert.equal(simulation.host('local').platform.disk.exists('/x'), true)
    assert.equal(simulation.host('other').platform.disk.exists('/x'), false)
    await simulation.runUntil(sleep(platform.clock, 1000))
    assert.equal(platform.clock.monotonicMs(), 1000)
    await simulation.drain()
  })
})
