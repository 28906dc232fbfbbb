import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteReader } from '../../core/byte-reader.ts'
import type { MillraceError } from '../../core/errors.ts'
import type { Socket } from '../../platform/net.ts'
import { type Simulation, simulatedPlatform } from '../../platform/simulated/platform.ts'
import { apiVersions } from '../../protocol/apis/api-versions.ts'
import { heartbeat } from '../../protocol/apis/heartbeat.ts'
import { metadata } from '../../protocol/apis/metadata.ts'
import { produce } from '../../protocol/apis/produce.ts'
import { apis } from '../../protocol/apis/register.ts'
import { type DecodedRequestHeader, decodeRequestHeader } from '../../protocol/codec/request-header.ts'
import { encodeResponse } from '../../protocol/codec/response.ts'
import { FrameReader } from './frame-reader.ts'
import { shakeHands } from './handshake.ts'
import { TcpConnection } from './tcp-connection.ts'

const PORT = 9092
const announced = apis.map((api) => ({
  apiKey: api.key,
  minVersion: api.versions[0],
  maxVersion: api.latestStable,
}))

/** A server whose answers the test gives: by default ApiVersions is answered, everything else waits. */
class Server {
  readonly requests: DecodedRequestHeader[] = []
  socket: Socket | undefined
  private readonly onRequest: ((header: DecodedRequestHeader) => Buffer | undefined) | undefined

  constructor(simulation: Simulation, onRequest?: (header: DecodedRequestHeader) => Buffer | undefined) {
    this.onRequest = onRequest
    void simulation.host('server').platform.net.listen({ host: '0.0.0.0', port: PORT }, (socket) => {
      this.socket = socket
      const frames = new FrameReader(1 << 20, (frame) => this.take(frame))
      socket.start({ data: (bytes) => frames.push(bytes), drain() {}, close() {} })
    })
  }

  private take(frame: Buffer): void {
    const header = decodeRequestHeader(new ByteReader(frame))
    this.requests.push(header)
    const answer =
      this.onRequest?.(header) ?? (header.api.key === apiVersions.key ? versionsAnswer(header) : undefined)
    if (answer !== undefined) this.socket?.write(answer)
  }
}

function versionsAnswer({ version, correlationId }: DecodedRequestHeader): Buffer {
  return encodeResponse(apiVersions, version, correlationId, { errorCode: 0, apiKeys: announced })
}

function heartbeatAnswer({ version, correlationId }: DecodedRequestHeader, errorCode: number): Buffer {
  return encodeResponse(heartbeat, version, correlationId, { errorCode })
}

async function open(simulation: Simulation, requestTimeoutMs = 1000): Promise<TcpConnection> {
  const { platform } = simulation.host('client')
  const socket = await platform.net.connect({ host: 'server', port: PORT, timeoutMs: 1000 })
  const connection = new TcpConnection({
    socket,
    clock: platform.clock,
    clientId: 'test',
    broker: `server:${PORT}`,
    requestTimeoutMs,
  })
  await shakeHands(connection)
  return connection
}

const beat = { groupId: 'g', generationId: 1, memberId: 'm' }

test('requests are sent without waiting and answers find their request', async () => {
  const simulation = simulatedPlatform({ seed: 1 })
  const held: DecodedRequestHeader[] = []
  const server = new Server(simulation, (header) => {
    if (header.api.key === heartbeat.key) held.push(header)
    return undefined
  })
  await simulation.runUntil(
    (async () => {
      const connection = await open(simulation)
      const answers = [1, 2, 3].map(() => connection.send(heartbeat, beat))
      simulation.clock.after(100, () => {
        for (const [index, header] of held.entries()) server.socket?.write(heartbeatAnswer(header, index))
      })
      assert.deepEqual(
        (await Promise.all(answers)).map(({ errorCode }) => errorCode),
        [0, 1, 2],
      )
      await connection.close()
    })(),
  )
  assert.equal(held.length, 3)
})

test('an answer that does not come in time fails its request by name and the others with it', async () => {
  const simulation = simulatedPlatform({ seed: 2 })
  new Server(simulation)
  await simulation.runUntil(
    (async () => {
      const connection = await open(simulation)
      const first = connection.send(heartbeat, beat).catch((error: MillraceError) => error)
      const second = connection.send(metadata, { topics: [] }, { timeoutMs: 9000 }).catch((error) => error)
      const { code, message, where } = (await first) as MillraceError
      assert.equal(code, 'MR_TIMEOUT')
      assert.equal(message, 'server:9092 did not answer Heartbeat v4 within 1000 ms')
      assert.equal(where, 'server:9092')
      assert.equal((await second).code, 'MR_CONNECTION_LOST')
      assert.equal(connection.closed, true)
      await assert.rejects(connection.send(heartbeat, beat), { code: 'MR_CLOSED' })
    })(),
  )
})

test('a connection that breaks fails what waits', async () => {
  const simulation = simulatedPlatform({ seed: 3 })
  new Server(simulation)
  await simulation.runUntil(
    (async () => {
      const connection = await open(simulation)
      let ended = 0
      connection.onClosed = () => ended++
      const waiting = connection.send(heartbeat, beat)
      simulation.network.cut('client', 'server')
      await assert.rejects(waiting, { code: 'MR_CONNECTION_LOST', retriable: true })
      assert.equal(ended, 1)
    })(),
  )
})

test('an answer out of order ends the connection', async () => {
  const simulation = simulatedPlatform({ seed: 4 })
  new Server(simulation, (header) =>
    header.api.key === heartbeat.key
      ? heartbeatAnswer({ ...header, correlationId: header.correlationId + 1 }, 0)
      : undefined,
  )
  await simulation.runUntil(
    (async () => {
      const connection = await open(simulation)
      await assert.rejects(connection.send(heartbeat, beat), { code: 'MR_PROTOCOL_REQUEST_INVALID' })
      assert.equal(connection.closed, true)
    })(),
  )
})

test('a broker that does not know our ApiVersions is asked again in the version it names', async () => {
  const simulation = simulatedPlatform({ seed: 5 })
  const server = new Server(simulation, ({ api, version, correlationId }) => {
    if (api.key !== apiVersions.key || version <= 2) return undefined
    const apiKeys = [{ apiKey: apiVersions.key, minVersion: 0, maxVersion: 2 }]
    return encodeResponse(apiVersions, 0, correlationId, { errorCode: 35, apiKeys })
  })
  await simulation.runUntil(
    (async () => {
      const connection = await open(simulation)
      assert.equal(connection.versions.choose(metadata), metadata.latestStable)
      await connection.close()
    })(),
  )
  assert.deepEqual(
    server.requests.map(({ version }) => version),
    [apiVersions.latestStable, 2],
  )
})

test('a broker that refuses to tell its versions is not used', async () => {
  const simulation = simulatedPlatform({ seed: 6 })
  new Server(simulation, ({ correlationId, version }) =>
    encodeResponse(apiVersions, version, correlationId, { errorCode: 58, apiKeys: [] }),
  )
  await simulation.runUntil(
    open(simulation).then(
      () => assert.fail('it was handed out'),
      (error: MillraceError) => assert.equal(error.context['kafkaName'], 'SASL_AUTHENTICATION_FAILED'),
    ),
  )
})

test('a produce request that is not acknowledged resolves when it is handed over', async () => {
  const simulation = simulatedPlatform({ seed: 7 })
  const server = new Server(simulation)
  await simulation.runUntil(
    (async () => {
      const connection = await open(simulation)
      const answer = await connection.send(produce, { acks: 0, timeoutMs: 1, topicData: [] })
      assert.deepEqual(answer.responses, [])
      await assert.rejects(connection.send(heartbeat, beat), { code: 'MR_TIMEOUT' })
    })(),
  )
  assert.deepEqual(
    server.requests.map(({ api }) => api.name),
    ['ApiVersions', 'Produce', 'Heartbeat'],
  )
})

test('a login is repeated well before its end, also on a connection that is never quiet (KIP-368)', async () => {
  const LIFETIME_MS = 1000
  for (const chance of [0, 1]) {
    const simulation = simulatedPlatform({ seed: 9 })
    new Server(simulation, (header) =>
      header.api.key === heartbeat.key ? heartbeatAnswer(header, 0) : undefined,
    )
    const { clock, net } = simulation.host('client').platform
    await simulation.runUntil(
      (async () => {
        const socket = await net.connect({ host: 'server', port: PORT, timeoutMs: 1000 })
        const options = { socket, clock, clientId: 'test', broker: `server:${PORT}`, requestTimeoutMs: 1000 }
        const connection = new TcpConnection({ ...options, chance })
        const loginsMs: number[] = []
        await shakeHands(connection, async () => {
          loginsMs.push(clock.monotonicMs())
          return { sessionLifetimeMs: LIFETIME_MS }
        })
        const sender = async (): Promise<void> => {
          while (loginsMs.length < 3) await connection.send(heartbeat, beat)
        }
        await Promise.all([sender(), sender(), sender()])
        for (const index of [1, 2]) {
          const passedMs = loginsMs[index]! - loginsMs[index - 1]!
          assert.ok(passedMs >= 850 && passedMs <= 980, `${passedMs} ms after the one before`)
        }
        await connection.close()
      })(),
    )
  }
})

test('more requests than the limit are refused, not queued without end', async () => {
  const simulation = simulatedPlatform({ seed: 8 })
  new Server(simulation)
  await simulation.runUntil(
    (async () => {
      const connection = await open(simulation)
      const codes = await Promise.all(
        Array.from({ length: 1100 }, () => connection.send(heartbeat, beat).catch(({ code }) => code)),
      )
      assert.equal(codes.filter((code) => code === 'MR_LIMIT').length, 76)
    })(),
  )
})
