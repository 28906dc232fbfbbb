/** The process that runs this, as Node gives it. */
import fs from 'node:fs'
import v8 from 'node:v8'
import type { MemoryUse, Process } from '../process.ts'

/** `VmHWM`, where the system has it; else what Node's own counter says. */
function peakRssBytes(): number {
  try {
    const status = fs.readFileSync('/proc/self/status', 'utf8')
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
    if (kib !== undefined) return Number(kib) * 1024
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024
}

function memory(): MemoryUse {
  const rssBytes = process.memoryUsage.rss()
  return { rssBytes, peakRssBytes: Math.max(rssBytes, peakRssBytes()) }
}

/** The process that runs this. */
export const nodeProcess: Process = {
  argv: process.argv.slice(2),
  cwd: process.cwd(),
  pid: process.pid,
  platform: `${process.platform}-${process.arch}`,
  nodeVersion: process.versions.node,
  env: (name) => process.env[name],
  setExitCode(code) {
    process.exitCode = code
  },
  exit: (code) => process.exit(code),
  onSignal(signal, run) {
    process.on(signal, run)
    return () => void process.off(signal, run)
  },
  cpuSeconds() {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  },
  memory,
  // The factor is read each time that the young generation is about to grow; its limit is read at the start only.
  holdYoungHeap: () => v8.setFlagsFromString('--semi-space-growth-factor=1'),
  uptimeMs: () => process.uptime() * 1000,
}

/** Calls `run` with the status when the process ends, by itself or by `process.exit`; it ends with what `run` returns. */
export function onNodeExit(run: (status: number) => number): void {
  process.on('exit', (status) => {
    process.exitCode = run(status)
  })
}
