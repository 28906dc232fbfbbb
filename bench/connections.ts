/**
 * `npm run bench -- connections`: what open connections cost the broker, which runs in a process of its own.
 *
 * 10,000 connections, of which 1,000 write a record of 100 bytes and read one, once a second each. Printed: the
 * broker's memory before, with all connections silent, after the talk and at most; bytes per silent connection; CPU;
 * p50 and p99 of the talkers' requests. The aim is a broker of less than 130 MB.
 *
 * Options: --open N (10000), --talking N (1000), --seconds S (10), --passes K (1). Each side of a connection is a file
 * that its process has open: where `ulimit -Hn` allows too few the run says so and opens fewer.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../scripts/repository.ts'
import { type ConnectionsResult, measureConnections } from './connections/load.ts'
import { buildInto } from './connections/serve.ts'

const AIM_MB = 130
/** Files that a process has open besides its connections. */
const OTHER_FILES = 200

const { values } = parseArgs({
  options: {
    open: { type: 'string', default: '10000' },
    talking: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    passes: { type: 'string', default: '1' },
  },
})

/** Node raises its own limit to the hard one when it starts; the hard one is the administrator's. */
function openFilesMax(): number {
  const text = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim()
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text)
}

const wanted = Number(values.open)
const possible = openFilesMax() - OTHER_FILES
if (possible < wanted) {
  console.log(`the hard limit on open files (ulimit -Hn) allows ${possible} connections, not ${wanted}`)
}
const open = Math.min(wanted, possible)
const talking = Math.min(Number(values.talking), open)
const seconds = Number(values.seconds)

function print(pass: number, result: ConnectionsResult): void {
  const { openCpuSeconds, openSeconds, requests, talkCpuSeconds, talkSeconds } = result
  const line = (job: string, n: number, sec: number, cpu: number, more: object): void => {
    const figures = { job, n, pass, sec: Number(sec.toFixed(3)), eps: Math.round(n / sec) }
    const rest = { cpu: Number(cpu.toFixed(2)), hwm_mb: result.peakMb, out: n, ...more }
    console.log(`RESULT ${JSON.stringify({ ...figures, ...rest })}`)
  }
  const memory = { before_mb: result.readyMb, after_mb: result.silentMb, bytes_each: result.bytesPerSilent }
  line('connect', result.open, openSeconds, openCpuSeconds, memory)
  const latency = { p50_ms: Number(result.p50Ms.toFixed(2)), p99_ms: Number(result.p99Ms.toFixed(2)) }
  line('talk', requests, talkSeconds, talkCpuSeconds, { ...latency, after_mb: result.talkedMb })
  const cores = ((100 * talkCpuSeconds) / talkSeconds).toFixed(0)
  console.log(
    `${result.open} connections: ${result.readyMb} MB before, ${result.silentMb} MB silent (${result.bytesPerSilent} bytes each), ` +
      `${result.talkedMb} MB after ${talking} talked, ${result.peakMb} MB at most (aim: under ${AIM_MB})\n` +
      `talk: ${Math.round(requests / talkSeconds)} requests/s, ${cores} % of a core, p50 ${result.p50Ms.toFixed(2)} ms, p99 ${result.p99Ms.toFixed(2)} ms`,
  )
  if (result.open < open) throw new Error(`${open - result.open} connections were lost`)
}

// As it is published: a process that runs the source holds what left out the types, too.
const program = buildInto(join(root, '.cache/bench'))
for (let pass = 1; pass <= Number(values.passes); pass++) {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  try {
    print(pass, await measureConnections({ open, talking, rounds: seconds, program, directory }))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
