/** The broker over simulated sockets: frames in, answers out, and what cuts a connection off. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteReader } from '../../core/byte-reader.ts'
import type { Socket } from '../../platform/net.ts'
import { apiVersions } from '../../protocol/apis/api-versions.ts'
import { fetch } from '../../protocol/apis/fetch.ts'
import { metadata } from '../../protocol/apis/metadata.ts'
import { produce } from '../../protocol/apis/produce.ts'
import { encodeRequest } from '../../protocol/codec/request.ts'
import { decodeResponse, decodeResponseHeader } from '../../protocol/codec/response.ts'
import { ErrorCodes } from '../../protocol/error-codes.ts'
import type { AnyApi, RequestInput, ResponseOf } from '../../protocol/schema/message.ts'
import { batchOf, TestBroker } from '../broker-fixture.ts'
import type { BrokerConfig } from '../config/broker-config.ts'

const PORT = 9092

/** A client that writes what it is told and keeps what it gets. */
class RawClient {
  readonly socket: Socket
  private readonly pieces: Buffer[] = []
  closed = false
  reading = true

  constructor(socket: Socket) {
    this.socket = socket
    socket.start({
      data: (bytes) => void this.pieces.push(Buffer.from(bytes)),
      drain: () => {},
      close: () => {
        this.closed = true
      },
    })
  }

  get received(): Buffer {
    return Buffer.concat(this.pieces)
  }

  send<A extends AnyApi>(api: A, version: number, correlationId: number, body: RequestInput<A>): void {
    this.socket.write(encodeRequest(api, version, { correlationId, clientId: 'raw' }, body))
  }

  /** The frames that came, without their lengths. */
  frames(): Buffer[] {
    const frames: Buffer[] = []
    const bytes = this.received
    for (let at = 0; at + 4 <= bytes.length; ) {
      const end = at + 4 + bytes.readInt32BE(at)
      if (end > bytes.length) break
      frames.push(bytes.subarray(at + 4, end))
      at = end
    }
    return frames
  }
}

function read<A extends AnyApi>(api: A, version: number, frame: Buffer): [number, ResponseOf<A>] {
  const reader = new ByteReader(frame)
  const correlationId = decodeResponseHeader(api, version, reader)
  return [correlationId, decodeResponse(api, version, reader)]
}

async function openListening(config: BrokerConfig = {}): Promise<TestBroker> {
  const broker = await TestBroker.open(config)
  await broker.simulation.runUntil(broker.broker.listen({ host: '0.0.0.0', port: PORT, insecure: true }))
  return broker
}

async function connect({ simulation }: TestBroker, host = 'client'): Promise<RawClient> {
  const { net } = simulation.host(host).platform
  const connecting = net
    .connect({ host: 'local', port: PORT, timeoutMs: 1000 })
    .then((socket) => new RawClient(socket))
  return simulation.runUntil(connecting)
}

const askMetadata = { topics: [{ name: 'clicks' }], allowAutoTopicCreation: true }

test('requests are answered, with the address of the listener', async () => {
  const broker = await openListening()
  const client = await connect(broker)
  client.send(metadata, 8, 41, askMetadata)
  await broker.simulation.runUntil(() => client.frames().length === 1)
  const [correlationId, answer] = read(metadata, 8, client.frames()[0]!)
  assert.equal(correlationId, 41)
  assert.deepEqual(
    answer.brokers.map(({ host, port }) => [host, port]),
    [['localhost', PORT]],
  )
  assert.equal(answer.topics[0]?.errorCode, ErrorCodes.NONE)
  await broker.close()
})

test('a version of ApiVersions that is not known is answered in v0 with error 35 and the list', async () => {
  const broker = await openListening()
  const client = await connect(broker)
  const frame = encodeRequest(apiVersions, 4, { correlationId: 7, clientId: 'x' }, {})
  frame.writeInt16BE(99, 6)
  client.socket.write(frame)
  await broker.simulation.runUntil(() => client.frames().length === 1)
  const [correlationId, answer] = read(apiVersions, 0, client.frames()[0]!)
  assert.equal(correlationId, 7)
  assert.equal(answer.errorCode, ErrorCodes.UNSUPPORTED_VERSION)
  assert.ok(answer.apiKeys.some(({ apiKey, maxVersion }) => apiKey === 18 && maxVersion === 4))
  const producing = answer.apiKeys.find(({ apiKey }) => apiKey === 0)
  assert.deepEqual([producing?.minVersion, producing?.maxVersion], [0, 13], 'librdkafka wants to see v0')
  assert.equal(client.closed, false)
  await broker.close()
})

const cutOffBy: Readonly<Record<string, (client: RawClient) => void>> = {
  'an API that does not exist': (client) => {
    const frame = encodeRequest(metadata, 4, { correlationId: 1, clientId: 'x' }, askMetadata)
    frame.writeInt16BE(999, 4)
    client.socket.write(frame)
  },
  'a version that is not served': (client) => {
    const frame = encodeRequest(metadata, 4, { correlationId: 1, clientId: 'x' }, askMetadata)
    frame.writeInt16BE(77, 6)
    client.socket.write(frame)
  },
  'Produce v2, which is announced but not served': (client) => {
    const frame = encodeRequest(
      produce,
      3,
      { correlationId: 1, clientId: 'x' },
      { acks: 1, timeoutMs: 1, topicData: [] },
    )
    frame.writeInt16BE(2, 6)
    client.socket.write(frame)
  },
  'a frame larger than it may be': (client) => {
    client.socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]))
  },
  'a negative length': (client) => {
    client.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]))
  },
  'a body that ends early': (client) => {
    client.socket.write(Buffer.from([0, 0, 0, 10, 0, 3, 0, 4, 0, 0, 0, 1, 0xff, 0xff]))
  },
  'an array that announces more than there is': (client) => {
    const frame = encodeRequest(metadata, 4, { correlationId: 1, clientId: null }, { topics: [] })
    frame.writeInt32BE(0x7fff_ffff, 14)
    client.socket.write(frame)
  },
  'an unacknowledged Produce that fails': (client) => {
    client.send(produce, 9, 1, {
      acks: 0,
      timeoutMs: 1000,
      topicData: [{ name: 'missing', partitionData: [{ index: 0, records: batchOf(['a']) }] }],
    })
  },
}

for (const [what, act] of Object.entries(cutOffBy)) {
  test(`a connection is ended by ${what}, others are not`, async () => {
    const broker = await openListening()
    const other = await connect(broker, 'other')
    const client = await connect(broker)
    act(client)
    await broker.simulation.runUntil(() => client.closed)
    other.send(metadata, 4, 1, askMetadata)
    await broker.simulation.runUntil(() => other.frames().length === 1)
    assert.equal(broker.broker.metrics().connections.open, 1)
    await broker.close()
  })
}

test('answers keep the order of the requests while one of them waits', async () => {
  const broker = await openListening()
  const client = await connect(broker)
  await broker.send(metadata, askMetadata)
  client.send(fetch, 11, 1, {
    maxWaitMs: 500,
    minBytes: 1,
    sessionEpoch: -1,
    topics: [{ topic: 'clicks', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }],
  })
  client.send(metadata, 4, 2, askMetadata)
  client.send(metadata, 4, 3, askMetadata)
  await broker.advance(400)
  assert.equal(client.frames().length, 0)
  await broker.simulation.runUntil(() => client.frames().length === 3)
  assert.deepEqual(
    client.frames().map((frame) => frame.readInt32BE(0)),
    [1, 2, 3],
  )
  await broker.close()
})

test('no more is read while too many requests wait for answers, and read on afterwards', async () => {
  const broker = await openListening({ 'max.in.flight.requests.per.connection': 3 })
  const client = await connect(broker)
  await broker.send(metadata, askMetadata)
  const wait = {
    maxWaitMs: 1000,
    minBytes: 1,
    sessionEpoch: -1,
    topics: [{ topic: 'clicks', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }],
  }
  for (let i = 0; i < 10; i++) client.send(fetch, 11, i, wait)
  await broker.advance(500)
  assert.equal(broker.broker.metrics().waitingFetches, 3)
  await broker.simulation.runUntil(() => client.frames().length === 10)
  assert.deepEqual(
    client.frames().map((frame) => frame.readInt32BE(0)),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
  await broker.close()
})

test('a client that does not read its answers is not read from, and cut off in the end', async () => {
  const config = {
    'connection.write.stall.timeout.ms': 20_000,
    'max.in.flight.requests.per.connection': 1000,
  }
  const broker = await openListening(config)
  const client = await connect(broker)
  await broker.send(metadata, askMetadata)
  await broker.send(
    produce,
    {
      acks: 1,
      timeoutMs: 1000,
      topicData: [{ name: 'clicks', partitionData: [{ index: 0, records: batchOf(['x'.repeat(500_000)]) }] }],
    },
    { version: 9 },
  )
  client.socket.pause()
  for (let i = 0; i < 50; i++) {
    client.send(fetch, 11, i, {
      maxWaitMs: 0,
      minBytes: 0,
      sessionEpoch: -1,
      topics: [
        { topic: 'clicks', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }] },
      ],
    })
  }
  await broker.advance(10_000)
  const { responseMemoryBytes, connections } = broker.broker.metrics()
  assert.equal(connections.open, 1)
  assert.ok(
    responseMemoryBytes > 0 && responseMemoryBytes < 3_000_000,
    `${responseMemoryBytes} bytes are held`,
  )
  await broker.advance(20_000)
  assert.equal(broker.broker.metrics().connections.open, 0)
  assert.equal(broker.broker.metrics().responseMemoryBytes, 0)
  await broker.close()
})

test('a slow reader gets everything in the end', async () => {
  const broker = await openListening()
  const client = await connect(broker)
  await broker.send(metadata, askMetadata)
  client.socket.pause()
  for (let i = 0; i < 200; i++) client.send(metadata, 4, i, { topics: null, allowAutoTopicCreation: false })
  await broker.advance(5000)
  client.socket.resume()
  await broker.simulation.runUntil(() => client.frames().length === 200)
  assert.equal(broker.broker.metrics().responseMemoryBytes, 0)
  await broker.close()
})

test('what a slow reader was promised is not changed by what others read meanwhile', async () => {
  const broker = await openListening()
  await broker.send(metadata, askMetadata)
  const values = [...'abcdef'].map((letter) => letter.repeat(200_000))
  for (const value of values) {
    const records = batchOf([value])
    const topicData = [{ name: 'clicks', partitionData: [{ index: 0, records }] }]
    await broker.send(produce, { acks: -1, timeoutMs: 1000, topicData }, { version: 9 })
  }
  const ask = (client: RawClient, offset: number): void =>
    client.send(fetch, 11, offset, {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes: 1 << 20,
      sessionEpoch: -1,
      topics: [
        {
          topic: 'clicks',
          partitions: [{ partition: 0, fetchOffset: BigInt(offset), partitionMaxBytes: 250_000 }],
        },
      ],
    })
  const valueAt = (client: RawClient, answer: number): string => {
    const [offset, { responses }] = read(fetch, 11, client.frames()[answer]!)
    const records = responses[0]?.partitions[0]?.records
    const letter = 'abcdef'[offset]!
    return records?.includes(letter.repeat(200_000)) === true ? letter : 'something else'
  }
  const slow = await connect(broker, 'slow')
  slow.socket.pause()
  for (let offset = 0; offset < values.length; offset++) ask(slow, offset)
  const fast = await connect(broker, 'fast')
  for (let round = 0; round < 3; round++) {
    for (let offset = 0; offset < values.length; offset++) {
      const answers = fast.frames().length
      ask(fast, offset)
      await broker.simulation.runUntil(() => fast.frames().length > answers)
      assert.equal(valueAt(fast, answers), 'abcdef'[offset])
    }
  }
  slow.socket.resume()
  await broker.simulation.runUntil(() => slow.frames().length === values.length)
  assert.deepEqual(
    values.map((_, answer) => valueAt(slow, answer)),
    [...'abcdef'],
  )
  await broker.close()
})

test('a request that does not arrive whole in time ends the connection', async () => {
  const broker = await openListening({ 'request.receive.timeout.ms': 5000 })
  const client = await connect(broker)
  client.socket.write(Buffer.from([0, 0, 1, 0, 0, 3]))
  await broker.advance(4000)
  assert.equal(client.closed, false)
  await broker.advance(3000)
  assert.equal(client.closed, true)
  await broker.close()
})

test('an idle connection is closed, one that waits for an answer is not', async () => {
  const broker = await openListening({ 'connections.max.idle.ms': 10_000 })
  const idle = await connect(broker)
  const waiting = await connect(broker, 'other')
  await broker.send(metadata, askMetadata)
  waiting.send(fetch, 11, 1, {
    maxWaitMs: 60_000,
    minBytes: 1,
    sessionEpoch: -1,
    topics: [{ topic: 'clicks', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }],
  })
  await broker.advance(15_000)
  assert.equal(idle.closed, true)
  assert.equal(waiting.closed, false)
  await broker.close()
})

test('connections beyond the limits are closed at once', async () => {
  const broker = await openListening({ 'max.connections': 3, 'max.connections.per.ip': 2 })
  const clients = [await connect(broker), await connect(broker), await connect(broker)]
  await broker.simulation.runUntil(() => clients[2]!.closed)
  const other = await connect(broker, 'other')
  const tooMany = await connect(broker, 'third')
  await broker.simulation.runUntil(() => tooMany.closed)
  assert.deepEqual(
    [...clients.slice(0, 2), other].map(({ closed }) => closed),
    [false, false, false],
  )
  clients[0]!.socket.end()
  await broker.advance(100)
  const again = await connect(broker)
  await broker.advance(100)
  assert.equal(again.closed, false)
  assert.equal(broker.broker.metrics().connections.refused, 2)
  await broker.close()
})

test('while memory for arriving requests is short, large requests arrive one after the other', async () => {
  const broker = await openListening({ 'queued.max.request.bytes': 1 << 20 })
  await broker.send(metadata, askMetadata)
  const clients: RawClient[] = []
  for (let i = 0; i < 6; i++) clients.push(await connect(broker, `client-${i}`))
  const records = batchOf(['y'.repeat(900_000)])
  for (const client of clients) {
    client.send(produce, 9, 1, {
      acks: 1,
      timeoutMs: 1000,
      topicData: [{ name: 'clicks', partitionData: [{ index: 0, records: Buffer.from(records) }] }],
    })
  }
  let most = 0
  await broker.simulation.runUntil(() => {
    most = Math.max(most, broker.broker.metrics().requestMemoryBytes)
    return clients.every((client) => client.frames().length === 1)
  })
  assert.ok(most < 3.5 * (1 << 20), `${most} bytes were held`)
  assert.equal(broker.broker.metrics().requestMemoryBytes, 0)
  await broker.close()
})

test('closing the broker answers who waits, then ends the connections', async () => {
  const broker = await openListening()
  const client = await connect(broker)
  await broker.send(metadata, askMetadata)
  client.send(fetch, 11, 5, {
    maxWaitMs: 60_000,
    minBytes: 1,
    sessionEpoch: -1,
    topics: [{ topic: 'clicks', partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }],
  })
  await broker.advance(100)
  await broker.close()
  await broker.simulation.runUntil(() => client.closed)
  assert.equal(client.frames().length, 1)
  assert.equal(read(fetch, 11, client.frames()[0]!)[0], 5)
})

test('random bytes end connections and nothing else', async () => {
  const broker = await openListening()
  const { chance } = broker.simulation
  for (let i = 0; i < 150; i++) {
    const client = await connect(broker)
    const body = chance.bytes(1 + (chance.uint32() % 200))
    // Half of them with a plausible head, so that bodies are reached.
    if (chance.chance(0.5)) {
      body.writeInt8(0, 0)
      if (body.length > 8) {
        body.writeInt16BE(chance.uint32() % 76, 0)
        body.writeInt16BE(chance.uint32() % 13, 2)
        body.writeInt16BE(-1, 8 - 2)
      }
    }
    const head = Buffer.alloc(4)
    head.writeInt32BE(body.length)
    client.socket.write(Buffer.concat([head, body]))
    await broker.advance(5)
    client.socket.destroy()
  }
  const client = await connect(broker)
  client.send(metadata, 4, 1, askMetadata)
  await broker.simulation.runUntil(() => client.frames().length === 1)
  await broker.close()
})
