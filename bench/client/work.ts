/** What one process of `npm run bench -- client` is told to do, and what it says of it. */
import { readFileSync } from 'node:fs'
import { rounded } from '../measuring/pass.ts'

export const RECORD_BYTES = 100
/** Records of one call where a client takes many at once. */
export const CALL_RECORDS = 1000
/** Such calls under way at a time, for all clients; Java's max.in.flight.requests.per.connection. */
export const CALLS_OPEN_MAX = 5

export type Job = 'produce' | 'latency' | 'consume' | 'transaction'

export interface Work {
  readonly job: Job
  /** `host:port` of the broker. */
  readonly broker: string
  /** It has one partition. */
  readonly topic: string
  /** Records (or transactions) before the measurement begins. */
  readonly warm: number
  /** Records (or transactions) that are measured. */
  readonly n: number
  /** `latency`: records a second. */
  readonly rate: number
}

export interface Figures {
  readonly n: number
  readonly sec: number
  /** User and system seconds of the whole process in that time. */
  readonly cpu: number
  /** Peak memory of the process, MB. */
  readonly peakMb: number
  /** Of the time to the acknowledgement, or of a transaction. */
  readonly p50Ms?: number
  readonly p99Ms?: number
}

/** Different values, so that no client gains by always sending the same memory. */
export const payloads: readonly Buffer[] = Array.from({ length: 1000 }, (_, at) =>
  Buffer.from(`${at} `.repeat(RECORD_BYTES).slice(0, RECORD_BYTES)),
)

/** One client; every call goes over the connections of the process, which stay. */
export interface ClientUnderTest {
  /** Writes `n` records and resolves when all are acknowledged. */
  produce(n: number): Promise<void>
  /** Writes these records; tells when each is acknowledged. */
  send(values: readonly Buffer[], acknowledged: () => void): void
  /** Reads the topic from its start as the member of a new group, calls `read` for each record until that says no, and leaves. */
  consume(read: (valueBytes: number) => boolean): Promise<void>
  /** One record in a transaction of its own. */
  transaction(value: Buffer): Promise<void>
  close(): Promise<void>
}

/** Does the work that the command line gives and prints its figures as the last line. */
export async function serveWork(open: (work: Work) => Promise<ClientUnderTest>): Promise<void> {
  const work = JSON.parse(process.argv[2] ?? '') as Work
  const client = await open(work)
  const figures = await jobs[work.job](client, work)
  console.log(JSON.stringify(figures))
  await client.close()
}

const jobs: Record<Job, (client: ClientUnderTest, work: Work) => Promise<Figures>> = {
  async produce(client, { warm, n }) {
    await client.produce(warm)
    const end = stopwatch()
    await client.produce(n)
    return end(n)
  },

  async latency(client, { warm, n, rate }) {
    await paced(client, warm, rate)
    const end = stopwatch()
    return end(n, await paced(client, n, rate))
  },

  async consume(client, { warm, n }) {
    await consumeSome(client, warm)
    // From the start of a consumer: what it reads and decodes ahead of the first record counts.
    const end = stopwatch()
    await consumeSome(client, n)
    return end(n)
  },

  async transaction(client, { warm, n }) {
    for (let at = 0; at < warm; at++) await client.transaction(payloads[0]!)
    const end = stopwatch()
    const times: number[] = []
    for (let at = 0; at < n; at++) {
      const startMs = performance.now()
      await client.transaction(payloads[at % payloads.length]!)
      times.push(performance.now() - startMs)
    }
    return end(n, times)
  },
}

async function consumeSome(client: ClientUnderTest, n: number): Promise<void> {
  let count = 0
  let bytes = 0
  await client.consume((valueBytes) => {
    bytes += valueBytes
    return ++count < n
  })
  if (count !== n || bytes !== n * RECORD_BYTES) throw new Error(`${count} records have ${bytes} bytes`)
}

/** Sends `n` records at `rate` a second, those of a millisecond at once; resolves with the time each took. */
async function paced(client: ClientUnderTest, n: number, rate: number): Promise<number[]> {
  const times: number[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const startMs = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const nowMs = performance.now()
    const due = Math.min(n, Math.floor(((nowMs - startMs) * rate) / 1000))
    while (sent < due) {
      const count = Math.min(due - sent, CALL_RECORDS)
      client.send(payloads.slice(0, count), () => {
        times.push(performance.now() - nowMs)
        if (times.length === n) resolve()
      })
      sent += count
    }
    if (sent === n) clearInterval(timer)
  }, 1)
  await promise
  return times
}

/** Calls `send` with `CALL_RECORDS` values at a time, some calls at once, until `n` are acknowledged. */
export async function sendInCalls(
  n: number,
  send: (values: readonly Buffer[]) => Promise<unknown>,
): Promise<void> {
  let left = n
  const one = async (): Promise<void> => {
    while (left > 0) {
      const count = Math.min(left, CALL_RECORDS)
      left -= count
      await send(count === payloads.length ? payloads : payloads.slice(0, count))
    }
  }
  await Promise.all(Array.from({ length: CALLS_OPEN_MAX }, one))
}

function stopwatch(): (n: number, times?: number[]) => Figures {
  const startMs = performance.now()
  const before = process.cpuUsage()
  return (n, times) => {
    const sec = (performance.now() - startMs) / 1000
    const { user, system } = process.cpuUsage(before)
    const percentile = (share: number): number =>
      rounded(times!.toSorted((a, b) => a - b)[Math.floor(times!.length * share)] ?? Number.NaN, 2)
    return {
      n,
      sec: rounded(sec, 3),
      cpu: rounded((user + system) / 1e6, 3),
      peakMb: Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? 0) >> 10,
      ...(times === undefined ? {} : { p50Ms: percentile(0.5), p99Ms: percentile(0.99) }),
    }
  }
}
