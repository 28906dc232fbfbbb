/** The two brokers that are compared: ours and Apache Kafka, each a process on a free port with an empty directory. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createAdmin } from '../../src/client/admin/admin.ts'
import { Cluster } from '../../src/client/cluster.ts'
import { sleep } from '../../src/platform/clock.ts'
import { nodePlatform } from '../../src/platform/node/platform.ts'

export interface Side {
  readonly name: 'millrace' | 'kafka'
  readonly address: string
  readonly pid: number
  /** From the start of the process to its first answer about topics. */
  readonly readyMs: number
  stop(): Promise<void>
}

const READY_TIMEOUT_MS = 120_000
/** USER_HZ of Linux. */
const TICKS_PER_SECOND = 100

/** User and system seconds of a process so far. */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** Resident memory of a process, MB: now, and at most so far. */
export function memoryOf(pid: number): { readonly nowMb: number; readonly peakMb: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const mb = (field: string): number => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) >> 10
  return { nowMb: mb('VmRSS'), peakMb: mb('VmHWM') }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

export async function startMillrace(directory: string): Promise<Side> {
  const program = new URL('serve.ts', import.meta.url).pathname
  const port = await freePort()
  const child = () =>
    spawn(process.execPath, ['--conditions=millrace-source', program, directory, `${port}`], {
      stdio: 'pipe',
    })
  return started('millrace', port, child)
}

/** @param jars the folder of Kafka's jars */
export async function startKafka(directory: string, jars: string): Promise<Side> {
  const port = await freePort()
  const controller = await freePort()
  mkdirSync(directory, { recursive: true })
  const properties = join(directory, 'server.properties')
  writeFileSync(
    properties,
    [
      'process.roles=broker,controller',
      'node.id=1',
      `controller.quorum.voters=1@127.0.0.1:${controller}`,
      `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
      'controller.listener.names=CONTROLLER',
      `log.dirs=${join(directory, 'data')}`,
      'offsets.topic.replication.factor=1',
      'transaction.state.log.replication.factor=1',
      'transaction.state.log.min.isr=1',
      'group.initial.rebalance.delay.ms=0',
    ].join('\n'),
  )
  const java = (...parameters: string[]): string[] => ['-Xmx1g', '-cp', `${jars}/*`, ...parameters]
  const id = ['-t', 'AAAAAAAAAAAAAAAAAAAAAQ', '-c', properties]
  const format = spawnSync('java', java('kafka.tools.StorageTool', 'format', ...id), { encoding: 'utf8' })
  if (format.status !== 0) throw new Error(format.stderr + format.stdout)
  const child = () => spawn('java', java('kafka.Kafka', properties), { stdio: 'pipe' })
  return started('kafka', port, child)
}

/** Whether a broker tells of its topics. */
async function answers(address: string): Promise<boolean> {
  const cluster = new Cluster({ platform: nodePlatform(), brokers: [address] })
  try {
    await createAdmin(cluster, { timeoutMs: 500 }).partitionCounts()
    return true
  } catch {
    return false
  } finally {
    await cluster.close()
  }
}

async function started(name: Side['name'], port: number, start: () => ChildProcess): Promise<Side> {
  const startMs = performance.now()
  const child = start()
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on('line', (line) => lines.push(line))
  }
  const address = `127.0.0.1:${port}`
  while (!(await answers(address))) {
    const over = performance.now() - startMs > READY_TIMEOUT_MS || child.exitCode !== null
    if (over) child.kill('SIGKILL')
    if (over) throw new Error(`${name} is not ready:\n${lines.slice(-50).join('\n')}`)
    await sleep(nodePlatform().clock, 10)
  }
  const readyMs = performance.now() - startMs
  return {
    name,
    address,
    pid: child.pid ?? 0,
    readyMs,
    async stop() {
      child.kill('SIGTERM')
      const timeout = setTimeout(() => child.kill('SIGKILL'), 20_000)
      await ended
      clearTimeout(timeout)
    },
  }
}
