/**
 * Many connections to one broker, of which some talk: what each costs.
 *
 * 1. A broker in a process of its own; its memory when it is ready.
 * 2. `open` sockets, a few hundred being made at a time; the broker's memory with all of them silent.
 * 3. `talking` of them write a record and read one, once a second each, spread over the second.
 *
 * Requests are made once and sent as bytes, so that this process, which is not measured, keeps up on one core.
 */
import { connect, type Socket } from 'node:net'
import { createAdmin } from '../../src/client/admin/admin.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { sleep } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'
import { fetch } from '../../src/protocol/apis/fetch.ts'
import { produce } from '../../src/protocol/apis/produce.ts'
import { encodeRequest } from '../../src/protocol/codec/request.ts'
import { RecordBatchBuilder } from '../../src/protocol/record-batch/record-batch-builder.ts'
import { cpuSecondsOf, memoryOf } from '../broker/sides.ts'
import { startServe } from './serve.ts'

export interface ConnectionsOptions {
  readonly open: number
  /** How many of them talk; the same or fewer. */
  readonly talking: number
  /** How many times each talker writes and reads. */
  readonly rounds: number
  /** For the broker's data; made when it is missing. */
  readonly directory: string
  /** The module of the command line that serves: the source, or what was built of it. */
  readonly program: string
  /** How often each talker writes and reads; 1 s by default. */
  readonly roundMs?: number
  /** How long memory is left alone before it is read; 1 s by default. */
  readonly settleMs?: number
}

export interface ConnectionsResult {
  /** Connections that are open at the end. */
  readonly open: number
  readonly requests: number
  /** Resident memory of the broker, MB. */
  readonly readyMb: number
  readonly silentMb: number
  readonly talkedMb: number
  readonly peakMb: number
  readonly bytesPerSilent: number
  /** User and system seconds of the broker while connections were opened, and while some talked. */
  readonly openCpuSeconds: number
  readonly talkCpuSeconds: number
  readonly openSeconds: number
  readonly talkSeconds: number
  /** From a request to its answer. */
  readonly p50Ms: number
  readonly p99Ms: number
}

const TOPIC = 'talk'
const RECORD_BYTES = 100
const AT_A_TIME = 200
const ROUND_MS = 1000
const SETTLE_MS = 1000
const LENGTH_BYTES = 4

const { clock } = nodePlatform()

/** One connection: a request at a time, each answered whole before the next. */
class Talker {
  readonly latenciesMs: number[] = []
  requests = 0
  ended = false
  private readonly socket: Socket
  private missing = 0
  private head = Buffer.alloc(0)
  private answered: (() => void) | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => this.take(bytes))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.ended = true
      this.answered?.()
    })
  }

  async ask(frame: Buffer): Promise<void> {
    if (this.ended) return
    const startMs = clock.monotonicMs()
    const done = new Promise<void>((resolve) => {
      this.answered = resolve
    })
    this.socket.write(frame)
    await done
    if (this.ended) return
    this.requests++
    this.latenciesMs.push(clock.monotonicMs() - startMs)
  }

  close(): void {
    this.socket.destroy()
  }

  private take(bytes: Buffer): void {
    let rest = bytes
    if (this.missing === 0) {
      this.head = Buffer.concat([this.head, bytes])
      if (this.head.length < LENGTH_BYTES) return
      this.missing = this.head.readInt32BE(0)
      rest = this.head.subarray(LENGTH_BYTES)
      this.head = Buffer.alloc(0)
    }
    this.missing -= rest.length
    if (this.missing === 0) this.answered?.()
  }
}

function produceFrame(): Buffer {
  const batch = new RecordBatchBuilder({})
  batch.append(clock.nowMs(), null, Buffer.alloc(RECORD_BYTES, 'x'))
  const partitionData = [{ index: 0, records: batch.seal({}) }]
  const request = { acks: 1, timeoutMs: 30_000, topicData: [{ name: TOPIC, partitionData }] }
  return encodeRequest(produce, 9, { correlationId: 1, clientId: 'talker' }, request)
}

function fetchFrame(): Buffer {
  const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 2 * RECORD_BYTES }]
  const topics = [{ topic: TOPIC, partitions }]
  const request = { maxWaitMs: 0, minBytes: 0, maxBytes: 1024, sessionId: 0, sessionEpoch: -1, topics }
  return encodeRequest(fetch, 12, { correlationId: 2, clientId: 'talker' }, request)
}

function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.off('error', reject)
      resolve(socket)
    })
    socket.setNoDelay(true)
    socket.once('error', reject)
  })
}

async function openAll(port: number, count: number, talkers: Talker[]): Promise<void> {
  while (talkers.length < count) {
    const wave = Math.min(AT_A_TIME, count - talkers.length)
    const sockets = await Promise.all(Array.from({ length: wave }, () => openSocket(port)))
    for (const socket of sockets) talkers.push(new Talker(socket))
  }
}

async function talk(talkers: readonly Talker[], rounds: number, roundMs: number): Promise<void> {
  const frames = [produceFrame(), fetchFrame()]
  const startMs = clock.monotonicMs()
  const one = async (talker: Talker, at: number): Promise<void> => {
    for (let round = 0; round < rounds; round++) {
      const dueMs = startMs + (round + at / talkers.length) * roundMs
      await sleep(clock, Math.max(0, dueMs - clock.monotonicMs()))
      for (const frame of frames) await talker.ask(frame)
    }
  }
  await Promise.all(talkers.map(one))
}

/** The value below which so many of a hundred lie; 0 of none. */
function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0
}

export async function measureConnections(options: ConnectionsOptions): Promise<ConnectionsResult> {
  const { open, roundMs = ROUND_MS, rounds, settleMs = SETTLE_MS, talking } = options
  const broker = await startServe(options.program, options.directory)
  const talkers: Talker[] = []
  try {
    const cluster = new Cluster({ platform: nodePlatform(), brokers: [broker.address] })
    await createAdmin(cluster).createTopics([{ topic: TOPIC, partitions: 1 }])
    await cluster.close()
    const now = () => ({
      mb: memoryOf(broker.pid).nowMb,
      cpu: cpuSecondsOf(broker.pid),
      ms: clock.monotonicMs(),
    })
    const ready = now()
    await openAll(Number(broker.address.split(':')[1]), open, talkers)
    const opened = now()
    await sleep(clock, settleMs)
    const silent = now()
    await talk(talkers.slice(0, talking), rounds, roundMs)
    const talked = now()
    const sorted = talkers.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b)
    return {
      open: talkers.filter(({ ended }) => !ended).length,
      requests: talkers.reduce((sum, { requests }) => sum + requests, 0),
      readyMb: ready.mb,
      silentMb: silent.mb,
      talkedMb: talked.mb,
      peakMb: memoryOf(broker.pid).peakMb,
      bytesPerSilent: Math.round(((silent.mb - ready.mb) * 1024 * 1024) / open),
      openCpuSeconds: opened.cpu - ready.cpu,
      talkCpuSeconds: talked.cpu - silent.cpu,
      openSeconds: (opened.ms - ready.ms) / 1000,
      talkSeconds: (talked.ms - silent.ms) / 1000,
      p50Ms: percentile(sorted, 50),
      p99Ms: percentile(sorted, 99),
    }
  } finally {
    for (const talker of talkers) talker.close()
    await broker.stop()
  }
}
