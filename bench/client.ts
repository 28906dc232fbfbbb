/**
 * `npm run bench -- client`: our client and others against one Apache Kafka, in turn, each in a process of its own.
 *
 *   produce      100-byte records without a key to one partition as fast as they are taken, acks=all: CPU, rate, memory
 *   consume      the records again from the start, as a member of a new group: CPU, rate (with the join), memory
 *   latency      20,000 records a second: p50 and p99 of the acknowledgement
 *   transaction  one record in a transaction, again and again: mean, p50 and p99
 *
 * Clients: `millrace` (an object per record), `millrace-batch` (whole batches), kafkajs,
 * @platformatic/kafka, and Java with its own perf tools. Every process gets warm before it is measured, so neither its
 * start nor the JIT's first work counts. Of the Node clients kafkajs, @platformatic/kafka and `millrace` are given 1,000
 * records a call, five calls at a time; Java and ours are idempotent.
 *
 * Memory is the peak of the whole process, with the 45 MB of an empty Node. Much of what a Node client takes while it
 * produces is V8's young generation: it grows to 128 MB where thousands of objects are under way all the time, as with
 * a promise per record.
 *
 * Options: --records N (1000000), --passes K (3), --jobs produce,consume,latency,transaction, --clients NAME,…
 * Ends with RATIO lines of the medians: the other's figure divided by ours for costs and times, ours by the other's for
 * rates; higher is better for us.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { installClient } from '../scripts/clients/install.ts'
import { createAdmin } from '../src/client/admin/admin.ts'
import { Cluster } from '../src/client/cluster.ts'
import { nodePlatform } from '../src/platform/node/platform.ts'
import { startKafka } from './broker/sides.ts'
import { type ClientName, Clients, clientNames } from './client/clients.ts'
import type { Figures, Job } from './client/work.ts'
import { medianOf, rounded } from './measuring/pass.ts'

const LATENCY_RATE = 20_000
const LATENCY_SECONDS = 5
/** Of those who wait for nothing; the others would take minutes for it. */
const TRANSACTIONS = 200
const SLOW_TRANSACTIONS = 20
const slow: readonly ClientName[] = ['kafkajs', 'platformatic']

const allJobs: readonly Job[] = ['produce', 'consume', 'latency', 'transaction']
const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '1000000' },
    passes: { type: 'string', default: '3' },
    jobs: { type: 'string', default: allJobs.join() },
    clients: { type: 'string', default: clientNames.join() },
  },
})
const records = Number(values.records)
const passes = Number(values.passes)
const jobs = allJobs.filter((job) => values.jobs.split(',').includes(job))
const names = clientNames.filter((name) => values.clients.split(',').includes(name))

interface Result extends Figures {
  readonly name: ClientName
  readonly job: Job
}
const results: Result[] = []

/** Records or transactions: to get warm, and measured. */
function amountOf(job: Job, name: ClientName): { warm: number; n: number } {
  if (job === 'latency') return { warm: LATENCY_RATE * 2, n: LATENCY_RATE * LATENCY_SECONDS }
  if (job !== 'transaction') return { warm: Math.floor(records / 2), n: records }
  return slow.includes(name) ? { warm: 2, n: SLOW_TRANSACTIONS } : { warm: 50, n: TRANSACTIONS }
}

async function measure(
  clients: Clients,
  broker: string,
  name: ClientName,
  job: Job,
  pass: number,
): Promise<void> {
  // What is consumed is what Java wrote, whoever reads it.
  const topic = job === 'consume' ? `consume-${pass}` : `${job}-${name}-${pass}`
  await createTopic(broker, topic, job === 'consume' ? clients : undefined)
  const { warm, n } = amountOf(job, name)
  const figures = await clients.run(name, { job, broker, topic, warm, n, rate: LATENCY_RATE })
  results.push({ ...figures, name, job })
  const { sec, cpu, peakMb, p50Ms, p99Ms } = figures
  const times = p50Ms === undefined ? {} : { p50_ms: p50Ms, p99_ms: p99Ms }
  const line = { job: `${job}-${name}`, n, pass, sec, eps: Math.round(n / sec), cpu, hwm_mb: peakMb, out: n }
  console.log(`RESULT ${JSON.stringify({ ...line, ...times })}`)
}

/** Makes a topic if it does not exist; `writer` fills a new one with what is consumed. */
async function createTopic(broker: string, topic: string, writer: Clients | undefined): Promise<void> {
  const cluster = new Cluster({ platform: nodePlatform(), brokers: [broker] })
  try {
    const admin = createAdmin(cluster)
    if ((await admin.partitionCounts()).has(topic)) return
    await admin.createTopics([{ topic, partitions: 1 }])
  } finally {
    await cluster.close()
  }
  const { warm, n } = amountOf('consume', 'java')
  await writer?.run('java', { job: 'produce', broker, topic, warm, n, rate: -1 })
}

function median(name: ClientName, job: Job, of: (result: Result) => number): number {
  return medianOf(results.filter((one) => one.name === name && one.job === job).map(of))
}

interface Measure {
  readonly of: (result: Result) => number
  readonly unit: string
  readonly moreIsBetter?: boolean
}
const throughput: Record<string, Measure> = {
  cpu: { of: ({ cpu, n }) => (cpu * 1e6) / n, unit: 'CPU s per million' },
  rate: { of: ({ sec, n }) => Math.round(n / sec), unit: 'records/s', moreIsBetter: true },
  memory: { of: ({ peakMb }) => peakMb, unit: 'MB' },
}
const times: Record<string, Measure> = {
  p50: { of: ({ p50Ms = Number.NaN }) => p50Ms, unit: 'ms' },
  p99: { of: ({ p99Ms = Number.NaN }) => p99Ms, unit: 'ms' },
}
/** Some clients take now 6 ms and now 300 for the same, so a median alone says little. */
const transactionTimes: Record<string, Measure> = {
  mean: { of: ({ sec, n }) => (sec * 1000) / n, unit: 'ms' },
  ...times,
}
const measuresOf: Record<Job, Record<string, Measure>> = {
  produce: throughput,
  consume: throughput,
  latency: times,
  transaction: transactionTimes,
}

function report(job: Job): void {
  const measures = measuresOf[job]
  for (const [what, { of, unit }] of Object.entries(measures)) {
    const each = names.map((name) => `${name} ${rounded(median(name, job, of), 2)}`)
    console.log(`${job} ${what}, ${unit}: ${each.join(', ')}`)
  }
  const ours = names.filter((name) => name.startsWith('millrace'))
  for (const [what, { of, moreIsBetter }] of Object.entries(measures)) {
    for (const own of ours) {
      for (const peer of names.filter((name) => !ours.includes(name))) {
        const [a, b] = [median(own, job, of), median(peer, job, of)]
        const work = `${job}${own.slice('millrace'.length)}-${what}`
        console.log(`RATIO ${work} ${peer} ${(moreIsBetter ? a / b : b / a).toFixed(2)}`)
      }
    }
  }
}

const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const kafka = await startKafka(join(directory, 'kafka'), join(await installClient('java'), 'jars'))
try {
  const clients = new Clients(directory)
  for (let pass = 1; pass <= passes; pass++) {
    for (const job of jobs) for (const name of names) await measure(clients, kafka.address, name, job, pass)
  }
  for (const job of jobs) report(job)
} finally {
  await kafka.stop()
  rmSync(directory, { recursive: true, force: true })
}
