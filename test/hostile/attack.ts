/**
 * Strangers send mutated frames to a broker over simulated sockets, beside a client that behaves well. From one seed:
 * the frames, how they are cut into pieces, which connections stay open half-way, when the next one comes.
 *
 * Held: no handler or listener throws past its connection; the client's records come back, in order, within its
 * time; memory that is held for strangers stays within the broker's budgets.
 */
import assert from 'node:assert/strict'
import v8 from 'node:v8'
import vm from 'node:vm'
import { batchOf, TestBroker } from '../../src/broker/broker-fixture.ts'
import { ByteReader } from '../../src/core/byte-reader.ts'
import type { Socket } from '../../src/platform/net.ts'
import type { SimulatedRandom } from '../../src/platform/simulated/random.ts'
import { createTopics } from '../../src/protocol/apis/create-topics.ts'
import { fetch } from '../../src/protocol/apis/fetch.ts'
import { produce } from '../../src/protocol/apis/produce.ts'
import { encodeRequest } from '../../src/protocol/codec/request.ts'
import { decodeResponse, decodeResponseHeader } from '../../src/protocol/codec/response.ts'
import { RecordBatchReader } from '../../src/protocol/record-batch/record-batch-reader.ts'
import type { AnyApi, RequestInput, ResponseOf } from '../../src/protocol/schema/message.ts'
import { mutate } from './mutations.ts'
import { sampleFrames, TOPIC } from './sample-requests.ts'

const PORT = 9092
/** Connections that strangers leave open half-way. */
const OPEN_MAX = 40
const FRIEND_EVERY = 500
const FRIEND = 'friends'

export interface AttackOutcome {
  readonly frames: number
  readonly connections: number
  /** Connections that the broker cut. */
  readonly cut: number
  /** Answers that strangers got. */
  readonly answers: number
  /** Rounds of the client beside them: a record produced and read. */
  readonly rounds: number
  /** The longest of them, on the broker's clock. */
  readonly roundMsMax: number
  /** Memory in use after a collection, in the end less in the beginning. */
  readonly grownBytes: number
}

export async function attack(options: {
  readonly seed: number
  readonly frames: number
  readonly print?: (line: string) => void
}): Promise<AttackOutcome> {
  const broker = await TestBroker.open(
    // What strangers may do for good is not what is tested: no topic comes or goes by a name that they send.
    { 'auto.create.topics.enable': false, 'delete.topic.enable': false, 'max.connections.per.ip': 100_000 },
    { seed: `hostile ${options.seed}` },
  )
  await broker.simulation.runUntil(broker.broker.listen({ host: '0.0.0.0', port: PORT, insecure: true }))
  for (const name of [TOPIC, FRIEND]) {
    await broker.send(createTopics, {
      topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 1000,
    })
  }
  const siege = new Siege(broker)
  try {
    return await siege.run(options.frames, options.print ?? (() => {}))
  } finally {
    await broker.close()
  }
}

class Siege {
  private readonly broker: TestBroker
  private readonly random: SimulatedRandom
  private readonly open: Stranger[] = []
  private connections = 0
  private cut = 0
  private answers = 0
  private friend: Friend | undefined

  constructor(broker: TestBroker) {
    this.broker = broker
    this.random = broker.simulation.chance
  }

  async run(frames: number, print: (line: string) => void): Promise<AttackOutcome> {
    const samples = sampleFrames()
    this.friend = await Friend.connect(this.broker)
    await this.friend.round()
    const before = usedBytes()
    let sent = 0
    let nextRound = FRIEND_EVERY
    while (sent < frames) {
      const stranger = await this.stranger()
      for (let left = this.random.within([1, 6]); left > 0 && sent < frames && !stranger.closed; left--) {
        // Most come alone, so that each is looked at though the one before was refused.
        for (let count = this.random.chance(0.1) ? 3 : 1; count > 0; count--, sent++) {
          const sample = samples[this.random.within([0, samples.length - 1])]!
          stranger.send(mutate(sample.bytes, this.random), this.random)
        }
        await this.broker.advance(this.random.chance(0.01) ? 2000 : 2)
      }
      this.leave(stranger)
      if (sent < nextRound) continue
      nextRound = sent + FRIEND_EVERY
      await this.friend.round()
      this.checkBudget()
      if (sent % 100_000 < FRIEND_EVERY) print(`${sent} frames, grown by ${mebibytes(usedBytes() - before)}`)
    }
    while (this.open.length > 0) this.end(0)
    await this.broker.advance(60_000)
    await this.friend.round()
    const { rounds, roundMsMax } = this.friend
    const { connections, cut, answers } = this
    return { frames: sent, connections, cut, answers, rounds, roundMsMax, grownBytes: usedBytes() - before }
  }

  private async stranger(): Promise<Stranger> {
    this.connections++
    const { net } = this.broker.simulation.host(`stranger ${this.random.within([0, 3])}`).platform
    const socket = await this.broker.simulation.runUntil(
      net.connect({ host: 'local', port: PORT, timeoutMs: 5000 }),
    )
    return new Stranger(socket)
  }

  /** Most go; some stay, with half a frame sent, until there are too many. */
  private leave(stranger: Stranger): void {
    this.open.push(stranger)
    if (!this.random.chance(0.1) || this.open.length > OPEN_MAX) this.end(this.open.length - 1)
    if (this.open.length >= OPEN_MAX) this.end(this.random.within([0, this.open.length - 1]))
  }

  private end(index: number): void {
    const [stranger] = this.open.splice(index, 1)
    this.answers += stranger!.answers
    if (stranger!.closed) this.cut++
    else stranger!.socket.destroy()
  }

  private checkBudget(): void {
    const { connections } = this.broker.broker.metrics()
    assert.ok(connections.open <= OPEN_MAX + 5, `${connections.open} connections are open`)
  }
}

class Stranger {
  readonly socket: Socket
  closed = false
  answers = 0

  constructor(socket: Socket) {
    this.socket = socket
    socket.start({
      data: () => void this.answers++,
      drain: () => {},
      close: () => {
        this.closed = true
      },
    })
  }

  /** Sends a frame: whole, in two pieces, or half of it. */
  send(frame: Buffer, random: SimulatedRandom): void {
    if (this.closed) return
    const how = random.within([0, 9])
    const middle = random.within([0, frame.length])
    if (how > 1) this.socket.write(frame)
    else this.socket.write(frame.subarray(0, middle))
    if (how === 1) this.socket.write(frame.subarray(middle))
  }
}

/** A client on one connection that writes a record and reads it back. */
class Friend {
  rounds = 0
  roundMsMax = 0
  private readonly broker: TestBroker
  private readonly socket: Socket
  private received: Buffer = Buffer.alloc(0)
  private closed = false
  private nextId = 1

  static async connect(broker: TestBroker): Promise<Friend> {
    const { net } = broker.simulation.host('friend').platform
    return new Friend(
      broker,
      await broker.simulation.runUntil(net.connect({ host: 'local', port: PORT, timeoutMs: 5000 })),
    )
  }

  private constructor(broker: TestBroker, socket: Socket) {
    this.broker = broker
    this.socket = socket
    socket.start({
      data: (bytes) => {
        this.received = Buffer.concat([this.received, bytes])
      },
      drain: () => {},
      close: () => {
        this.closed = true
      },
    })
  }

  async round(): Promise<void> {
    const { clock } = this.broker.simulation
    const startMs = clock.monotonicMs()
    const value = `round ${this.rounds}`
    const produced = await this.ask(produce, 9, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: FRIEND, partitionData: [{ index: 0, records: batchOf([value]) }] }],
    })
    const partition = produced.responses[0]?.partitionResponses[0]
    assert.deepEqual([partition?.errorCode, partition?.baseOffset], [0, BigInt(this.rounds)], value)
    const fetched = await this.ask(fetch, 11, {
      maxWaitMs: 100,
      minBytes: 1,
      sessionEpoch: -1,
      topics: [
        {
          topic: FRIEND,
          partitions: [{ partition: 0, fetchOffset: BigInt(this.rounds), partitionMaxBytes: 100_000 }],
        },
      ],
    })
    const reader = new RecordBatchReader()
    reader.reset(fetched.responses[0]!.partitions[0]!.records!, 0)
    assert.ok(reader.next())
    assert.equal(reader.body.toString('utf8', reader.valueStart, reader.valueEnd), value)
    this.roundMsMax = Math.max(this.roundMsMax, clock.monotonicMs() - startMs)
    this.rounds++
  }

  private async ask<A extends AnyApi>(
    api: A,
    version: number,
    body: RequestInput<A>,
  ): Promise<ResponseOf<A>> {
    const correlationId = this.nextId++
    this.socket.write(encodeRequest(api, version, { correlationId, clientId: 'friend' }, body))
    const whole = (): boolean =>
      this.closed || (this.received.length >= 4 && this.received.length >= 4 + this.received.readInt32BE(0))
    await this.broker.simulation.runUntil(whole, { limitMs: 5000, what: `an answer to ${api.name}` })
    assert.equal(this.closed, false, 'the client beside the strangers is not cut off')
    const end = 4 + this.received.readInt32BE(0)
    const reader = new ByteReader(this.received.subarray(4, end))
    this.received = this.received.subarray(end)
    assert.equal(decodeResponseHeader(api, version, reader), correlationId)
    return decodeResponse(api, version, reader)
  }
}

export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`

v8.setFlagsFromString('--expose-gc')
const collect = vm.runInNewContext('gc') as () => void

/** Memory in use after a collection. */
export function usedBytes(): number {
  // What the first one ends (finalizers, memory outside of the heap) the next ones free.
  for (let round = 0; round < 3; round++) collect()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + external + arrayBuffers
}
