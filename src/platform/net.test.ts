/** What every Net must do: run on the machine's sockets and on the simulated ones. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isMillraceError } from '../core/errors.ts'
import { type Clock, until } from './clock.ts'
import type { Net, NetServer, Socket } from './net.ts'
import { nodeClock } from './node/clock.ts'
import { nodeNet } from './node/net.ts'
import { SimulatedClock } from './simulated/clock.ts'
import { SimulatedNetwork } from './simulated/net.ts'
import { simulatedRandom } from './simulated/random.ts'

interface NetUnderTest {
  readonly net: Net
  readonly clock: Clock
  run<T>(promise: Promise<T>): Promise<T>
}

/** What one end of a connection saw. */
class End {
  readonly socket: Socket
  received = Buffer.alloc(0)
  drains = 0
  closes: (Error | undefined)[] = []

  constructor(socket: Socket) {
    this.socket = socket
    socket.start({
      data: (bytes) => {
        this.received = Buffer.concat([this.received, bytes])
      },
      drain: () => void this.drains++,
      close: (error) => void this.closes.push(error),
    })
  }

  get text(): string {
    return this.received.toString('latin1')
  }
}

interface Connection {
  readonly client: End
  readonly server: End
  readonly listener: NetServer
}

async function open({ net, clock }: NetUnderTest): Promise<Connection> {
  const accepted: End[] = []
  const listener = await net.listen({ host: '127.0.0.1', port: 0 }, (socket) =>
    accepted.push(new End(socket)),
  )
  const socket = await net.connect({ host: '127.0.0.1', port: listener.port, timeoutMs: 5000 })
  const client = new End(socket)
  await until(clock, () => accepted.length === 1, { what: 'the accepted end', timeoutMs: 5000 })
  return { client, server: accepted[0]!, listener }
}

function waitFor({ clock }: NetUnderTest, what: string, holds: () => boolean): Promise<void> {
  return until(clock, holds, { what, timeoutMs: 10_000, intervalMs: 1 })
}

function netContract(name: string, make: () => NetUnderTest): void {
  const check = (what: string, scenario: (under: NetUnderTest) => Promise<void>): void => {
    it(what, async () => {
      const under = make()
      await under.run(scenario(under))
    })
  }
  describe(`net: ${name}`, () => {
    check('carries bytes both ways, in order, and ends when both sides have', async (under) => {
      const { client, server, listener } = await open(under)
      client.socket.write(Buffer.from('ping '))
      client.socket.write(Buffer.from('pong'))
      await waitFor(under, 'the bytes', () => server.text === 'ping pong')
      server.socket.write(Buffer.from('answer'))
      server.socket.end()
      await waitFor(under, 'both closes', () => client.closes.length + server.closes.length === 2)
      assert.equal(client.text, 'answer')
      assert.deepEqual([client.closes, server.closes], [[undefined], [undefined]])
      await listener.close()
    })
    check('carries pieces that are written together, in order', async (under) => {
      const { client, server, listener } = await open(under)
      const large = Buffer.alloc(200_000, 'y')
      client.socket.writeAll([])
      client.socket.writeAll([Buffer.from('one')])
      client.socket.writeAll([Buffer.from('head'), large, Buffer.from('tail')])
      client.socket.end()
      await waitFor(under, 'the close', () => server.closes.length === 1)
      assert.equal(server.text, `onehead${large.toString()}tail`)
      await listener.close()
    })
    check('gives a reader of much all bytes unchanged, also what was sent before it read', async (under) => {
      const sent = Buffer.from(Array.from({ length: 500_000 }, (_, at) => (at * 7 + (at >> 8)) & 0xff))
      const { net, clock } = under
      const listener = await net.listen({ host: '127.0.0.1', port: 0 }, (socket) => {
        socket.start({ data: () => {}, drain: () => {}, close: () => {} })
        socket.write(sent)
      })
      const client = new End(await net.connect({ host: '127.0.0.1', port: listener.port, timeoutMs: 5000 }))
      client.socket.pause()
      for (let turn = 0; turn < 10; turn++) await clock.nextTurn()
      assert.equal(client.received.length, 0)
      client.socket.resume()
      await waitFor(under, 'the bytes', () => client.received.length === sent.length)
      assert.ok(client.received.equals(sent))
      client.socket.destroy()
      await listener.close()
    })
    check('sends all that was written before the end', async (under) => {
      const { client, server, listener } = await open(under)
      const large = Buffer.alloc(2_000_000, 'x')
      client.socket.write(large)
      client.socket.end()
      await waitFor(under, 'the close', () => server.closes.length === 1)
      assert.equal(server.received.length, large.length)
      await listener.close()
    })
    check(
      'asks a writer to wait when the reader does not read, and then tells it to go on',
      async (under) => {
        const { client, server, listener } = await open(under)
        server.socket.pause()
        let written = 0
        let room = true
        for (let round = 0; round < 1000 && (room || client.socket.queuedBytes() === 0); round++) {
          room = client.socket.write(Buffer.alloc(64 * 1024, round & 0xff))
          written += 64 * 1024
          if (!room) await under.clock.nextTurn()
        }
        assert.equal(room, false)
        assert.ok(client.socket.queuedBytes() > 0)
        const drains = client.drains
        server.socket.resume()
        await waitFor(under, 'all bytes', () => server.received.length === written)
        await waitFor(under, 'a drain', () => client.drains > drains)
        assert.equal(client.socket.queuedBytes(), 0)
        client.socket.destroy()
        await listener.close()
      },
    )
    check('tells when the bytes are taken and may change, and never when they were not', async (under) => {
      const { client, server, listener } = await open(under)
      const atOnce: string[] = []
      client.socket.writeAll([], () => atOnce.push('nothing'))
      client.socket.writeAll([Buffer.from('a'), Buffer.from('b')], () => atOnce.push('ab'))
      await waitFor(under, 'what there is room for', () => atOnce.includes('ab'))
      server.socket.pause()
      let filled = 0
      while (client.socket.queuedBytes() === 0) {
        client.socket.write(Buffer.alloc(1024 * 1024))
        filled += 1024 * 1024
        for (let turn = 0; turn < 5; turn++) await under.clock.nextTurn()
      }
      const memory = Buffer.alloc(100_000, 'm')
      let taken = 0
      const again = (): void => {
        taken++
        memory.fill('!')
      }
      client.socket.writeAll([Buffer.from('head'), memory], again)
      for (let turn = 0; turn < 20; turn++) await under.clock.nextTurn()
      assert.equal(taken, 0)
      server.socket.resume()
      const expected = 2 + filled + 4 + memory.length
      await waitFor(under, 'all bytes', () => server.received.length === expected)
      await waitFor(under, 'the word', () => taken === 1)
      assert.equal(server.text.slice(-memory.length), 'm'.repeat(memory.length))

      server.socket.pause()
      while (client.socket.queuedBytes() === 0) {
        client.socket.write(Buffer.alloc(1024 * 1024))
        for (let turn = 0; turn < 5; turn++) await under.clock.nextTurn()
      }
      client.socket.writeAll([memory], again)
      client.socket.destroy()
      await waitFor(under, 'the close', () => client.closes.length === 1)
      client.socket.writeAll([memory], again)
      for (let turn = 0; turn < 20; turn++) await under.clock.nextTurn()
      assert.equal(taken, 1)
      await listener.close()
    })
    check('gives no data while paused', async (under) => {
      const { client, server, listener } = await open(under)
      server.socket.pause()
      client.socket.write(Buffer.from('held'))
      for (let turn = 0; turn < 20; turn++) await under.clock.nextTurn()
      assert.equal(server.text, '')
      server.socket.resume()
      await waitFor(under, 'the bytes', () => server.text === 'held')
      client.socket.destroy()
      await listener.close()
    })
    check(
      'closes at once by destroy: nothing more comes here, and the other side learns of it',
      async (under) => {
        const { client, server, listener } = await open(under)
        client.socket.destroy()
        client.socket.destroy()
        await waitFor(under, 'both closes', () => client.closes.length + server.closes.length === 2)
        assert.deepEqual(client.closes, [undefined])
        assert.equal(client.socket.write(Buffer.from('x')), false)
        await listener.close()
      },
    )
    check('refuses a port that is taken, and gives it again after close', async (under) => {
      const { net } = under
      const first = await net.listen({ host: '127.0.0.1', port: 0 }, (socket) => socket.destroy())
      const again = { host: '127.0.0.1', port: first.port }
      await assert.rejects(
        net.listen(again, () => {}),
        (error) => isMillraceError(error, 'MR_PORT_IN_USE'),
      )
      await first.close()
      const second = await net.listen(again, () => {})
      assert.equal(second.port, first.port)
      await second.close()
    })
    check('stops accepting by close, while open connections go on', async (under) => {
      const { client, server, listener } = await open(under)
      await listener.close()
      const options = { host: '127.0.0.1', port: listener.port, timeoutMs: 1000 }
      await assert.rejects(under.net.connect(options), (error) =>
        isMillraceError(error, 'MR_BROKER_UNREACHABLE'),
      )
      client.socket.write(Buffer.from('still here'))
      await waitFor(under, 'the bytes', () => server.text === 'still here')
      client.socket.end()
      await waitFor(under, 'both closes', () => client.closes.length + server.closes.length === 2)
    })
    check('gives a connection up when its signal aborts', async ({ net }) => {
      const listener = await net.listen({ host: '127.0.0.1', port: 0 }, (socket) => socket.destroy())
      const giving = new AbortController()
      const options = { host: '127.0.0.1', port: listener.port, timeoutMs: 60_000, signal: giving.signal }
      const connecting = assert.rejects(net.connect(options), { code: 'MR_BROKER_UNREACHABLE' })
      giving.abort()
      await connecting
      await assert.rejects(net.connect(options), { code: 'MR_BROKER_UNREACHABLE' })
      await listener.close()
    })
    check('names the other side as address:port', async (under) => {
      const { client, server, listener } = await open(under)
      assert.match(client.socket.remote, new RegExp(`^.+:${listener.port}$`))
      assert.match(server.socket.remote, /^.+:\d+$/)
      client.socket.destroy()
      await waitFor(under, 'the close', () => server.closes.length === 1)
      await listener.close()
    })
  })
}

netContract('of the machine', () => ({ net: nodeNet, clock: nodeClock, run: (promise) => promise }))
for (const seed of [1, 2, 3]) {
  netContract(`simulated, seed ${seed}`, () => {
    const clock = new SimulatedClock()
    const network = new SimulatedNetwork({ clock, random: simulatedRandom(seed) })
    return { net: network.of('a'), clock, run: (promise) => clock.runUntil(promise) }
  })
}
