/** A process in memory, for tests of commands: arguments, environment, signals and the exit status. */
import type { Process, ProcessSignal } from '../process.ts'

/** What `exit` of a simulated process throws, to end the program there. */
export class SimulatedExit extends Error {
  readonly exitCode: number
  constructor(exitCode: number) {
    super(`exit ${exitCode}`)
    this.exitCode = exitCode
  }
}

export interface SimulatedProcess extends Process {
  /** The status set last; undefined when none was. */
  readonly exitCode: number | undefined
  /** Delivers a signal. False when nobody listens: a real process would end. */
  signal(signal: ProcessSignal): boolean
}

export function simulatedProcess(
  options: { readonly argv?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): SimulatedProcess {
  const listeners: Record<ProcessSignal, Set<() => void>> = { SIGINT: new Set(), SIGTERM: new Set() }
  let exitCode: number | undefined
  return {
    argv: options.argv ?? [],
    cwd: '/',
    pid: 1,
    platform: 'simulated-x64',
    nodeVersion: '24.0.0',
    env: (name) => options.env?.[name],
    get exitCode() {
      return exitCode
    },
    setExitCode(code) {
      exitCode = code
    },
    exit(code) {
      exitCode = code
      throw new SimulatedExit(code)
    },
    onSignal(signal, run) {
      listeners[signal].add(run)
      return () => void listeners[signal].delete(run)
    },
    signal(signal) {
      for (const run of [...listeners[signal]]) run()
      return listeners[signal].size > 0
    },
    cpuSeconds: () => 0,
    memory: () => ({ rssBytes: 0, peakRssBytes: 0 }),
    holdYoungHeap: () => {},
    uptimeMs: () => 0,
  }
}
