import assert from 'node:assert/strict'
import http from 'node:http'
import net from 'node:net'
import { describe, test } from 'node:test'
import { type Clock, type Timer, until } from '../../platform/clock.ts'
import { nodePlatform } from '../../platform/node/platform.ts'
import type { FlowSnapshot } from '../flow.ts'
import type { HttpServer } from '../http-server.ts'
import { snapshot, startTestServer, withTestServer } from '../http-server-fixture.ts'

const platform = nodePlatform()

/** The machine's clock, which also knows how many of its timers are waiting. */
function countingClock(): Clock & { readonly waiting: Set<Timer> } {
  const waiting = new Set<Timer>()
  return {
    ...platform.clock,
    waiting,
    after(delayMs, run) {
      const timer = platform.clock.after(delayMs, () => {
        waiting.delete(counted)
        run()
      })
      const counted: Timer = {
        cancel() {
          waiting.delete(counted)
          timer.cancel()
        },
      }
      waiting.add(counted)
      return counted
    },
  }
}

/** An open event stream and what has come on it. */
interface Stream {
  readonly status: number
  readonly events: { readonly event: string; readonly id: string; readonly data: string }[]
  text: string
  readonly ended: Promise<void>
  abort(): void
  pause(): void
}

function openStream(server: HttpServer, query = '', agent: http.Agent | false = false): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const request = http.get(`${server.url}/api/flow/events${query}`, { agent }, (response) => {
      response.setEncoding('utf8')
      const stream: Stream = {
        status: response.statusCode ?? 0,
        events: [],
        text: '',
        ended: new Promise((ended) => response.on('close', ended)),
        abort: () => request.destroy(),
        pause: () => response.pause(),
      }
      let open = ''
      response.on('error', () => {})
      response.on('data', (piece: string) => {
        stream.text += piece
        const parts = (open + piece).split('\n\n')
        open = parts.pop() ?? ''
        for (const part of parts) {
          const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1] ?? ''
          if (field('event') !== '')
            stream.events.push({ event: field('event'), id: field('id'), data: field('data') })
        }
      })
      resolve(stream)
    })
    request.on('error', reject)
  })
}

const soon = (what: string, holds: () => boolean): Promise<void> =>
  until(platform.clock, holds, { what, timeoutMs: 5_000 })

describe('event streams', () => {
  test('a snapshot comes at once and then again and again, with growing ids', async () => {
    await withTestServer({}, async (server) => {
      const stream = await openStream(server, '?intervalMs=200')
      await soon('three events', () => stream.events.length >= 3)
      const ids = stream.events.map((event) => Number(event.id))
      assert.deepEqual(
        ids,
        ids.map((_, index) => ids[0]! + index),
      )
      const uptimes = stream.events.map((event) => (JSON.parse(event.data) as FlowSnapshot).uptimeMs)
      assert.ok(uptimes[0]! < uptimes[1]! && uptimes[1]! < uptimes[2]!)
      stream.abort()
    })
  })

  test('an interval out of range is refused with the range', async () => {
    await withTestServer({}, async (server) => {
      for (const query of ['?intervalMs=199', '?intervalMs=10001', '?intervalMs=1e3', '?intervalMs=']) {
        const answer = await fetch(`${server.url}/api/flow/events${query}`)
        assert.equal(answer.status, 400, query)
        assert.match(await answer.text(), /200 to 10000/)
      }
    })
  })

  test('one stream more than allowed gets 503, and a place again when one has left', async () => {
    await withTestServer({ limits: { streamsMax: 2 } }, async (server) => {
      const first = await openStream(server)
      const second = await openStream(server)
      const third = await fetch(`${server.url}/api/flow/events`)
      assert.equal(third.status, 503)
      assert.match(await third.text(), /"code":"MR_LIMIT"/)
      first.abort()
      let fourth = await openStream(server)
      await until(
        platform.clock,
        async () => {
          if (fourth.status === 200) return true
          fourth = await openStream(server)
          return false
        },
        { what: 'a free place', timeoutMs: 5_000 },
      )
      second.abort()
      fourth.abort()
    })
  })

  test('a quiet stream gets heartbeats', async () => {
    await withTestServer({ limits: { heartbeatMs: 50 } }, async (server) => {
      const stream = await openStream(server, '?intervalMs=10000')
      await soon('two heartbeats', () => stream.text.split(': still here').length > 2)
      assert.equal(stream.events.length, 1)
      stream.abort()
    })
  })

  test('a reader that takes nothing is cut off and gives its place back', async () => {
    const clock = countingClock()
    // Far more than the sockets hold, so that the second snapshot is not taken.
    const big = snapshot({ message: 'x'.repeat(16 * 1024 * 1024) })
    const options = { platform: { ...platform, clock }, observer: { snapshot: () => big } }
    await withTestServer({ ...options, limits: { stalledMs: 300 } }, async (server) => {
      const stream = await openStream(server, '?intervalMs=200')
      stream.pause()
      await soon('the stream to be given up', () => clock.waiting.size === 0)
      stream.abort()
    })
  })

  test('what the observer throws is told on the stream, which goes on', async () => {
    let broken = true
    const observer = {
      snapshot: (): FlowSnapshot => {
        if (broken) throw new Error('not yet')
        return snapshot()
      },
    }
    await withTestServer({ observer }, async (server) => {
      const stream = await openStream(server, '?intervalMs=200')
      await soon('a problem', () => stream.events.some((event) => event.event === 'problem'))
      broken = false
      await soon('a snapshot', () => stream.events.some((event) => event.event === 'flow'))
      stream.abort()
    })
  })
})

describe('closing', () => {
  test('streams end, kept-alive sockets close and no timer is left', async () => {
    const clock = countingClock()
    const server = await startTestServer({ platform: { ...platform, clock } })
    const agent = new http.Agent({ keepAlive: true })
    const stream = await openStream(server, '', agent)
    let socketClosed = false
    await new Promise<void>((resolve) => {
      http.get(`${server.url}/health`, { agent }, (response) => {
        response.socket.on('close', () => {
          socketClosed = true
        })
        response.resume()
        response.on('end', resolve)
      })
    })
    assert.ok(clock.waiting.size > 0)
    const startMs = clock.monotonicMs()
    await server.close()
    assert.ok(clock.monotonicMs() - startMs < 1_500, 'nothing had to be cut')
    await stream.ended
    await soon('the kept-alive socket to close', () => socketClosed)
    assert.equal(clock.waiting.size, 0)
    await server.close()
    await assert.rejects(fetch(`${server.url}/health`), /fetch failed/)
    agent.destroy()
  })

  test('a request that never ends is cut at the deadline', async () => {
    const server = await startTestServer({ limits: { closeMs: 100 } })
    const socket = net.connect(server.port, '127.0.0.1')
    socket.on('error', () => {})
    await new Promise((connected) => socket.once('connect', connected))
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await new Promise((written) => socket.write('GET /health HTTP/1.1\r\nHost: loc', written))
    await server.close()
    await closed
  })
})
