/**
 * `npm run bench -- broker`: our broker and Apache Kafka on the same disk, in turn, with Kafka's own perf tools.
 *
 *   produce  kafka-producer-perf-test: 100-byte records as fast as they are taken, acks=all, Kafka's default batches
 *   latency  the same at 20,000 records a second: p50 and p99 of the acknowledgement
 *   consume  kafka-consumer-perf-test: the records again from the start
 *
 * Options: --records N (2000000), --passes K (3). `cpu` is the broker's; the tools' own time is not counted. Ends with
 * RATIO lines: Kafka's figure divided by ours for costs, ours by Kafka's for rates; higher is better for us.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { installClient } from '../scripts/clients/install.ts'
import { createAdmin } from '../src/client/admin/admin.ts'
import { Cluster } from '../src/client/cluster.ts'
import { nodePlatform } from '../src/platform/node/platform.ts'
import { cpuSecondsOf, memoryOf, type Side, startKafka, startMillrace } from './broker/sides.ts'
import { medianOf } from './measuring/pass.ts'

const RECORD_BYTES = 100
const LATENCY_RATE = 20_000
const LATENCY_SECONDS = 10
const TOOL_TIMEOUT_MS = 300_000

const { values } = parseArgs({
  options: { records: { type: 'string', default: '2000000' }, passes: { type: 'string', default: '3' } },
})
const records = Number(values.records)
const passes = Number(values.passes)
const jars = join(await installClient('java'), 'jars')
const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))

type Work = 'produce' | 'latency' | 'consume'
interface Result {
  readonly side: Side['name']
  readonly job: Work
  readonly eps: number
  readonly cpuPerMillion: number
  readonly p50Ms: number
  readonly p99Ms: number
}
const results: Result[] = []

function tool(...parameters: string[]): string {
  const run = spawnSync('java', ['-Xmx512m', '-cp', `${jars}/*`, ...parameters], {
    encoding: 'utf8',
    timeout: TOOL_TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  })
  if (run.status !== 0)
    throw new Error(`${parameters[0]} ended with ${run.status}:\n${run.stdout}${run.stderr}`)
  return run.stdout
}

function measure(side: Side, job: Work, pass: number, n: number, run: () => string): void {
  const before = cpuSecondsOf(side.pid)
  const text = run()
  const cpu = cpuSecondsOf(side.pid) - before
  const figures = job === 'consume' ? consumed(text) : produced(text)
  const { peakMb } = memoryOf(side.pid)
  const result = { side: side.name, job, cpuPerMillion: (cpu * 1e6) / n, ...figures }
  results.push(result)
  const line = { job: `${job}-${side.name}`, n, pass, sec: Number((n / figures.eps).toFixed(3)) }
  const rest = { eps: Math.round(figures.eps), cpu: Number(cpu.toFixed(2)), hwm_mb: peakMb, out: n }
  const latency = job === 'consume' ? {} : { p50_ms: figures.p50Ms, p99_ms: figures.p99Ms }
  console.log(`RESULT ${JSON.stringify({ ...line, ...rest, ...latency })}`)
}

/** `… records sent, 812345.6 records/sec (…), …, 3 ms 50th, 12 ms 95th, 20 ms 99th, …` */
function produced(text: string): { eps: number; p50Ms: number; p99Ms: number } {
  const last = text.trimEnd().split('\n').at(-1) ?? ''
  const number = (pattern: RegExp): number => Number(pattern.exec(last)?.[1] ?? Number.NaN)
  return {
    eps: number(/ ([\d.]+) records\/sec/),
    p50Ms: number(/ (\d+) ms 50th/),
    p99Ms: number(/ (\d+) ms 99th/),
  }
}

/** A line of CSV with a head: `…, nMsg.sec, …, fetch.nMsg.sec`. */
function consumed(text: string): { eps: number; p50Ms: number; p99Ms: number } {
  const lines = text.trimEnd().split('\n')
  const head = lines.find((line) => line.includes('nMsg.sec'))?.split(',') ?? []
  const cells = lines.at(-1)?.split(',') ?? []
  const at = head.findIndex((name) => name.trim() === 'fetch.nMsg.sec')
  return { eps: Number(cells[at]), p50Ms: Number.NaN, p99Ms: Number.NaN }
}

async function round(side: Side, pass: number): Promise<void> {
  const topic = `perf-${pass}`
  const cluster = new Cluster({ platform: nodePlatform(), brokers: [side.address] })
  await createAdmin(cluster).createTopics([{ topic, partitions: 1 }])
  await cluster.close()
  const to = ['--bootstrap-server', side.address, '--topic', topic]
  const produce = (n: number, rate: number): string =>
    tool(
      'org.apache.kafka.tools.ProducerPerformance',
      ...to,
      ...['--num-records', `${n}`, '--record-size', `${RECORD_BYTES}`, '--throughput', `${rate}`],
      ...['--command-property', 'acks=all'],
    )
  measure(side, 'produce', pass, records, () => produce(records, -1))
  const few = LATENCY_RATE * LATENCY_SECONDS
  measure(side, 'latency', pass, few, () => produce(few, LATENCY_RATE))
  measure(side, 'consume', pass, records, () =>
    tool('org.apache.kafka.tools.ConsumerPerformance', ...to, '--num-records', `${records}`),
  )
}

const ours = await startMillrace(join(directory, 'millrace'))
const theirs = await startKafka(join(directory, 'kafka'), jars).catch(async (error: unknown) => {
  await ours.stop()
  throw error
})
const sides = [ours, theirs] as const
const idle = sides.map(({ pid }) => memoryOf(pid).nowMb)
try {
  for (let pass = 1; pass <= passes; pass++) for (const side of sides) await round(side, pass)
  const median = (side: Side, job: Work, of: (result: Result) => number): number =>
    medianOf(results.filter((one) => one.side === side.name && one.job === job).map(of))
  const ratio = (work: string, value: number): void => console.log(`RATIO ${work} kafka ${value.toFixed(2)}`)
  for (const job of ['produce', 'latency', 'consume'] as const) {
    const cost = (one: Result): number => one.cpuPerMillion
    console.log(
      `${job}: ${sides.map((side) => `${side.name} ${median(side, job, cost).toFixed(2)} CPU s per million`).join(', ')}`,
    )
    ratio(`${job}-cpu`, median(theirs, job, cost) / median(ours, job, cost))
    if (job !== 'latency') {
      const rate = (one: Result): number => one.eps
      ratio(`${job}-rate`, median(ours, job, rate) / median(theirs, job, rate))
      continue
    }
    const p99 = (one: Result): number => one.p99Ms
    console.log(`latency: p99 ${sides.map((side) => `${side.name} ${median(side, job, p99)} ms`).join(', ')}`)
    ratio('latency-p99', median(theirs, job, p99) / median(ours, job, p99))
  }
  ratio('ready', theirs.readyMs / ours.readyMs)
  ratio('memory-idle', idle[1]! / idle[0]!)
  ratio('memory-peak', memoryOf(theirs.pid).peakMb / memoryOf(ours.pid).peakMb)
  console.log(
    sides
      .map(({ name, readyMs, pid }, at) => {
        return `${name}: ready in ${Math.round(readyMs)} ms, ${idle[at]} MB idle, ${memoryOf(pid).peakMb} MB at most`
      })
      .join('\n'),
  )
} finally {
  for (const side of sides) await side.stop()
  rmSync(directory, { recursive: true, force: true })
}
