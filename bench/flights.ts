/**
 * `npm run bench -- flights`: the demo as a user meets it.
 *
 *   1. `millrace --version`, and from the start of `millrace dev` to its first record, each in processes of their own.
 *   2. January to its end as fast as possible: files → agent → topics → pipeline → topics → files and page. Each pass
 *      begins with an empty data directory; the first is cold.
 *
 * Options: --passes K (3), --threads N (1), --partitions N (1), --starts K (3).
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import config from '../examples/flights/millrace.config.ts'
import { silentLogger } from '../src/core/logger.ts'
import { sleep } from '../src/platform/clock.ts'
import { nodePlatform } from '../src/platform/node/platform.ts'
import { nodeThreads } from '../src/platform/node/threads.ts'
import type { FlowSnapshot } from '../src/server/flow.ts'
import { Instance } from '../src/server/instance/instance.ts'
import { measurePass, medianOf, type PassResult, printSummary } from './measuring/pass.ts'

const FIRST_RECORD_TIMEOUT_MS = 30_000

const program = new URL('../bin/millrace.mjs', import.meta.url).pathname
const configFile = new URL('../examples/flights/millrace.config.ts', import.meta.url).pathname
const consoleDirectory = new URL('../console/dist', import.meta.url).pathname
const platform = nodePlatform()

const { values } = parseArgs({
  options: {
    passes: { type: 'string', default: '3' },
    threads: { type: 'string', default: '1' },
    partitions: { type: 'string', default: '1' },
    starts: { type: 'string', default: '3' },
  },
})
const passes = Number(values.passes)
const threads = Number(values.threads)
const partitions = Number(values.partitions)
const starts = Number(values.starts)

function newDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'millrace-bench-'))
}

function versionMs(): number {
  const startMs = performance.now()
  spawnSync(process.execPath, [program, '--version'])
  return performance.now() - startMs
}

/** The records in the topics that the agent writes, by the page's own picture. */
function collected(snapshot: FlowSnapshot): number {
  return snapshot.nodes.filter(({ kind }) => kind === 'source').reduce((sum, { records }) => sum + records, 0)
}

/** From the start of the process to the first record in its picture. */
async function firstRecordMs(): Promise<number> {
  const directory = newDirectory()
  const startMs = performance.now()
  const flags = ['--data', directory, '--port', '0', '--console-port', '0']
  const child = spawn(process.execPath, [program, 'dev', configFile, ...flags])
  const ended = new Promise((resolve) => child.on('close', resolve))
  try {
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
    }
    while (performance.now() - startMs < FIRST_RECORD_TIMEOUT_MS) {
      const page = / up +page +(\S+)/.exec(text)?.[1]
      const answer = page === undefined ? undefined : await fetch(`${page}/api/flow`).catch(() => undefined)
      if (answer?.ok && collected((await answer.json()) as FlowSnapshot) > 0)
        return performance.now() - startMs
      await sleep(platform.clock, 5)
    }
    throw new Error(`no record after ${FIRST_RECORD_TIMEOUT_MS} ms:\n${text}`)
  } finally {
    child.kill('SIGKILL')
    await ended
    rmSync(directory, { recursive: true, force: true })
  }
}

/** All of January; gives the records collected and the rows of the result tables. */
async function runToEnd(): Promise<{ records: number; rows: number }> {
  const dataDirectory = newDirectory()
  const instance = await Instance.start({
    platform,
    threads: nodeThreads,
    logger: silentLogger,
    config,
    configFile,
    title: 'flights',
    version: 'bench',
    dataDirectory,
    consoleDirectory,
    once: true,
    threadCount: threads,
    partitions,
    brokerPort: 0,
    consolePort: 0,
    strictPort: false,
  })
  try {
    await instance.finished
    const snapshot = instance.snapshot()
    const rows = snapshot.results.reduce((sum, { rowCount }) => sum + rowCount, 0)
    return { records: collected(snapshot), rows }
  } finally {
    await instance.stop()
    rmSync(dataDirectory, { recursive: true, force: true })
  }
}

versionMs()
const versions = Array.from({ length: starts }, versionMs)
console.log(`millrace --version: ${Math.round(medianOf(versions))} ms (median of ${starts})`)
const firsts: number[] = []
for (let start = 0; start < starts; start++) firsts.push(await firstRecordMs())
console.log(`millrace dev, first record: ${Math.round(medianOf(firsts))} ms (median of ${starts})`)

const results: PassResult[] = []
for (let pass = 1; pass <= passes; pass++)
  results.push(await measurePass({ name: 'flights', threads, pass }, runToEnd))
printSummary(`flights, ${partitions} partition(s), ${threads} thread(s)`, results)
